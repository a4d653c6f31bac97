/** Keys of a TrustRoot change while Pods are made, and TUF repositories go bad, under a program that is never restarted. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBench, type Bench } from '../../src/demo/images/bench.ts';
import { attachBundles, imageStatement, signBundleKeyless } from '../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacyKeyless, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startSigstore, type Sigstore } from '../../src/demo/sigstore/sigstore.ts';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { newSigner, past, serve, TufRepo, type Mirror } from '../adapters/sigstore/tuf-kit.ts';
import { hasCluster } from './access.ts';
import type { ApiObject } from './gate/api.ts';
import { becomes, told } from './gate/conditions.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { ownAddress } from './gate/own-address.ts';
import { policyOf } from './gate/policies.ts';
import { refusal } from './gate/refusal.ts';
import { trustRoot } from './gate/trust-root.ts';
import { pod, podSpec } from './gate/workloads.ts';
import { until } from './processes.ts';

type Side = 'old' | 'new';
const sides = ['old', 'new'] as const;

/** Within which a change has travelled: from the API server to the program, and into force. */
const travelMs = 5_000;
const callers = 3;
const imagesPerSide = 12;

interface Attempt {
  readonly side: Side;
  readonly began: number;
  readonly ended: number;
  /** Its code; undefined: admitted. */
  readonly refused: { readonly http: number; readonly code: string } | undefined;
}

/** Keys of these are in the TrustRoot; `at` is the moment before it was applied. */
interface Phase {
  readonly trusted: readonly Side[];
  readonly at: number;
}

