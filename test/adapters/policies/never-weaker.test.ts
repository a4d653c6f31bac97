import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gone, outage, type LookedUp } from '../../../src/adapters/materials/looked-up.ts';
import type { Source } from '../../../src/adapters/policies/last-good.ts';
import { policyStore } from '../../../src/adapters/policies/policy-store.ts';
import type { ClusterImagePolicy } from '../../../src/policy/model.ts';
import { parsePolicyValue } from '../../../src/policy/parse-documents.ts';
import { embeddedRoot, publicKey, silentLog } from '../../contracts/policies.ts';

// The policy demands two signers' attestations with code, and code over the whole: four places that can fail.
const url = 'https://policies.example/p.cue';
const sha256 = 'a'.repeat(64);
const uri = 'hashivault://signer';
const attestations = [
  { name: 'a', predicateType: 'custom', policy: { type: 'cue', configMapRef: { name: 'code', key: 'k' } } },
];
const written = (authorities: unknown): unknown => ({
  apiVersion: 'policy.sigstore.dev/v1beta1',
  kind: 'ClusterImagePolicy',
  metadata: { name: 'p' },
  spec: {
    images: [{ glob: 'a.io/**' }],
    authorities,
    policy: { type: 'cue', remote: { url, sha256sum: sha256 } },
  },
});
const good = written([
  { name: 'by-secret', key: { secretRef: { name: 'signer' } }, attestations },
  { name: 'by-kms', key: { kms: uri }, attestations },
]);
const broken = written([{ static: { action: 'perhaps' } }]);

const keys = [publicKey(), publicKey(), publicKey()];
const texts = ['one', 'two', 'three'];
const weather = fc.oneof(
  { weight: 3, arbitrary: fc.record({ is: fc.constant('there' as const), version: fc.nat(2) }) },
  fc.constant({ is: 'away' as const }),
  fc.constant({ is: 'gone' as const }),
  fc.constant({ is: 'broken' as const }),
);
type Weather = typeof weather extends fc.Arbitrary<infer T> ? T : never;
const step = fc.record({
  policy: fc.constantFrom('good', 'good', 'good', 'broken'),
  secret: weather,
  configMap: weather,
  remote: weather,
  kms: weather,
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function object(kind: 'Secret' | 'ConfigMap', name: string, now: Weather, contents: readonly string[]): Source {
  const of = `${kind}/${name}`;
  const source = (documents: Source['documents']): Source => ({ name: of, documents });
  const key = kind === 'Secret' ? 'cosign.pub' : 'k';
  const encode = (text: string): string => (kind === 'Secret' ? Buffer.from(text).toString('base64') : text);
  const value = (data: unknown): Source =>
    source(parsePolicyValue({ apiVersion: 'v1', kind, metadata: { name }, data }, of));
  if (now.is === 'there') return value({ [key]: encode(contents[now.version] ?? '') });
  if (now.is === 'away') return source([{ kind: 'problem', where: of, of, messages: ['it cannot be read'] }]);
  return now.is === 'gone' ? source([]) : value({ [key]: '' });
}

function looked(now: Weather, contents: readonly string[]): LookedUp {
  if (now.is === 'there') return { ok: true, value: contents[now.version] ?? '' };
  return now.is === 'gone' ? gone('it is deleted') : outage('it is away');
}

function run(
  steps: readonly Step[],
  look: (policy: ClusterImagePolicy, now: Step, before: readonly Step[]) => void,
): void {
  const store = policyStore({ publicTrustRoot: embeddedRoot, log: silentLog });
  steps.forEach((now, index) => {
    const sources = [
      { name: 'p', documents: parsePolicyValue(now.policy === 'good' ? good : broken, 'p') },
      object('Secret', 'signer', now.secret, keys),
      object('ConfigMap', 'code', now.configMap, texts),
    ];
    const found = new Map([
      [`${sha256} ${url}`, looked(now.remote, texts)],
      [uri, looked(now.kms, keys)],
    ]);
    store.replace(sources, { noMatch: 'allow' }, found);
    const [policy, ...others] = store.current()?.policies ?? [];
    expect(others).toEqual([]);
    // It is never taken away, whatever happens: images would match nothing, and nothing is allowed here.
    if (policy === undefined) throw new Error('the policy is not in force');
    look(policy, now, steps.slice(0, index + 1));
  });
}

/** What was read last when it was there. */
function lastOf(steps: readonly Step[], name: 'secret' | 'configMap' | 'remote' | 'kms', contents: readonly string[]) {
  const last = steps.map((one) => one[name]).findLast(({ is }) => is === 'there');
  return last?.is === 'there' ? contents[last.version] : undefined;
}

test('whatever fails and comes back, a policy demands what it demanded when all was well last, or refuses', () => {
  let ready = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      run(steps, (policy, _now, before) => {
        if (policy.notReady.length > 0) return;
        ready += 1;
        const code = lastOf(before, 'configMap', texts);
        const demands = [{ name: 'a', predicateType: 'custom', policy: { language: 'cue', text: code } }];
        expect(policy).toMatchObject({
          mode: 'enforce',
          authorities: [
            { kind: 'key', keys: [lastOf(before, 'secret', keys)?.trim()], attestations: demands },
            { kind: 'key', keys: [lastOf(before, 'kms', keys)?.trim()], attestations: demands },
          ],
          policy: { code: { language: 'cue', text: lastOf(before, 'remote', texts) } },
        });
      });
    }),
    { numRuns: 500 },
  );
  expect(ready).toBeGreaterThan(100);
});

test('once all of it is there again, the policy judges by what is there', () => {
  const there = { is: 'there', version: 2 } as const;
  const well: Step = { policy: 'good', secret: there, configMap: there, remote: there, kms: there };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      run([...steps, well], (policy, now) => {
        if (now !== well) return;
        expect(policy.notReady).toEqual([]);
        expect(policy.policy?.code.text).toBe('three');
      });
    }),
  );
});

test('an outage of any of them alone leaves a policy as it was; a key that is deleted makes it refuse', () => {
  const there = { is: 'there', version: 0 } as const;
  const well: Step = { policy: 'good', secret: there, configMap: there, remote: there, kms: there };
  const after = (now: Step): readonly string[] => {
    let notReady: readonly string[] = [];
    run([well, now], (policy) => (notReady = policy.notReady));
    return notReady;
  };
  const away = { is: 'away' } as const;
  const deleted = { is: 'gone' } as const;
  for (const name of ['secret', 'configMap', 'remote', 'kms'] as const)
    expect(after({ ...well, [name]: away })).toEqual([]);
  // Code that vanishes demanded something: docs/decisions/0007-policies-last-good.md
  expect(after({ ...well, configMap: deleted })).toEqual([]);
  expect(after({ ...well, policy: 'broken', configMap: deleted, remote: away })).toEqual([]);
  expect(after({ ...well, secret: deleted })).toEqual(['by-secret: secret "signer" is not there, or cannot be read']);
  expect(after({ ...well, kms: deleted })).toEqual(['by-kms: hashivault://signer: it is deleted']);
});
