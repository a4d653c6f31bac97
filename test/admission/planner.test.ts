import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPlanner, type ImagePlan, type Planner } from '../../src/admission/planner.ts';
import { parseImageReference } from '../../src/kernel/image-reference.ts';
import type { MatchRule, PolicySnapshot } from '../../src/policy/model.ts';
import type { ObjectFacts } from '../../src/policy/subject.ts';
import { byKey, everythingSigned, fails, passes, pinned, policy, snapshotOf } from './bench.ts';

const pod: ObjectFacts = { group: '', version: 'v1', resource: 'pods', namespace: 'team', labels: {} };

function plan(planner: Planner, text: string, object = pod, snapshot = everythingSigned): ImagePlan {
  const image = parseImageReference(text);
  if (!image.ok) throw new Error(image.failure.message);
  return planner(snapshot, { text }, image.value, object);
}

function policiesOf(made: ImagePlan): readonly string[] | undefined {
  return made.kind === 'pinned' ? made.plan.policies.map((planned) => planned.policy.name) : undefined;
}

function questionsOf(made: ImagePlan): readonly string[] | undefined {
  return made.kind === 'pinned' ? made.plan.questions.map(({ id }) => id) : undefined;
}

test.each<[string, string, PolicySnapshot, ImagePlan['kind']]>([
  ['a digest is planned for', pinned('a.example/app'), everythingSigned, 'pinned'],
  ['a tag needs its digest first', 'a.example/app:1', everythingSigned, 'tag'],
  ['a tag that only a digest could match needs it too', 'a.example/app:1', snapshotOf([policy('p', '**@*')]), 'tag'],
  ['a tag that no policy matches is settled', 'a.example/app:1', snapshotOf([policy('p', 'b.example/**')]), 'settled'],
  ['a tag without any policy is settled', 'a.example/app:1', snapshotOf([]), 'settled'],
  [
    'a tag that passes whatever it is is settled',
    'a.example/app:1',
    snapshotOf([policy('p', '**', { authorities: [passes] })]),
    'settled',
  ],
  [
    'a tag that fails whatever it is is settled',
    'a.example/app:1',
    snapshotOf([policy('p', '**', { authorities: [fails] })]),
    'settled',
  ],
  [
    'a tag that may pass by a key is not',
    'a.example/app:1',
    snapshotOf([policy('p', '**', { authorities: [fails, byKey] })]),
    'tag',
  ],
  [
    'a tag under a policy that is not ready is settled: it is refused',
    'a.example/app:1',
    snapshotOf([policy('p', '**', { notReady: ['no key'] })]),
    'settled',
  ],
])('%s', (_title, text, snapshot, kind) => {
  expect(plan(createPlanner(), text, pod, snapshot).kind).toBe(kind);
});

test('the same plan is made once', () => {
  const planner = createPlanner();

  const first = plan(planner, pinned('a.example/app'));

  expect(plan(planner, pinned('a.example/app'), { ...pod, namespace: 'other', labels: { a: 'b' } })).toBe(first);
});

test('another snapshot is another plan, even with the same policies', () => {
  const planner = createPlanner();
  const again = snapshotOf([policy('everything-signed', '**')]);

  expect(plan(planner, pinned('a.example/app'))).not.toBe(plan(planner, pinned('a.example/app'), pod, again));
});

test.each<[string, MatchRule, Partial<ObjectFacts>]>([
  ['resource', { resource: 'pods', version: '*' }, { resource: 'replicationcontrollers' }],
  ['group', { resource: 'pods', version: '*' }, { group: 'metrics.example' }],
  ['version', { resource: 'pods', version: 'v1' }, { version: 'v2' }],
  [
    'a label that a policy looks at',
    { resource: 'pods', version: '*', selector: { matchLabels: { team: 'a' }, matchExpressions: [] } },
    { labels: { team: 'b' } },
  ],
  [
    'the presence of a label',
    {
      resource: 'pods',
      version: '*',
      selector: { matchLabels: {}, matchExpressions: [{ key: 'team', operator: 'In', values: ['a'] }] },
    },
    { labels: {} },
  ],
])('another %s is another plan', (_title, rule, change) => {
  const planner = createPlanner();
  const snapshot = snapshotOf([policy('p', '**', { match: [rule] })]);
  const object = { ...pod, labels: { team: 'a' } };

  expect(policiesOf(plan(planner, pinned('a.example/app'), object, snapshot))).toStrictEqual(['p']);
  expect(policiesOf(plan(planner, pinned('a.example/app'), { ...object, ...change }, snapshot))).toStrictEqual([]);
});

test('law: what is remembered is what would be planned anew', () => {
  const selector = {
    matchLabels: { 'a b': 'x' },
    matchExpressions: [{ key: 'c', operator: 'Exists', values: [] }],
  } as const;
  const snapshot = snapshotOf([
    policy('every-pod', '**', { match: [{ resource: 'pods', version: 'v1' }] }),
    policy('labelled', 'a.example/**', { match: [{ resource: 'pods', version: '*', selector }] }),
    policy('grouped', '**', { match: [{ group: 'b', resource: 'pods', version: '*' }] }),
    policy('by-tag', '**:1'),
  ]);
  const texts = [pinned('a.example/app'), pinned('a.example/app', '1'), 'a.example/app:1', 'b.example/app:2'];
  const labels = fc.dictionary(fc.constantFrom('a b', 'c', 'd', 'a', 'b'), fc.constantFrom('x', 'y', 'null', ''));
  const questions = fc.record({
    text: fc.constantFrom(...texts),
    object: fc.record({
      group: fc.constantFrom('', 'b'),
      version: fc.constantFrom('v1', 'v2'),
      resource: fc.constantFrom('pods', 'jobs'),
      namespace: fc.constant('team'),
      labels,
    }),
  });

  fc.assert(
    fc.property(fc.array(questions, { minLength: 2, maxLength: 10 }), (asked) => {
      const planner = createPlanner();
      for (const { text, object } of asked) {
        const remembered = plan(planner, text, object, snapshot);
        const anew = plan(createPlanner(), text, object, snapshot);

        expect([remembered.kind, policiesOf(remembered), questionsOf(remembered)]).toStrictEqual([
          anew.kind,
          policiesOf(anew),
          questionsOf(anew),
        ]);
      }
    }),
    { numRuns: 40 },
  );
});