describe.runIf(hasCluster)('trust roots that change while the program serves', () => {
  let gate: Gate;
  let benches: Record<Side, Bench>;
  let signers: Record<Side, Sigstore>;
  let pid: number | undefined;
  const applied: ApiObject[] = [];

  beforeAll(async () => {
    gate = await startGate();
    pid = gate.webhook.pid();
    await gate.api.remove(gate.policy);
    signers = { old: await startSigstore(), new: await startSigstore() };
    benches = { old: createBench(gate.registry, signers.old), new: createBench(gate.registry, signers.new) };
  });
  afterAll(async () => {
    for (const object of applied) await gate.api.remove(object);
    for (const side of sides) await signers?.[side].close();
    await gate?.close();
  });

  async function keep(object: ApiObject): Promise<ApiObject> {
    applied.push(object);
    await gate.api.apply(object);
    return object;
  }

  /** In both formats by turns. */
  async function imageOf(side: Side, repository: string, format: 'bundle' | 'legacy'): Promise<string> {
    const image = { repository, ...pushImage(gate.registry, { repository, tag: '1.0' }) };
    const signer = { sigstore: signers[side], identity: benches[side].identity };
    if (format === 'bundle')
      attachBundles(gate.registry, image, [await signBundleKeyless(imageStatement(image.digest), signer)]);
    else
      attachLegacy(gate.registry, image, [
        await signLegacyKeyless(simpleSigningPayload(gate.registry.host, image), signer),
      ]);
    return `${gate.registry.host}/${repository}:1.0`;
  }

  function keylessPolicy(name: string, root: string): ApiObject {
    const { issuer, subject } = benches.old.identity;
    const keyless = { identities: [{ issuer, subject }], trustRootRef: root };
    return policyOf(name, `${gate.registry.host}/${name}`, [{ name: 'release', keyless }]);
  }

  const trial = (image: string): Promise<unknown> =>
    gate.api.create(pod(gate.namespace, 'trial', podSpec(image)), { dryRun: true });

  const isAdmitted = (image: string): Promise<boolean> =>
    trial(image).then(
      () => true,
      () => false,
    );

  describe('keys in the object', () => {
    const rootOf = (trusted: readonly Side[]): ApiObject =>
      trustRoot('rotated', merged(trusted.map((side) => signers[side].trustedRootJson)));

    async function attempt(side: Side, image: string): Promise<Attempt> {
      const began = Date.now();
      const refused = await trial(image).then(
        () => undefined,
        async (error: unknown) => {
          const { code, sentence } = await refusal(Promise.reject(error));
          return { http: code, code: sentence.split(':')[0] ?? '' };
        },
      );
      return { side, began, ended: Date.now(), refused };
    }

    test('old, both, new: under load no verdict is wrong but while a change travels', async () => {
      const images = await Promise.all(
        sides.flatMap((side) =>
          Array.from({ length: imagesPerSide }, async (_, index) => {
            const image = await imageOf(side, `rotating/${side}-${index}`, index % 2 === 0 ? 'bundle' : 'legacy');
            return { side, image };
          }),
        ),
      );
      const [first] = images;
      if (first === undefined) throw new Error('no image');
      await keep(keylessPolicy('rotating', 'rotated'));
      const phases: Phase[] = [{ trusted: ['old'], at: 0 }];
      await keep(rootOf(['old']));
      expect(await until(() => isAdmitted(first.image), 20_000)).toBe(true);

      const attempts: Attempt[] = [];
      let goesOn = true;
      const call = async (caller: number): Promise<void> => {
        for (let turn = caller; goesOn; turn += 1) {
          const { side, image } = images[(turn * 7) % images.length] ?? first;
          attempts.push(await attempt(side, image));
        }
      };
      const load = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller * 5)));
      const settled = async (count: number): Promise<void> => {
        await sleep(travelMs + 1_000);
        // A slow machine gets the time that it needs for what has to be seen.
        await until(async () => attempts.length >= count, 30_000);
      };
      await settled(170);
      for (const trusted of [['old', 'new'], ['new']] as const) {
        const atLeast = attempts.length + 170;
        phases.push({ trusted, at: Date.now() });
        await gate.api.apply(rootOf(trusted));
        await settled(atLeast);
      }
      goesOn = false;
      await load;

      expect(attempts.length).toBeGreaterThanOrEqual(500);
      expect(attempts.filter((one) => !isRight(one, phases))).toEqual([]);
      expect(attempts.filter(({ refused }) => refused !== undefined && refused.http !== 403)).toEqual([]);
      // What is refused is refused for its signer, not for a failure on the way.
      const codes = new Set(attempts.flatMap(({ refused }) => refused?.code ?? []));
      expect([...codes].filter((code) => !['CERTIFICATE_INVALID', 'TLOG_INVALID'].includes(code))).toEqual([]);
      for (const phase of phases) expect(seenIn(attempts, phases, phase)).toEqual(expectedIn(phase));
      expect(comesBack(attempts, phases)).toEqual([]);
      expect(gate.webhook.pid()).toBe(pid);
    }, 90_000);
  });

  describe('TUF repositories', () => {
    const mirrors: Mirror[] = [];
    afterAll(async () => {
      for (const mirror of mirrors) await mirror.close();
    });

    const target = (side: Side) => ({ targets: { 'trusted_root.json': signers[side].trustedRootJson } });
    /** Looked at again when half of the time is over. */
    const soonOver = (): string => new Date(Date.now() + 6_000).toISOString().replace(/\.\d+/, '');

    async function served(repo: TufRepo): Promise<Mirror> {
      const mirror = await serve(repo.copy(), ownAddress());
      mirrors.push(mirror);
      return mirror;
    }

    const tufRoot = (name: string, source: object): ApiObject => ({
      apiVersion: 'policy.sigstore.dev/v1alpha1',
      kind: 'TrustRoot',
      metadata: { name },
      spec: source,
    });
    const remote = (name: string, repo: TufRepo, { url }: Mirror): ApiObject =>
      tufRoot(name, { remote: { root: repo.initialRoot.toString('base64'), mirror: url } });
    const packed = (name: string, repo: TufRepo): ApiObject =>
      tufRoot(name, {
        repository: { root: repo.initialRoot.toString('base64'), mirrorFS: repo.archive().toString('base64') },
      });

    /** Makes the repository bad, as it is from now on. */
    type Spoil = (repo: TufRepo) => void;
    const spoils: Readonly<Record<string, { readonly spoil: Spoil; readonly says: RegExp }>> = {
      expired: {
        spoil: (repo) => repo.publish({ ...target('new'), expires: { timestamp: past } }),
        says: /has expired/,
      },
      tampered: {
        spoil: (repo) => {
          repo.publish(target('new'));
          const name = `targets/${hexOf(digestOf(signers.new.trustedRootJson))}.trusted_root.json`;
          repo.files.set(name, Buffer.from(repo.file(name).toString().replace('"tlogs"', '"Tlogs"')));
        },
        says: /was changed|hash/,
      },
      'signed by somebody else': {
        spoil: (repo) => repo.publish({ ...target('new'), signers: { timestamp: [newSigner()] } }),
        says: /not signed by as many of the trusted keys/,
      },
    };
    const older = /rolled back/;

    async function stand(name: string): Promise<Readonly<Record<Side, string>>> {
      await keep(keylessPolicy(name, name));
      return {
        old: await imageOf('old', `${name}/old`, 'bundle'),
        new: await imageOf('new', `${name}/new`, 'legacy'),
      };
    }

    const verdicts = async (images: Readonly<Record<Side, string>>): Promise<readonly boolean[]> =>
      Promise.all(sides.map((side) => isAdmitted(images[side])));

    const state = async (root: ApiObject, wanted: string): Promise<string> => {
      const { state: found, message, count } = await becomes(gate.api, root, wanted, { within: 15_000 });
      expect(count).toBe(1);
      expect([found, message]).toEqual([wanted, message]);
      return message;
    };

    test.each([...Object.keys(spoils), 'rolled back'])(
      'a server whose repository is %s: what was read stays, and the next good one is in force',
      async (kind) => {
        const name = `served-${kind.replaceAll(' ', '-')}`;
        const repo = new TufRepo();
        repo.publish(target('new'));
        const first = repo.copy();
        repo.publish({ ...target('old'), expires: { timestamp: soonOver() } });
        const mirror = await served(repo);
        const root = remote(name, repo, mirror);
        const images = await stand(name);
        await keep(root);
        await state(root, 'True InForce');
        expect(await verdicts(images)).toEqual([true, false]);
        const found = spoils[kind];
        found?.spoil(repo);
        mirror.files = found === undefined ? first : repo.copy();
        const message = await state(root, 'False NotRefreshed');
        expect(message).toMatch(found?.says ?? older);
        expect(message).toMatch(/What was read before stays in force/i);
        expect(await verdicts(images)).toEqual([true, false]);
        repo.publish(target('new'));
        mirror.files = repo.copy();
        await state(root, 'True InForce');
        expect(await until(async () => (await verdicts(images)).join() === 'false,true', travelMs)).toBe(true);
      },
      40_000,
    );

    test.each(Object.keys(spoils))('a server whose repository was %s from the beginning', async (kind) => {
      const name = `never-${kind.replaceAll(' ', '-')}`;
      const repo = new TufRepo();
      const { spoil, says } = spoils[kind] ?? { spoil: () => undefined, says: /nothing/ };
      spoil(repo);
      const mirror = await served(repo);
      const root = remote(name, repo, mirror);
      const images = await stand(name);
      await keep(root);
      expect(await state(root, 'False NotRead')).toMatch(says);
      const { code, sentence } = await refusal(trial(images.new));
      expect(code).toBe(403);
      expect(sentence).toMatch(/^POLICY_NOT_READY: /);
      expect(sentence).toMatch(says);
      expect((await told(gate.api, keylessPolicy(name, name))).state).toBe('False TrustRootNotReady');
      repo.publish(target('old'));
      mirror.files = repo.copy();
      await state(root, 'True InForce');
      expect(await until(async () => (await verdicts(images)).join() === 'true,false', travelMs)).toBe(true);
    });

    test.each([...Object.keys(spoils), 'rolled back'])(
      'a repository in the object that is %s: what was read stays, and the next good one is in force',
      async (kind) => {
        const name = `packed-${kind.replaceAll(' ', '-')}`;
        const repo = new TufRepo();
        repo.publish(target('new'));
        const first = packed(name, repo);
        repo.publish(target('old'));
        const root = packed(name, repo);
        const images = await stand(name);
        await keep(root);
        await state(root, 'True InForce');
        expect(await verdicts(images)).toEqual([true, false]);
        const found = spoils[kind];
        found?.spoil(repo);
        await gate.api.apply(found === undefined ? first : packed(name, repo));
        expect(await state(root, 'False NotRefreshed')).toMatch(found?.says ?? older);
        expect(await verdicts(images)).toEqual([true, false]);
        repo.publish(target('new'));
        await gate.api.apply(packed(name, repo));
        await state(root, 'True InForce');
        expect(await until(async () => (await verdicts(images)).join() === 'false,true', travelMs)).toBe(true);
      },
    );

    test('nothing was restarted for it', () => {
      expect(gate.webhook.pid()).toBe(pid);
    });
  });
});

