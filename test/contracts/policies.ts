import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publicTrustRoot, type PolicySnapshot, type TrustRoot } from '../../src/policy/model.ts';
import type { Policies } from '../../src/ports/policies.ts';
import { untilHolds } from '../until-holds.ts';

export type Kind = 'ClusterImagePolicy' | 'TrustRoot' | 'Secret';
export type Members = Readonly<Record<string, unknown>>;

/** A place that policies come from, before and after it is started. */
export interface PoliciesPlace {
  put(kind: Kind, name: string, members: Members): Promise<void>;
  remove(kind: Kind, name: string): Promise<void>;
  start(): Promise<Policies & { close(): void }>;
  close(): Promise<void>;
}

export const embeddedRoot: TrustRoot = {
  name: publicTrustRoot,
  generation: 'embedded',
  trustedRootJson: '{}',
  notReady: [],
};

export const silentLog = { info: (): void => undefined, warn: (): void => undefined, error: (): void => undefined };

export function publicKey(): string {
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
  return pem.toString();
}

export function secret(key: string): Members {
  return { data: { 'cosign.pub': Buffer.from(key).toString('base64') } };
}

export function policy(glob: string, authority: unknown = { static: { action: 'pass' } }): Members {
  return { spec: { images: [{ glob }], authorities: [authority] } };
}

const broken = (glob: string): Members => policy(glob, { static: { action: 'perhaps' } });
const bySecret = { key: { secretRef: { name: 'signer' } } };

