import { describe, expect, test } from 'vitest';
import { decide, type Circumstances } from '../../../src/controllers/policies/decide.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { compilePolicy, noMaterials } from '../../../src/policy/compile.ts';
import { buildSnapshot } from '../../../src/policy/snapshot.ts';
import { parsePolicyValue } from '../../../src/policy/parse-documents.ts';
import type { InForce, PolicyKind, PolicyObject } from '../../../src/ports/policy-objects.ts';
import type { PolicyStatus } from '../../../src/ports/policy-statuses.ts';
import { publicKey } from '../../contracts/policies.ts';

const now = new Date('2026-06-01T00:00:00.123Z');
const then = '2026-06-01T00:00:00Z';
const key = publicKey();
const signed = { images: [{ glob: 'a.example/**' }], authorities: [{ key: { data: key } }] };
const actions = { images: [{ glob: 'a.example/**' }] };

interface Written {
  readonly status?: unknown;
  readonly generation?: number;
  readonly inForce?: InForce;
}

function written(
  kind: PolicyKind,
  spec: object,
  { status, generation = 3, inForce = 'as-written' }: Written = {},
): PolicyObject {
  const apiVersion = kind === 'ActionPolicy' ? 'countersign.dev/v1alpha1' : 'policy.sigstore.dev/v1alpha1';
  const metadata = { name: 'p', uid: 'u', generation, resourceVersion: '7' };
  const object = { apiVersion, kind, metadata, spec, status };
  const [document] = parsePolicyValue(object, `${kind}/p`);
  if (document === undefined) throw new Error('no document');
  return { kind, name: 'p', object, document, inForce: document.kind === 'problem' ? 'refuses' : inForce };
}

/** As the program would have it in force, without Secrets, and with these trust roots. */
function circumstances(
  { document }: PolicyObject,
  ...roots: readonly { name: string; notReady: string[] }[]
): Circumstances {
  const noSecret = (name: string) => ({ ok: false as const, problem: `secret "${name}" is not there` });
  const snapshot = buildSnapshot({
    policies: document.kind === 'policy' ? [compilePolicy(document.policy, { ...noMaterials, secret: noSecret })] : [],
    trustRoots: roots.map((root) => ({ ...root, generation: 'g', trustedRootJson: '{}' })),
    noMatch: 'deny',
  });
  const policies = new Map(snapshot.policies.map((policy) => [policy.name, policy]));
  return { judging: { policies, trustRoots: snapshot.trustRoots }, now };
}

const change = (policy: PolicyObject, more: Partial<Circumstances> = {}) =>
  decide(policy, { ...circumstances(policy), ...more });

