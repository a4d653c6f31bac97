import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ActionPolicy, ActionRules } from '../../src/policy/action-policy.ts';
import { actionRules } from '../../src/policy/action-rules.ts';
import { actionPolicy } from './action-kit.ts';
import { digest, pinned } from './kit.ts';

const now = new Date('2026-06-01T00:00:00Z');
const legacy = pinned('ghcr.io/acme/legacy:v1');
const place = { image: legacy, namespace: 'lab', now };
const exception = { images: ['ghcr.io/acme/legacy@*'], reason: 'r', owner: 'o', expires: '2026-06-01T00:00:01Z' };

function rulesFor(...specs: readonly object[]): ActionRules | undefined {
  return actionRules(
    specs.map((spec, index) => actionPolicy(spec, `p${index}`)),
    place,
  );
}

const sources = (lists: ActionRules['namespaces'] = []) => lists.map((list) => list.map(({ source }) => source));
const texts = (lists: ActionRules['namespaces'] = []) => sources(lists).map((list) => list.join(' '));

describe('a policy has a say', () => {
  test.each([
    ['under the digest', 'ghcr.io/acme/legacy@*'],
    ['under the tag', 'ghcr.io/acme/legacy:v1'],
    ['with all of the registry', 'ghcr.io/**'],
  ])('about an image that it names %s', (_title, glob) => {
    expect(rulesFor({ images: [{ glob }] })?.policies).toStrictEqual(['p0']);
  });

  test.each(['ghcr.io/acme/legac@*', 'ghcr.io/acme/legacy:v2', 'docker.io/**', 'ghcr.io/acme/legacy', 'legacy@*'])(
    'and %s has none',
    (glob) => {
      expect(rulesFor({ images: [{ glob }] })).toBeUndefined();
    },
  );
});

describe('an exception', () => {
  test.each<[string, object]>([
    ['for the image', {}],
    ['for exactly this digest', { images: [`ghcr.io/acme/legacy@${digest}`] }],
    ['for its namespace', { namespaces: ['other', 'la*'] }],
  ])('%s counts until it expires', (_title, changes) => {
    expect(rulesFor({ exceptions: [{ ...exception, ...changes }] })).toBeUndefined();
  });

  test.each<[string, object]>([
    ['that has just expired', { expires: '2026-06-01T00:00:00Z' }],
    ['that expired long ago', { expires: '2020-01-01T00:00:00Z' }],
    ['that expired in another time zone', { expires: '2026-06-01T01:59:59+02:00' }],
    ['for another image', { images: ['ghcr.io/acme/other@*'] }],
    ['for another namespace', { namespaces: ['prod'] }],
    ['for a namespace that begins so', { namespaces: ['la'] }],
    // The tag is what the workload wrote beside the digest: anybody can write it beside any digest.
    ['that goes by the tag', { images: ['ghcr.io/acme/legacy:v1', 'ghcr.io/acme/legacy:*'] }],
  ])('%s does not count', (_title, changes) => {
    expect(rulesFor({ exceptions: [{ ...exception, ...changes }] })?.policies).toStrictEqual(['p0']);
  });

  test('counts for its own policy only', () => {
    expect(rulesFor({ exceptions: [exception] }, { mode: 'warn' })).toMatchObject({ policies: ['p1'], mode: 'warn' });
  });
});

