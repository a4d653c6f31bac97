/** What holds for every request, told a second time in the plainest words and held against the reviewer. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failure } from '../../src/kernel/failure.ts';
import { fail } from '../../src/kernel/result.ts';
import type { Mode, NoMatchPolicy } from '../../src/policy/model.ts';
import {
  Bench,
  byKey,
  fails,
  held,
  passes,
  patched,
  pinned,
  policy,
  reviewOf,
  signed,
  snapshotOf,
  unreachable,
  unsigned,
  type World,
} from './bench.ts';
import { reviewedKinds as kinds, kindsOfPods, kindsOfTekton, objectWith } from './places.ts';

const registries = ['a.example', 'b.example', 'c.example'];
const repositories = registries.flatMap((registry) => [`${registry}/app`, `${registry}/web`]);

interface Image {
  readonly text: unknown;
  /** Absent: no image name. */
  readonly repository?: string;
  readonly hasDigest?: boolean;
}

const images: fc.Arbitrary<Image> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(...repositories)
      .map((repository) => ({ text: pinned(repository), repository, hasDigest: true })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...repositories)
      .map((repository) => ({ text: pinned(repository, 'v1'), repository, hasDigest: true })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...repositories)
      .map((repository) => ({ text: `${repository}:v1`, repository, hasDigest: false })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<unknown>('', undefined, 7, [], 'A//B', '$(params.x)', `a.example/app@sha256:${'0'.repeat(63)}`)
      .map((text) => ({ text })),
  },
);

const facts = fc.constantFrom('signed', 'signed', 'signed', 'unsigned', 'unreachable');
const answers = { signed, unsigned, unreachable };

interface Rule {
  readonly registry: string | undefined;
  readonly mode: Mode;
  readonly authorities: readonly ('key' | 'pass' | 'fail')[];
  readonly isReady: boolean;
}

const rules: fc.Arbitrary<Rule> = fc.record({
  registry: fc.constantFrom(undefined, ...registries),
  mode: fc.constantFrom<Mode>('enforce', 'enforce', 'warn'),
  authorities: fc.array(fc.constantFrom('key', 'key', 'pass', 'fail'), { minLength: 1, maxLength: 3 }),
  isReady: fc.constantFrom(true, true, true, true, false),
});

