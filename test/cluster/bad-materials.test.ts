/**
 * What policies name and do not hold goes bad: ConfigMaps and Secrets that vanish, code at addresses, keys of key services.
 * And policies that are wrong themselves, at the API server. All through the program as it serves.
 */
import { createHash } from 'node:crypto';
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { rows, type Row } from '../policy/policy-controller-rows.ts';
import { hasCluster } from './access.ts';
import { issue, makeAuthority } from './certificates.ts';
import type { Answer, ApiObject } from './gate/api.ts';
import { becomes, told, type Told } from './gate/conditions.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage } from './gate/images.ts';
import { registerPolicies, type Registered } from './gate/installation.ts';
import { ownAddress } from './gate/own-address.ts';
import { serviceOf, type Service } from './gate/service.ts';
import { policyOf } from './gate/policies.ts';
import { refusal } from './gate/refusal.ts';
import { pod, podSpec } from './gate/workloads.ts';
import { until } from './processes.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const giving =
  (text: string, status = 200): RequestListener =>
  (_request, response) =>
    void response.writeHead(status).end(text);

const yes = 'true || false';
const no = 'true && false';

describe.runIf(hasCluster)('what policies name, and policies that are wrong', () => {
  let gate: Gate;
  let registered: Registered;
  let addresses: Service;
  let vault: Service;
  const environment = { ...process.env };
  const folder = mkdtempSync(join(tmpdir(), 'countersign-materials-'));
  const host = ownAddress();

  beforeAll(async () => {
    const authority = await makeAuthority();
    const { cert, key } = await issue(authority, { commonName: 'policies', addresses: [host] });
    addresses = await serviceOf((listener) => createServer({ cert, key }, listener), host);
    vault = await serviceOf((listener) => createHttpServer(listener), '127.0.0.1');
    writeFileSync(join(folder, 'ca.pem'), authority.cert);
    process.env['NODE_EXTRA_CA_CERTS'] = join(folder, 'ca.pem');
    process.env['VAULT_ADDR'] = `http://127.0.0.1:${vault.port}`;
    process.env['VAULT_TOKEN'] = 'token';
    gate = await startGate();
    registered = await registerPolicies(gate.api, gate.webhook.url, gate.webhook.caBundle);
    const probe = policyOf('probe', 'a.example', []);
    const isAsked = async (): Promise<boolean> => (await gate.api.tryOut(probe)).text.includes('denied the request');
    if (!(await until(isAsked, 20_000))) throw new Error('the API server does not ask about policies');
    // A leader that was killed is followed after 15 seconds.
    await isTold(gate.policy, 'True InForce', 40_000);
  }, 90_000);
  afterAll(async () => {
    for (const name of ['NODE_EXTRA_CA_CERTS', 'VAULT_ADDR', 'VAULT_TOKEN']) {
      const before = environment[name];
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    }
    await registered?.remove();
    await addresses?.close();
    await vault?.close();
    await gate?.close();
    rmSync(folder, { recursive: true });
  });

  const applied: ApiObject[] = [];
  afterEach(async () => {
    for (const object of applied.splice(0)) await gate.api.remove(object);
  });

  async function keep(object: ApiObject): Promise<ApiObject> {
    applied.push(object);
    await gate.api.apply(object);
    return object;
  }

  const inSystem = (kind: 'ConfigMap' | 'Secret', name: string, content: object): ApiObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'countersign-system' },
    ...content,
  });

  const trial = (image: string): Promise<unknown> =>
    gate.api.create(pod(gate.namespace, 'trial', podSpec(image)), { dryRun: true });
  const isAdmitted = (image: string): Promise<boolean> =>
    trial(image).then(
      () => true,
      () => false,
    );

  /** A signed image, and a policy for it whose code is somewhere. */
  function withCode(name: string, code: object): { readonly image: string; readonly policy: ApiObject } {
    const image = signedImage(gate.registry, `${name}/app`, gate.key).tagged;
    const by = [{ name: 'by', key: { data: gate.key.publicKeyPem } }];
    return { image, policy: policyOf(name, `${gate.registry.host}/${name}`, by, { policy: { type: 'cel', ...code } }) };
  }

  function withKey(name: string, key: object): { readonly image: string; readonly policy: ApiObject } {
    const image = signedImage(gate.registry, `${name}/app`, gate.key).tagged;
    return { image, policy: policyOf(name, `${gate.registry.host}/${name}`, [{ name: 'by', key }]) };
  }

  /** Each under a path of its own: what was read under one is known. */
  let paths = 0;
  const remote = (text: string): object => ({
    remote: { url: `https://${host}:${addresses.port}/${(paths += 1)}`, sha256sum: sha256(text) },
  });

  async function isTold(policy: ApiObject, state: string, within = 15_000): Promise<Told> {
    const last = await becomes(gate.api, policy, state, { within });
    expect([last.state, last.message]).toEqual([state, last.message]);
    expect(last.count).toBe(1);
    return last;
  }

  async function isReady(policy: ApiObject, image: string, within = 15_000): Promise<void> {
    await isTold(policy, 'True InForce', within);
    if (!(await until(() => isAdmitted(image), 5_000))) throw new Error((await refusal(trial(image))).sentence);
  }

  /** With the code, and with the reason. */
  async function isRefused(image: string, says: RegExp): Promise<void> {
    const { code, sentence } = await refusal(trial(image));
    expect(code).toBe(403);
    expect(sentence).toMatch(/^POLICY_NOT_READY: /);
    expect(sentence).toMatch(says);
  }

  test('a ConfigMap that vanishes: its code stays in force, is told of, and follows the next one', async () => {
    const { image, policy } = withCode('map', { configMapRef: { name: 'code', key: 'cel' } });
    await keep(policy);
    expect((await isTold(policy, 'False PoliciesMissing')).message).toMatch(/configmap "code" is not there/);
    await isRefused(image, /configmap "code" is not there/);
    const map = await keep(inSystem('ConfigMap', 'code', { data: { cel: yes } }));
    await isReady(policy, image);
    await gate.api.remove(map);
    const { message } = await isTold(policy, 'False NotRefreshed');
    expect(message).toMatch(/configmap "code" is not there.*what was read before stays in force/is);
    expect((await told(gate.api, policy, 'PoliciesInlined')).state).toBe('False NotRefreshed');
    await expect(trial(image)).resolves.toBeDefined();
    // One without the key is no better, and one that says no is followed.
    await gate.api.apply(inSystem('ConfigMap', 'code', { data: { other: no } }));
    const lacksKey = async (): Promise<boolean> =>
      (await told(gate.api, policy)).message.includes('does not contain key cel');
    expect(await until(lacksKey, 15_000)).toBe(true);
    await expect(trial(image)).resolves.toBeDefined();
    await gate.api.apply(inSystem('ConfigMap', 'code', { data: { cel: no } }));
    await isTold(policy, 'True InForce');
    expect((await refusal(trial(image))).sentence).toMatch(/^POLICY_UNSATISFIED: /);
  }, 60_000);

  test('a Secret that vanishes: its key is gone, which is told, until there is one again', async () => {
    const secret = inSystem('Secret', 'vanishing', { stringData: { 'cosign.pub': gate.key.publicKeyPem } });
    const { image, policy } = withKey('secret', { secretRef: { name: 'vanishing' } });
    await keep(secret);
    await keep(policy);
    await isReady(policy, image);
    await gate.api.remove(secret);
    expect((await isTold(policy, 'False KeysMissing')).message).toMatch(/vanishing/);
    await isRefused(image, /vanishing/);
    await gate.api.apply(secret);
    await isReady(policy, image);
    // Whoever replaces a key by something else wants the key gone.
    await gate.api.apply(inSystem('Secret', 'vanishing', { stringData: { 'cosign.pub': 'no key' } }));
    expect((await isTold(policy, 'False KeysMissing')).message).toMatch(/contains an invalid public key/);
    await isRefused(image, /contains an invalid public key/);
    await gate.api.apply(secret);
    await isReady(policy, image);
  }, 60_000);

  describe('code at an address', () => {
    test('that is another than its hash says: refused with both, and right once it is', async () => {
      addresses.answer = giving(no);
      const { image, policy } = withCode('hash', remote(yes));
      await keep(policy);
      const { message } = await isTold(policy, 'False PoliciesMissing');
      expect(message).toContain(`has another sha256sum than the policy demands: ${sha256(no)}`);
      await isRefused(image, /another sha256sum/);
      addresses.answer = giving(yes);
      await isReady(policy, image, 15_000);
      // What was read is known by its hash: a server that changes, or goes, takes nothing away.
      addresses.answer = giving(no);
      await expect(trial(image)).resolves.toBeDefined();
    }, 60_000);

    test('whose server hangs: others wait for nothing, and it is ready once it answers', async () => {
      const good = signedImage(gate.registry, 'others/app', gate.key).tagged;
      await expect(trial(good)).resolves.toBeDefined();
      addresses.answer = undefined;
      const { image, policy } = withCode('hangs', remote(yes));
      await keep(policy);
      const began = performance.now();
      for (let count = 0; count < 20; count += 1) await trial(good);
      expect(performance.now() - began).toBeLessThan(5_000);
      await isTold(policy, 'False PoliciesMissing', 12_000);
      await isRefused(image, /no answer yet|did not answer in time/);
      // After ten seconds the look ends, and the reason is the right one.
      const isLate = async (): Promise<boolean> =>
        /in time/.test((await isTold(policy, 'False PoliciesMissing')).message);
      expect(await until(isLate, 20_000)).toBe(true);
      addresses.answer = giving(yes);
      await isReady(policy, image, 20_000);
    }, 90_000);

    test('that has 5 MB: refused with the limit', async () => {
      const long = `${yes} ${'// nothing\n'.repeat(500_000)}`;
      addresses.answer = giving(long);
      const { image, policy } = withCode('long', remote(long));
      await keep(policy);
      expect((await isTold(policy, 'False PoliciesMissing')).message).toMatch(/more than 1048576 bytes/);
      await isRefused(image, /more than 1048576 bytes/);
    }, 60_000);

    test('whose server is gone when the program starts again: refused until it is back', async () => {
      addresses.answer = giving(yes);
      const { image, policy } = withCode('gone', remote(yes));
      await keep(policy);
      await isReady(policy, image);
      await addresses.close();
      await expect(trial(image)).resolves.toBeDefined();
      await gate.webhook.stop();
      await gate.webhook.start();
      try {
        await isRefused(image, /refuses connections/);
        // Another process may lead only once the former is known to be gone.
        expect((await isTold(policy, 'False PoliciesMissing', 40_000)).message).toMatch(/refuses connections/);
      } finally {
        await addresses.open();
      }
      await isReady(policy, image, 30_000);
    }, 120_000);
  });

  describe('a key of a key service', () => {
    const key = (pem: string): RequestListener =>
      giving(
        JSON.stringify({
          data: { type: 'ecdsa-p256', latest_version: 1, keys: { '1': { name: 'P-256', public_key: pem } } },
        }),
      );

    test('that hangs: refused with the reason, and ready once it answers', async () => {
      vault.answer = undefined;
      const { image, policy } = withKey('kms', { kms: 'hashivault://release' });
      await keep(policy);
      await isTold(policy, 'False KeysMissing', 12_000);
      await isRefused(image, /no answer yet|did not answer in time/);
      vault.answer = key(gate.key.publicKeyPem);
      await isReady(policy, image, 30_000);
      // What was read stays when the service hangs again.
      vault.answer = undefined;
      await sleep(1_000);
      await expect(trial(image)).resolves.toBeDefined();
    }, 90_000);

    test.each<readonly [string, RequestListener, RegExp]>([
      ['that is not there', giving('{"errors":[]}', 404), /404/],
      ['that may not be read', giving('{"errors":["permission denied"]}', 403), /403 \(permission denied\)/],
      ['whose answer is no JSON', giving('<html>'), /Vault/],
      ['whose answer is 5 MB', giving('x'.repeat(5_000_000)), /more than \d+ bytes/],
    ])(
      '%s',
      async (title, answer, says) => {
        vault.answer = answer;
        const name = title.toLowerCase().replaceAll(/\W+/g, '-');
        const { image, policy } = withKey(name, { kms: `hashivault://${name}` });
        await keep(policy);
        expect((await isTold(policy, 'False KeysMissing')).message).toMatch(says);
        await isRefused(image, says);
        vault.answer = key(gate.key.publicKeyPem);
        await isReady(policy, image, 15_000);
      },
      60_000,
    );

    test('that is another one: it is in force, and fits nothing', async () => {
      vault.answer = key(newSigningKey().publicKeyPem);
      const { image, policy } = withKey('kms-other', { kms: 'hashivault://other' });
      await keep(policy);
      await isTold(policy, 'True InForce');
      expect(await until(async () => !(await isAdmitted(image)), 5_000)).toBe(true);
      expect((await refusal(trial(image))).sentence).toMatch(/^SIGNATURE_INVALID: /);
    });
  });

  describe('policies that are wrong', () => {
    interface Recorded {
      readonly title: string;
      readonly error: string;
    }
    const fixture = new URL('../fixtures/policy-controller/validation.json', import.meta.url);
    // Written by test/fixtures/record-policy-controller.ts.
    const recorded = JSON.parse(readFileSync(fixture, 'utf8')) as readonly Recorded[];

    const written = ({ version = 'v1alpha1', spec }: Row): ApiObject => ({
      apiVersion: `policy.sigstore.dev/${version}`,
      kind: 'ClusterImagePolicy',
      metadata: { name: 'p' },
      spec: JSON.parse(JSON.stringify(spec).replaceAll('cosign-system', 'countersign-system')),
    });
    const denied =
      'admission webhook "policies.countersign.dev" denied the request: POLICY_INVALID: validation failed: ';
    /** What the webhook said, or who else refused it. */
    function said({ status, text }: Answer): string {
      const message = asRecord(JSON.parse(text))?.['message'];
      if (typeof message !== 'string') return `${status}`;
      return message.startsWith(denied)
        ? message.slice(denied.length).replace(/ \[request \S+\]$/, '')
        : `${status} ${message}`;
    }

    test('each is refused with exactly what policy-controller says of it, and none is stored', async () => {
      const tried = await inTurns(rows, 8, async (row, index) => ({
        title: row.title,
        row,
        // Every reason of a refusal is one line.
        theirs: (recorded[index]?.error ?? '?').replaceAll('cosign-system', 'countersign-system').replaceAll('\n', ' '),
        ours: said(await gate.api.tryOut(written(row))),
      }));
      const wrong = tried.filter(({ row, theirs }) => row.ours === undefined && theirs !== '');
      const byWebhook = wrong.filter(({ ours }) => !ours.startsWith('422 '));
      expect(byWebhook.length).toBeGreaterThan(40);
      expect(byWebhook.map(({ title, ours }) => [title, ours])).toEqual(
        byWebhook.map(({ title, theirs }) => [title, theirs]),
      );
      const right = tried.filter(({ row, theirs }) => row.ours === undefined && theirs === '');
      expect(right.filter(({ ours }) => ours !== '201')).toEqual([]);
      const different = tried.filter(({ row }) => row.ours !== undefined);
      expect(
        different.filter(({ row, ours }) =>
          row.ours?.says === ''
            ? ours !== '201'
            : !ours.startsWith('422 ') && !ours.includes((row.ours?.says ?? '?').replaceAll('\n', ' ')),
        ),
      ).toEqual([]);
    }, 120_000);

    test('code of 5 MB is not even taken, and code of 1.2 MB is told of and refuses', async () => {
      const long = (bytes: number): ApiObject => withCode('inline', { data: `${yes} ${' '.repeat(bytes)}` }).policy;
      const { status } = await gate.api.tryOut(long(5_000_000));
      expect(status).toBe(413);
      const { image } = withCode('inline', {});
      const policy = await keep(long(1_200_000));
      expect((await isTold(policy, 'False PoliciesMissing')).message).toMatch(/longer than 1048576 bytes/);
      await isRefused(image, /longer than 1048576 bytes/);
    }, 60_000);
  });
});

/** So many at a time, in their order. */
async function inTurns<T, R>(
  all: readonly T[],
  atOnce: number,
  work: (one: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < all.length; start += atOnce) {
    const some = all.slice(start, start + atOnce);
    results.push(...(await Promise.all(some.map((one, offset) => work(one, start + offset)))));
  }
  return results;
}