describe('several policies', () => {
  test('add up to the strictest of each part', () => {
    const loose = {
      images: [{ glob: '**' }],
      mode: 'audit',
      contract: { required: false, onConflict: 'Override' },
      digests: { require: false, resolve: 'Never' },
      podSecurity: 'privileged',
      serviceAccounts: { from: 'Workload' },
    };
    const rules = rulesFor(
      { ...loose, mode: 'warn', digests: { require: false, resolve: 'PodsOnly' }, podSecurity: 'baseline' },
      { ...loose, contract: { required: true, onConflict: 'Override' } },
      { ...loose, serviceAccounts: { from: 'Workload', allow: ['a-*'] } },
    );
    expect(rules).toMatchObject({
      policies: ['p0', 'p1', 'p2'],
      mode: 'warn',
      contract: { required: true, onConflict: 'Override' },
      digests: { require: false, resolve: 'PodsOnly' },
      podSecurity: 'baseline',
      serviceAccounts: { from: 'Workload' },
    });
    expect(sources(rules?.serviceAccounts.allow)).toStrictEqual([['a-*']]);
  });

  test('keep every list of their own, and an empty one stays', () => {
    const rules = rulesFor({ namespaces: { allow: ['a'] } }, {}, { namespaces: { allow: [] } });
    expect(sources(rules?.namespaces)).toStrictEqual([['a'], []]);
    expect(rules?.targets).toStrictEqual([]);
  });

  const list = fc.option(fc.record({ allow: fc.uniqueArray(fc.constantFrom('lab', 'la*', 'prod', '*')) }), {
    nil: null,
  });
  const spec = fc.record({
    images: fc.constantFrom([{ glob: '**' }], [{ glob: 'ghcr.io/acme/legacy@*' }], [{ glob: 'quay.io/**' }]),
    mode: fc.constantFrom('enforce', 'warn', 'audit'),
    namespaces: list,
    targets: list,
    contract: fc.record({ required: fc.boolean(), onConflict: fc.constantFrom('Deny', 'Override') }),
    digests: fc.record({ require: fc.boolean(), resolve: fc.constantFrom('All', 'PodsOnly', 'Never') }),
    podSecurity: fc.constantFrom('restricted', 'baseline', 'privileged'),
    serviceAccounts: fc.record({
      from: fc.constantFrom('Contract', 'Workload'),
      allow: fc.constantFrom(null, ['*-sa']),
    }),
    exceptions: fc.constantFrom([], [exception], [{ ...exception, expires: '2026-05-01T00:00:00Z' }]),
  });
  const policies = fc
    .array(spec, { maxLength: 4 })
    .map((specs) => specs.map((one, index) => actionPolicy(one, `p${index}`)));

  const unordered = (rules: ActionRules | undefined) =>
    rules === undefined
      ? undefined
      : {
          ...rules,
          namespaces: new Set(texts(rules.namespaces)),
          targets: new Set(texts(rules.targets)),
          serviceAccounts: { from: rules.serviceAccounts.from, allow: new Set(texts(rules.serviceAccounts.allow)) },
        };

  test('may come in any order', () => {
    const shuffled = policies.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        expect(unordered(actionRules(other, place))).toEqual(unordered(actionRules(all, place)));
      }),
    );
  });

  test('say nothing new when said twice', () => {
    fc.assert(
      fc.property(policies, (all) => {
        const twice = unordered(actionRules([...all, ...all], place));
        const once = unordered(actionRules(all, place));
        expect(twice && { ...twice, policies: new Set(twice.policies) }).toEqual(
          once && { ...once, policies: new Set(once.policies) },
        );
      }),
    );
  });

  test('never loosen what fewer of them demand', () => {
    fc.assert(
      fc.property(policies, policies, (some, more) => {
        const fewer = actionRules(some, place);
        if (fewer === undefined) return;
        const all = actionRules([...some, ...more], place);
        if (all === undefined) throw new Error('a policy took another one away');
        for (const [name, order] of orders) {
          expect(order.indexOf(String(name(all)))).toBeGreaterThanOrEqual(order.indexOf(String(name(fewer))));
        }
        for (const lists of [lists0, lists1, lists2]) {
          for (const value of ['lab', 'prod', 'x-sa', 'other']) {
            const allowed = (rules: ActionRules) =>
              lists(rules).every((one) => one.some((glob) => glob.matches(value)));
            expect(!allowed(fewer) && allowed(all)).toBe(false);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

const lists0 = (rules: ActionRules) => rules.namespaces;
const lists1 = (rules: ActionRules) => rules.targets;
const lists2 = (rules: ActionRules) => rules.serviceAccounts.allow;

/** From loose to strict. */
const orders: readonly (readonly [(rules: ActionRules) => unknown, readonly string[]])[] = [
  [({ mode }) => mode, ['audit', 'warn', 'enforce'] satisfies ActionPolicy['mode'][]],
  [({ contract }) => contract.required, ['false', 'true']],
  [({ contract }) => contract.onConflict, ['Override', 'Deny']],
  [({ digests }) => digests.require, ['false', 'true']],
  [({ digests }) => digests.resolve, ['Never', 'PodsOnly', 'All']],
  [({ podSecurity }) => podSecurity, ['privileged', 'baseline', 'restricted']],
  [({ serviceAccounts }) => serviceAccounts.from, ['Workload', 'Contract']],
];