/** What every source of policies does; run on each of them. */
export function policiesContract(title: string, open: () => Promise<PoliciesPlace>): void {
  describe(`policies from ${title}`, () => {
    let place: PoliciesPlace;
    let policies: (Policies & { close(): void }) | undefined;

    beforeEach(async () => {
      place = await open();
    });
    afterEach(async () => {
      policies?.close();
      policies = undefined;
      await place.close();
    });

    async function start(): Promise<void> {
      policies = await place.start();
    }

    const current = (): PolicySnapshot | undefined => policies?.current();

    /** name: globs, and whether it is ready. */
    const inForce = (): Readonly<Record<string, string>> | undefined => {
      const entries = current()?.policies.map((it) => {
        const globs = it.images.map(({ source }) => source).join(' ');
        return [it.name, it.notReady.length === 0 ? globs : `${globs} (not ready)`];
      });
      return entries === undefined ? undefined : Object.fromEntries(entries);
    };

    async function eventually(expected: Readonly<Record<string, string>> | undefined): Promise<void> {
      await untilHolds(() => {
        expect(inForce()).toEqual(expected);
      });
    }

    async function eventuallyProblem(text: string): Promise<void> {
      await untilHolds(() => {
        expect(policies?.problems().map(({ where, message }) => `${where}: ${message}`)).toEqual([
          expect.stringContaining(text),
        ]);
      });
    }

    test('reads policies, sorted, with the embedded root beside them', async () => {
      await place.put('ClusterImagePolicy', 'b', policy('b.io/**'));
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**'));
      await start();
      await eventually({ a: 'a.io/**', b: 'b.io/**' });
      expect(current()?.policies.map(({ name }) => name)).toEqual(['a', 'b']);
      expect(current()?.trustRoots.get(publicTrustRoot)).toBe(embeddedRoot);
      expect(current()?.noMatch).toBe('deny');
      expect(policies?.problems()).toEqual([]);
    });

    test('follows additions, changes and removals, each with a new snapshot', async () => {
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**'));
      await start();
      await eventually({ a: 'a.io/**' });
      const first = current();
      await place.put('ClusterImagePolicy', 'b', policy('b.io/**'));
      await eventually({ a: 'a.io/**', b: 'b.io/**' });
      await place.put('ClusterImagePolicy', 'a', policy('a.io/team/**'));
      await eventually({ a: 'a.io/team/**', b: 'b.io/**' });
      await place.remove('ClusterImagePolicy', 'b');
      await eventually({ a: 'a.io/team/**' });
      expect(current()?.generation).not.toBe(first?.generation);
      expect(first?.policies.map((it) => it.images[0]?.source)).toEqual(['a.io/**']);
    });

    test('a broken policy over a good one changes nothing and is told', async () => {
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**'));
      await start();
      await eventually({ a: 'a.io/**' });
      const before = current();
      await place.put('ClusterImagePolicy', 'a', broken('elsewhere.io/**'));
      await eventuallyProblem('unsupported action');
      expect(current()?.generation).toBe(before?.generation);
      await place.put('ClusterImagePolicy', 'a', policy('new.io/**'));
      await eventually({ a: 'new.io/**' });
      expect(policies?.problems()).toEqual([]);
    });

    test('others still follow while one is broken', async () => {
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**'));
      await place.put('ClusterImagePolicy', 'b', policy('b.io/**'));
      await start();
      await eventually({ a: 'a.io/**', b: 'b.io/**' });
      await place.put('ClusterImagePolicy', 'a', broken('a.io/**'));
      await place.put('ClusterImagePolicy', 'b', policy('b.io/team/**'));
      await eventually({ a: 'a.io/**', b: 'b.io/team/**' });
      await place.remove('ClusterImagePolicy', 'a');
      await eventually({ b: 'b.io/team/**' });
      expect(policies?.problems()).toEqual([]);
    });

    test('a broken policy that was never good refuses what it matches', async () => {
      await place.put('ClusterImagePolicy', 'a', broken('a.io/**'));
      await place.put('ClusterImagePolicy', 'b', policy('b.io/**'));
      await start();
      await eventually({ a: 'a.io/** (not ready)', b: 'b.io/**' });
      await eventuallyProblem('unsupported action');
      expect(policies?.problems()[0]?.consequence).toBe('Until it is repaired it refuses every image it matches.');
    });

    test('a policy whose images cannot be read, with nothing before it: there are no policies at all', async () => {
      await place.put('ClusterImagePolicy', 'a', policy('a.io/[**'));
      await place.put('ClusterImagePolicy', 'b', policy('b.io/**'));
      await start();
      await eventuallyProblem('glob is invalid');
      expect(current()).toBeUndefined();
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**'));
      await eventually({ a: 'a.io/**', b: 'b.io/**' });
    });

    test('the same, when there was a complete set before: that stays', async () => {
      await place.put('ClusterImagePolicy', 'b', policy('b.io/**'));
      await start();
      await eventually({ b: 'b.io/**' });
      await place.put('ClusterImagePolicy', 'a', policy('a.io/[**'));
      await eventuallyProblem('glob is invalid');
      expect(inForce()).toEqual({ b: 'b.io/**' });
    });

    test('keys come from a Secret, and a new key is in force without touching the policy', async () => {
      const [first, second] = [publicKey(), publicKey()];
      const keys = (): readonly (readonly string[])[] | undefined =>
        current()?.policies.flatMap((it) => it.authorities.flatMap((a) => (a.kind === 'key' ? [a.keys] : [])));
      await place.put('Secret', 'signer', secret(first));
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**', bySecret));
      await start();
      await eventually({ a: 'a.io/**' });
      expect(keys()).toEqual([[first.trim()]]);
      await place.put('Secret', 'signer', secret(second));
      await untilHolds(() => {
        expect(keys()).toEqual([[second.trim()]]);
      });
    });

    test('without its Secret a policy refuses what it matches, until the Secret is there', async () => {
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**', bySecret));
      await start();
      await eventually({ a: 'a.io/** (not ready)' });
      expect(current()?.policies[0]?.notReady.join()).toContain('secret "signer"');
      await place.put('Secret', 'signer', secret(publicKey()));
      await eventually({ a: 'a.io/**' });
      await place.remove('Secret', 'signer');
      await eventually({ a: 'a.io/** (not ready)' });
    });

    test('a broken trust root makes those who name it not ready, and says why', async () => {
      const keyless = { trustRootRef: 'own', identities: [{ issuer: 'https://issuer', subject: 'me' }] };
      await place.put('TrustRoot', 'own', { spec: { sigstoreKeys: { certificateAuthorities: 'none' } } });
      await place.put('ClusterImagePolicy', 'a', policy('a.io/**', { keyless }));
      await start();
      await eventually({ a: 'a.io/** (not ready)' });
      expect(current()?.policies[0]?.notReady.join()).toContain('TrustRoot "own" cannot be used');
    });

    test('no policies is a complete set', async () => {
      await start();
      await eventually({});
      expect(policies?.problems()).toEqual([]);
    });
  });
}