const settings = fc.record({
  rules: fc.array(rules, { maxLength: 4 }),
  noMatch: fc.constantFrom<NoMatchPolicy>('deny', 'deny', 'warn', 'allow'),
  facts: fc.tuple(...repositories.map(() => facts)),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

const objects = fc.constantFrom(...kinds).chain((kind) =>
  fc
    .subarray([...kind.places], { minLength: 1, maxLength: Math.min(6, kind.places.length) })
    .chain((fields) => fc.tuple(...fields.map((field) => images.map((image) => ({ field, image })))))
    .map((placed) => ({ of: { ...kind, version: kind.versions[0] ?? '' }, placed })),
);
type Placed = typeof objects extends fc.Arbitrary<infer T> ? T : never;

function worldFor({ rules: given, noMatch, facts: found }: Settings): World {
  const authorities = { key: byKey, pass: passes, fail: fails };
  const policies = given.map(({ registry, mode, authorities: kindsOf, isReady }, index) =>
    policy(`p-${index}`, registry === undefined ? '**' : `${registry}/**`, {
      mode,
      authorities: kindsOf.map((kind) => authorities[kind]),
      notReady: isReady ? [] : ['a key is missing'],
    }),
  );
  return {
    policies: snapshotOf(policies, noMatch),
    facts: ({ registry, repository }) =>
      answers[found[repositories.indexOf(`${registry}/${repository}`)] ?? 'unsigned'],
  };
}

const benchFor = (setting: Settings): Bench => new Bench(worldFor(setting));

const podGroups = new Set(kindsOfPods);
const tektonGroups = new Set(kindsOfTekton);

/** Whether one image may run; undefined when there is none to judge. */
function mayRun(
  image: Image,
  { rules: given, noMatch, facts: found }: Settings,
  of: Placed['of'],
): boolean | undefined {
  const isOf = (some: ReadonlySet<{ readonly resource: string; readonly group: string }>): boolean =>
    [...some].some(({ resource, group }) => resource === of.resource && group === of.group);
  if (isOf(tektonGroups) && image.text === '$(params.x)') return undefined;
  if ((image.text === undefined || image.text === '') && !isOf(podGroups)) return undefined;
  const { repository, hasDigest } = image;
  if (repository === undefined) return false;
  const matching = given.filter(({ registry }) => registry === undefined || repository.startsWith(`${registry}/`));
  if (matching.length === 0) return noMatch !== 'deny';
  const isSigned = hasDigest === true && found[repositories.indexOf(repository)] === 'signed';
  return matching.every(({ mode, authorities, isReady }) => {
    const passed = authorities.some((kind) => kind === 'pass' || (kind === 'key' && isSigned));
    return isReady && (passed || mode === 'warn');
  });
}

function objectOf({ placed }: Placed): Record<string, unknown> {
  return objectWith({
    'metadata.name': 'x',
    ...Object.fromEntries(placed.map(({ field, image }) => [field, image.text])),
  });
}

const many = { numRuns: 300 };

test('allowed is exactly what every policy lets run, in every place; every other place is named in the refusal', async () => {
  await fc.assert(
    fc.asyncProperty(objects, settings, async (sent, setting) => {
      const wrong = sent.placed.filter(({ image }) => mayRun(image, setting, sent.of) === false);
      // Only of a run that would be admitted is the annotation missed.
      const object = wrong.length === 0 ? await held(objectOf(sent), sent.of, worldFor(setting)) : objectOf(sent);
      const bench = benchFor(setting);
      const { response } = await bench.review('validate', reviewOf(object, sent.of));

      expect(response.allowed).toBe(wrong.length === 0);
      const told = bench.decisions.flatMap(({ reasons }) => reasons.flatMap(({ field = '' }) => field.split(', ')));
      const refused = response.allowed ? [] : [...new Set(told)];
      expect(refused.toSorted()).toStrictEqual(wrong.map(({ field }) => field).toSorted());
    }),
    many,
  );
});

test('pinned first, a tag is judged as the digest that it was pinned to', async () => {
  await fc.assert(
    fc.asyncProperty(objects, settings, async (sent, setting) => {
      const bench = benchFor(setting);
      const object = objectOf(sent);
      const mutated = await bench.review('mutate', reviewOf(object, sent.of));
      const { response } = await bench.review('validate', reviewOf(patched(object, mutated.response.patch), sent.of));

      const wrong = sent.placed.filter(
        ({ image }) => mayRun({ ...image, hasDigest: true }, setting, sent.of) === false,
      );
      expect(mutated.response.allowed).toBe(true);
      expect(response.allowed).toBe(wrong.length === 0);
    }),
    many,
  );
});

test('one record, one answer with the uid, and an allowed one only for what could be read', async () => {
  const request = fc.record(
    {
      uid: fc.constantFrom('uid-1', '', 7),
      operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'CONNECT', 'PATCH', undefined),
      resource: fc.oneof(
        fc.constantFrom<unknown>(
          ...kinds.map(({ group, versions, resource }) => ({ group, version: versions[0], resource })),
        ),
        fc.jsonValue(),
      ),
      subResource: fc.constantFrom<unknown>('', 'status', 'ephemeralcontainers', 'exec', 'nonsense', 7, null),
      object: fc.oneof(fc.jsonValue(), fc.record({ spec: fc.jsonValue() }), fc.constant({ spec: {} })),
      oldObject: fc.jsonValue(),
      namespace: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );

  await fc.assert(
    fc.asyncProperty(request, fc.constantFrom('mutate', 'validate'), async (changes, phase) => {
      const bench = new Bench({ facts: () => unsigned });
      const { response } = await bench.review(phase, reviewOf({ spec: {} }, undefined, changes));

      expect(bench.decisions).toHaveLength(1);
      expect(response.uid).toBe(typeof changes.uid === 'number' ? '' : (changes.uid ?? 'uid-1'));
      // Nothing is signed: what is allowed named no image, is exempt by name, or is a run whose images only its Pods know.
      const [decision] = bench.decisions;
      const isLeft =
        decision?.verdict === 'admit' &&
        decision.images.length > 0 &&
        decision.images.every(({ deferred }) => deferred);
      expect(response.allowed).toBe(decision?.verdict === 'skip' || isLeft);
    }),
    many,
  );
});

test('a request that was damaged on its way is refused, unless it names no image any more', async () => {
  const sound = JSON.stringify(reviewOf({ spec: { containers: [{ name: 'c', image: pinned('a.example/app') }] } }));
  const damage = fc.record({
    at: fc.nat(sound.length - 1),
    by: fc.constantFrom('', '"', '}', '[', '\\', 'x', '0', ' '),
  });

  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      const text = damages.reduce((whole, { at, by }) => whole.slice(0, at) + by + whole.slice(at + 1), sound);
      const bench = new Bench({ facts: () => fail(failure('SIGNATURE_MISSING', 'no signatures found')) });
      const { response } = await bench.reviewBytes('validate', text);

      expect(bench.decisions).toHaveLength(1);
      // A damaged name of a field is a field that is not there, and no image is nothing to judge.
      const isSkip = bench.decisions[0]?.verdict === 'skip';
      expect(response.allowed).toBe(isSkip);
    }),
    many,
  );
});