/** Type=status/reason of every condition. */
function summary(status: PolicyStatus | undefined): readonly string[] {
  return (status?.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is}/${reason}`);
}

const judged = 'ConfigMapUpdated=True/InForce';
const inVain = ['Ready=True/InForce', 'KeysInlined=True/KeysInlined', 'PoliciesInlined=True/PoliciesInlined', judged];
const image = 'ClusterImagePolicy';
const nothing = { keys: [], code: [] };
const remote = {
  remote: { mirror: 'https://tuf.example', root: Buffer.from('{"signatures":[]}').toString('base64') },
};

describe('the status', () => {
  test.each<[string, PolicyObject, readonly string[], RegExp]>([
    ['a policy in force', written(image, signed), [...inVain, 'Matchable=True/CanMatch'], /in force as it is written/],
    [
      'a key in a Secret that is not there',
      written(image, { ...signed, authorities: [{ key: { secretRef: { name: 'signer' } } }] }),
      [
        'Ready=False/KeysMissing',
        'KeysInlined=False/KeysMissing',
        'PoliciesInlined=True/PoliciesInlined',
        judged,
        'Matchable=True/CanMatch',
      ],
      /secret "signer" is not there\. Put the key into a Secret .*; until then it refuses every image it matches$/,
    ],
    [
      'a trust root that is not there',
      written(image, { ...signed, authorities: [{ key: { data: key }, ctlog: { trustRootRef: 'own' } }] }),
      ['Ready=False/TrustRootMissing', ...inVain.slice(1), 'Matchable=True/CanMatch'],
      /there is no TrustRoot "own"\. Apply the TrustRoot/,
    ],
    [
      'code in a ConfigMap that is not there',
      {
        ...written(image, { ...signed, policy: { type: 'cue', configMapRef: { name: 'code', key: 'k' } } }),
        materials: { lacks: { keys: [], code: ['spec.policy: it is not looked up here'] }, stale: nothing },
      },
      [
        'Ready=False/PoliciesMissing',
        'KeysInlined=True/KeysInlined',
        'PoliciesInlined=False/PoliciesMissing',
        judged,
        'Matchable=True/CanMatch',
      ],
      /not looked up here\. Put the code into a ConfigMap .*; until then it refuses every image it matches$/,
    ],
    [
      'a key service that cannot be asked again',
      { ...written(image, signed), materials: { lacks: nothing, stale: { keys: ['it is away'], code: [] } } },
      [
        'Ready=False/NotRefreshed',
        'KeysInlined=False/NotRefreshed',
        'PoliciesInlined=True/PoliciesInlined',
        judged,
        'Matchable=True/CanMatch',
      ],
      /^it is away\. What was read before stays in force, and it is read again by itself$/,
    ],
    [
      'code that cannot be read again',
      { ...written(image, signed), materials: { lacks: nothing, stale: { keys: [], code: ['it is gone'] } } },
      [
        'Ready=False/NotRefreshed',
        'KeysInlined=True/KeysInlined',
        'PoliciesInlined=False/NotRefreshed',
        judged,
        'Matchable=True/CanMatch',
      ],
      /^it is gone\. What was read before stays in force/,
    ],
    [
      'a glob that can match nothing beside one that can',
      written(image, { ...signed, images: [{ glob: 'a.example/**' }, { glob: 'a.example/App@*' }] }),
      [...inVain, 'Matchable=True/PartlyInVain'],
      /in force/,
    ],
    [
      'a policy that cannot be read',
      written(image, { ...signed, mode: 'x' }),
      ['Ready=False/Invalid', 'ConfigMapUpdated=False/Invalid'],
      /spec\.mode.*\. Until it is repaired every image that needs it is refused$/s,
    ],
    [
      'another policy that cannot be read at the start',
      written(image, signed, { inForce: 'nothing' }),
      ['Ready=False/NothingInForce', 'ConfigMapUpdated=False/NothingInForce', 'Matchable=True/CanMatch'],
      /every request is refused/,
    ],
    [
      'an action policy in force',
      written('ActionPolicy', actions),
      ['Ready=True/InForce', 'Matchable=True/CanMatch', 'ExceptionsExpired=False/NoneExpired'],
      /in force/,
    ],
    [
      'a trust root in a TUF repository',
      written('TrustRoot', remote),
      ['Ready=False/NotRead', 'KeysInlined=False/NotRead', 'ConfigMapUpdated=False/NotRead'],
      /^spec\.remote was not read yet\. It is read again by itself; until then .* refuse every image they match$/,
    ],
  ])('of %s says so, with the way out', (_title, policy, expected, ready) => {
    const status = change(policy)?.status;
    expect(summary(status)).toEqual(expected);
    expect(status?.conditions[0]?.message).toMatch(ready);
    expect(status?.observedGeneration).toBe(3);
    expect(status?.conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(expected.map(() => then));
  });

  test.each<[InForce, RegExp]>([
    ['last-good', /last good version stays in force/],
    ['refuses', /every image that needs it is refused/],
    ['nothing-of-it', /nothing of it is in force/],
    ['nothing', /no policy is in force/],
  ])('of a broken policy says what is in force instead (%s)', (inForce, sentence) => {
    const policy = { ...written(image, { images: [] }), inForce };
    expect(change(policy)?.status.conditions[0]?.message).toMatch(sentence);
  });

  test.each([
    ['a TrustRoot that cannot be used', [{ name: 'own', notReady: ['no'] }], 'TrustRootNotReady'],
    ['a TrustRoot that can', [{ name: 'own', notReady: [] }], 'InForce'],
  ])('of a policy that names %s', (_title, roots, reason) => {
    const policy = written(image, { ...signed, authorities: [{ key: { data: key }, ctlog: { trustRootRef: 'own' } }] });
    expect(decide(policy, circumstances(policy, ...roots))?.status.conditions[0]?.reason).toBe(reason);
  });

  test.each<[string, readonly string[], readonly string[], readonly string[], RegExp]>([
    ['in force', [], [], ['Ready=True/InForce', 'KeysInlined=True/KeysInlined', judged], /in force/],
    [
      'refused from the beginning',
      ['timestamp.json has expired'],
      ['timestamp.json has expired'],
      ['Ready=False/NotRead', 'KeysInlined=False/NotRead', 'ConfigMapUpdated=False/NotRead'],
      /^timestamp.json has expired\. It is read again by itself/,
    ],
    [
      'refused since',
      [],
      ['timestamp.json has expired'],
      ['Ready=False/NotRefreshed', 'KeysInlined=True/KeysInlined', judged],
      /^timestamp.json has expired\. What was read before stays in force/,
    ],
  ])('of a TUF repository that is %s', (_title, notReady, problems, expected, message) => {
    const root = { ...written('TrustRoot', remote), problems };
    const status = decide(root, circumstances(root, { name: 'p', notReady: [...notReady] }))?.status;
    expect(summary(status)).toEqual(expected);
    expect(status?.conditions[0]?.message).toMatch(message);
  });

  test('names expired exceptions, and keeps the time of what stays', () => {
    const exception = (expires: string) => ({ images: ['a.example/b@*'], reason: 'r', owner: 'team-a', expires });
    const before = change(written('ActionPolicy', actions))?.status;
    const old = before?.conditions.map((one) => ({ ...one, lastTransitionTime: '2020-01-01T00:00:00Z' }));
    const spec = { ...actions, exceptions: [exception('2026-05-31T00:00:00Z'), exception('2027-01-01T00:00:00Z')] };
    const { status } = change(written('ActionPolicy', spec, { status: { ...before, conditions: old } })) ?? {};
    expect(status?.conditions.at(-1)).toEqual({
      type: 'ExceptionsExpired',
      status: 'True',
      reason: 'Expired',
      message: '1 of 2 no longer count: of team-a since 2026-05-31T00:00:00.000Z',
      lastTransitionTime: then,
    });
    expect(status?.conditions[0]?.lastTransitionTime).toBe('2020-01-01T00:00:00Z');
  });

  test('is short and printable, whatever the policy says', () => {
    const images = Array.from({ length: 200 }, (_, index) => ({ glob: `a.example/\u0007\n${'x'.repeat(50)}${index}` }));
    const message = change(written(image, { ...signed, images }))?.status.conditions[0]?.message ?? '';
    expect(message.length).toBeLessThan(8_000);
    expect(message).not.toMatch(/[\p{Cc}]/u);
    expect(message).toMatch(/is refused$/);
  });
});

describe('nothing is written', () => {
  const kinds: readonly PolicyObject[] = [
    written(image, signed),
    written(image, { ...signed, mode: 'x' }),
    written(image, { ...signed, images: [{ glob: 'nginx' }] }),
    written('ActionPolicy', actions),
    written('TrustRoot', { remote: { mirror: 'https://tuf.example', root: 'x' } }),
  ];

  test.each(kinds)('when the object says all of it already ($kind)', (policy) => {
    const { status } = change(policy) ?? {};
    const known = {
      ...policy,
      object: { ...asRecord(policy.object), status: { ...status, annotations: { more: 1 } } },
    };
    expect(change(known, { now: new Date('2030-01-01T00:00:00Z') })).toBeUndefined();
  });

  test('over the conditions of others, which stay', () => {
    const other = { type: 'Elsewhere', status: 'True', lastTransitionTime: 'x' };
    const { status } = change(written(image, signed, { status: { conditions: [other] } })) ?? {};
    expect(status?.conditions[0]).toEqual(other);
    expect(change(written(image, signed, { status }))).toBeUndefined();
  });

  test('when only the generation is new, but that', () => {
    const { status } = change(written(image, signed)) ?? {};
    expect(change(written(image, signed, { status, generation: 4 }))?.status.observedGeneration).toBe(4);
  });
});

describe('counts of running images', () => {
  const base = change(written(image, signed))?.status;
  const known = (images: number, observedAt: string): PolicyObject =>
    written(image, signed, { status: { ...base, matched: { images, observedAt } } });
  const counted = (policy: PolicyObject, images?: number): unknown => {
    const matched = new Map(images === undefined ? [] : [[`${image}/p`, images]]);
    return change(policy, { matched })?.status.matched;
  };

  test.each<[string, PolicyObject, number | undefined, unknown]>([
    ['the first', written(image, signed, { status: base }), 5, { images: 5, observedAt: then }],
    ['the same', known(5, '2020-01-01T00:00:00Z'), 5, undefined],
    ['another, soon after', known(5, '2026-05-31T23:51:00Z'), 6, undefined],
    ['another, ten minutes later', known(5, '2026-05-31T23:49:00Z'), 6, { images: 6, observedAt: then }],
    ['another, over a time that is none', known(5, 'soon'), 6, { images: 6, observedAt: then }],
    ['nobody counts', known(5, '2020-01-01T00:00:00Z'), undefined, undefined],
  ])('%s', (_title, policy, images, expected) => {
    expect(counted(policy, images)).toEqual(expected);
  });
});

describe('events', () => {
  const reasons = (policy: PolicyObject): readonly string[] =>
    (change(policy)?.events ?? []).map(({ type, reason }) => `${type} ${reason}`);
  const never = { ...signed, images: [{ glob: 'nginx' }] };

  test.each<[string, PolicyObject, readonly string[]]>([
    ['a policy in force', written(image, signed), []],
    ['a policy that cannot be read', written(image, { ...signed, mode: 'x' }), ['Warning PolicyInvalid']],
    ['globs that can match nothing', written(image, never), ['Warning PolicyNeverMatches']],
    [
      'only some globs that can match nothing',
      written(image, { ...signed, images: [...signed.images, { glob: 'nginx' }] }),
      [],
    ],
    [
      'kinds in a group where they are not',
      written(image, { ...signed, match: [{ resource: 'jobs', version: 'v1' }] }),
      ['Warning PolicyNeverMatches'],
    ],
    [
      'kinds in a version that there is not',
      written(image, { ...signed, match: [{ resource: 'pods', version: 'v2' }] }),
      ['Warning PolicyNeverMatches'],
    ],
    [
      'a rule without a version',
      written(image, { ...signed, match: [{ resource: 'pods' }] }),
      ['Warning PolicyNeverMatches'],
    ],
    [
      'a rule that can match beside one that cannot',
      written(image, { ...signed, match: [{ resource: 'pods' }, { resource: 'pods', version: '*' }] }),
      [],
    ],
    [
      'an action policy that can match nothing',
      written('ActionPolicy', { images: [{ glob: 'a.example/b' }] }),
      ['Warning PolicyNeverMatches'],
    ],
    [
      'a Secret that is not there',
      written(image, { ...signed, authorities: [{ key: { secretRef: { name: 's' } } }] }),
      ['Warning PolicyKeysMissing'],
    ],
    [
      'a trust root that is not there',
      written(image, { ...signed, authorities: [{ key: { data: key }, ctlog: { trustRootRef: 'own' } }] }),
      ['Warning TrustRootMissing'],
    ],
    [
      'what cannot be read again',
      { ...written(image, signed), materials: { lacks: nothing, stale: { keys: ['it is away'], code: [] } } },
      ['Warning NotRefreshed'],
    ],
    ['a trust root that was not read yet', written('TrustRoot', remote), ['Warning TrustRootNotRead']],
  ])('tell of %s', (_title, policy, expected) => {
    expect(reasons(policy)).toEqual(expected);
  });

  test('are about the object, and told once per generation', () => {
    const policy = written(image, never);
    const { status, events } = change(policy) ?? {};
    expect(events?.[0]).toMatchObject({
      about: { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: image, name: 'p', uid: 'u' },
      message: expect.stringContaining('index.docker.io/library/nginx@*'),
    });
    expect(reasons(written(image, never, { status }))).toEqual([]);
    expect(reasons(written(image, never, { status, generation: 4 }))).toEqual(['Warning PolicyNeverMatches']);
  });

  test('what is broken goes before what works', () => {
    expect(change(written(image, { ...signed, mode: 'x' }))?.isUrgent).toBe(true);
    expect(change(written(image, never))?.isUrgent).toBe(false);
  });
});
