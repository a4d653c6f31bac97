import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure } from '../../src/kernel/failure.ts';
import { compileGlob } from '../../src/kernel/glob.ts';
import type { ImageReference } from '../../src/kernel/image-reference.ts';
import type { ActionPolicy } from '../../src/policy/action-policy.ts';
import { actionRules } from '../../src/policy/action-rules.ts';
import { candidates } from '../../src/policy/candidates.ts';
import type { ClusterImagePolicy, PolicySnapshot } from '../../src/policy/model.ts';
import { applicablePolicies } from '../../src/policy/plan.ts';
import { dependsOnDigest, planUnpinned, possibleActionPolicies } from '../../src/policy/plan-unpinned.ts';
import { actionPolicy } from './action-kit.ts';
import { digest, imageOf, pinned, pod, policyFor, snapshotOf } from './kit.ts';

const otherDigest = `sha256:${'2b'.repeat(32)}`;

// From few parts, so that names and globs meet often, in all the places where one may be the beginning of the other.
const name = fc
  .tuple(
    fc.constantFrom('ghcr.io', 'ghcr.io:5000', 'index.docker.io', 'gh.io'),
    fc.array(fc.constantFrom('aa', 'aab', 'library', 'aa-b', 'aa.b'), { minLength: 1, maxLength: 3 }),
  )
  .map(([registry, path]) => `${registry}/${path.join('/')}`);
const image = fc
  .tuple(name, fc.constantFrom('', ':1', ':1.2', ':latest', ':a'), fc.constantFrom('', `@${digest}`, `@${otherDigest}`))
  .map(([base, tag, pin]) => imageOf(`${base}${tag}${pin}`));
const written = fc
  .tuple(
    name,
    fc.constantFrom('', ':1', ':1.2', ':latest', `@${digest}`, `@${otherDigest}`, '@sha256:', '@sha256:1a1a', '@', ':'),
  )
  .map(([base, end]) => `${base}${end}`);
/** A name of which parts became stars, anywhere. */
const glob = fc.oneof(
  fc.constantFrom('*', '**', '*/*', '**/*', '**@*', '*:1', 'nginx', 'g*'),
  written,
  fc.tuple(written, fc.nat(90), fc.constantFrom('*', '**'), fc.nat(30)).map(([text, at, star, cut]) => {
    const begin = at % (text.length + 1);
    return `${text.slice(0, begin)}${star}${text.slice(begin + cut)}`;
  }),
);
const manyGlobs = fc.array(fc.array(glob, { minLength: 1, maxLength: 3 }), { minLength: 9, maxLength: 40 });

function compiled(sources: readonly string[]): ClusterImagePolicy['images'] {
  return sources.map((source) => {
    const made = compileGlob(source);
    if (!made.ok) throw new Error(made.problem);
    return made.value;
  });
}

/** The order of names is the order of the list. */
function named(index: number): string {
  return `p${String(index).padStart(3, '0')}`;
}

function policiesOf(globs: readonly (readonly string[])[]): readonly ClusterImagePolicy[] {
  const template = policyFor([{ static: { action: 'fail' } }]);
  return globs.map((sources, index) => ({ ...template, name: named(index), images: compiled(sources) }));
}

function actionPoliciesOf(globs: readonly (readonly string[])[]): readonly ActionPolicy[] {
  return globs.map((sources, index) => ({ ...actionPolicy(), name: named(index), images: compiled(sources) }));
}

function names(found: readonly { readonly name: string }[]): readonly string[] {
  return found.map((one) => one.name);
}

/** A list of one is not looked up, it is asked. */
function oneByOne<P, R>(policies: readonly P[], ask: (only: readonly P[]) => readonly R[]): readonly R[] {
  return policies.flatMap((policy) => ask([policy]));
}

describe('many policies decide as each of them asked alone', () => {
  test('which have a say', () => {
    fc.assert(
      fc.property(manyGlobs, image, (globs, about) => {
        const policies = policiesOf(globs);
        const ask = (some: readonly ClusterImagePolicy[]): readonly string[] =>
          names(applicablePolicies(snapshotOf(some), about, pod));
        expect(ask(policies)).toEqual(oneByOne(policies, ask));
      }),
      { numRuns: 500 },
    );
  });

  test('which may have one once the digest is known', () => {
    const why = failure('REGISTRY_UNREACHABLE', 'no answer');
    fc.assert(
      fc.property(manyGlobs, image, (globs, about) => {
        const policies = policiesOf(globs);
        const ask = (some: readonly ClusterImagePolicy[]): readonly string[] =>
          names(planUnpinned(snapshotOf(some), about, pod, why).policies.map(({ policy }) => policy));
        expect(ask(policies)).toEqual(oneByOne(policies, ask));
        const depends = (some: readonly ClusterImagePolicy[]): boolean => dependsOnDigest(snapshotOf(some), about, pod);
        expect(depends(policies)).toBe(oneByOne(policies, (some) => [depends(some)]).includes(true));
      }),
      { numRuns: 500 },
    );
  });

  test('which action policies do', () => {
    fc.assert(
      fc.property(manyGlobs, name, (globs, base) => {
        const policies = actionPoliciesOf(globs);
        const about = pinned(base);
        const possible = (some: readonly ActionPolicy[]): readonly string[] =>
          names(possibleActionPolicies(some, imageOf(base)));
        expect(possible(policies)).toEqual(oneByOne(policies, possible));
        const rules = (some: readonly ActionPolicy[]): readonly string[] =>
          actionRules(some, { image: about, namespace: 'shop', now: new Date(0) })?.policies ?? [];
        expect(rules(policies)).toEqual(oneByOne(policies, rules));
      }),
      { numRuns: 500 },
    );
  });
});

test('of ten thousand policies those are asked that can match', () => {
  const policies = policiesOf([
    ...Array.from({ length: 10_000 }, (_, index) => [`ghcr.io/acme/app-${index}@*`]),
    ['ghcr.io/acme/**'],
    [`ghcr.io/acme/app-7@${digest}`],
    ['ghcr.io/other/**'],
    ['**'],
  ]);
  const asked = (about: ImageReference): readonly string[] => names(candidates(policies, about));
  expect(asked(imageOf('ghcr.io/acme/app-7:1'))).toEqual(['p007', 'p10000', 'p10001', 'p10003']);
  expect(asked(imageOf('quay.io/acme/app-7'))).toEqual(['p10003']);
});

test('a snapshot of another set is looked up in another index', () => {
  const about = imageOf('ghcr.io/aa/b:1');
  const some = (glob: string): PolicySnapshot => snapshotOf(policiesOf(Array.from({ length: 20 }, () => [glob])));
  expect(applicablePolicies(some('ghcr.io/aa/*'), about, pod)).toHaveLength(20);
  expect(applicablePolicies(some('ghcr.io/b/*'), about, pod)).toHaveLength(0);
});