/** One trusted root of several: what each of them trusts. */
function merged(roots: readonly string[]): string {
  const all = roots.map((text) => asRecord(JSON.parse(text)) ?? {});
  const lists = ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'].map((name) => {
    const entries = all.flatMap((root): readonly unknown[] => (Array.isArray(root[name]) ? root[name] : []));
    return [name, entries] as const;
  });
  return JSON.stringify({ ...all[0], ...Object.fromEntries(lists) });
}

/** What may have been in force for it: the phase in which it began, the one before while it travels, those that came meanwhile. */
function phasesOf({ began, ended }: Attempt, phases: readonly Phase[]): readonly Phase[] {
  return phases.filter(({ at }, index) => {
    const next = phases[index + 1]?.at ?? Infinity;
    return at <= ended && began < next + travelMs;
  });
}

function isRight(one: Attempt, phases: readonly Phase[]): boolean {
  const isTrusted = one.refused === undefined;
  return phasesOf(one, phases).some(({ trusted }) => trusted.includes(one.side) === isTrusted);
}

/** Of those that were certainly made under this phase. */
function seenIn(attempts: readonly Attempt[], phases: readonly Phase[], phase: Phase): readonly string[] {
  const surely = attempts.filter((one) => phasesOf(one, phases).every((possible) => possible === phase));
  return [
    ...new Set(surely.map(({ side, refused }) => `${side} ${refused === undefined ? 'admitted' : 'refused'}`)),
  ].sort();
}

function expectedIn({ trusted }: Phase): readonly string[] {
  return sides.map((side) => `${side} ${trusted.includes(side) ? 'admitted' : 'refused'}`).sort();
}

/** Verdicts of the phase before, asked for after one of the new phase was given: there are none. */
function comesBack(attempts: readonly Attempt[], phases: readonly Phase[]): readonly Attempt[] {
  const flips = [
    { side: 'new', isTrusted: true, since: phases[1]?.at ?? 0 },
    { side: 'old', isTrusted: false, since: phases[2]?.at ?? 0 },
  ] as const;
  return flips.flatMap(({ side, isTrusted, since }) => {
    const ofSide = attempts.filter((one) => one.side === side && one.ended > since);
    const changed = ofSide.filter(({ refused }) => (refused === undefined) === isTrusted);
    const first = Math.min(...changed.map(({ ended }) => ended));
    return ofSide.filter(({ began, refused }) => began > first && (refused === undefined) !== isTrusted);
  });
}
