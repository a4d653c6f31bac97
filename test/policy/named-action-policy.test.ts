import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/kernel/digest.ts';
import { parseImageReference } from '../../src/kernel/image-reference.ts';
import type { ActionRules } from '../../src/policy/action-policy.ts';
import { actionRules } from '../../src/policy/action-rules.ts';
import { buildSnapshot } from '../../src/policy/snapshot.ts';
import { underActionPolicy } from '../../src/policy/named-action-policy.ts';
import { actionPolicy } from './action-kit.ts';

const now = new Date('2026-01-01T00:00:00Z');
const digest = digestOf('x');

function imageOf(name: string) {
  const read = parseImageReference(name);
  if (!read.ok) throw new Error(read.failure.message);
  return { ...read.value, digest };
}

const snapshotOf = (...actionPolicies: readonly ReturnType<typeof actionPolicy>[]) =>
  buildSnapshot({ policies: [], actionPolicies, trustRoots: [], noMatch: 'deny' });

test('the policy that is named has a say about every image, and the others about theirs', () => {
  const snapshot = snapshotOf(
    actionPolicy({ images: [{ glob: 'a.example/**' }] }, 'a'),
    actionPolicy({ images: [{ glob: 'b.example/**' }] }, 'b'),
  );
  const namesOf = (of: typeof snapshot | undefined, image: string) =>
    actionRules(of?.actionPolicies ?? [], { image: imageOf(image), namespace: 'n', now })?.policies;
  const under = underActionPolicy(snapshot, 'a');
  expect(namesOf(under, 'a.example/xx')).toEqual(['a']);
  expect(namesOf(under, 'b.example/xx')).toEqual(['a', 'b']);
  expect(namesOf(under, 'nginx')).toEqual(['a']);
  expect(namesOf(snapshot, 'nginx')).toBeUndefined();
});

test.each(['', 'c', 'A', '__proto__', 'toString'])('there is none of the name %j', (name) => {
  expect(underActionPolicy(snapshotOf(actionPolicy({}, 'a')), name)).toBeUndefined();
});

test('the same name gives the same policies, which plans are remembered by', () => {
  const snapshot = snapshotOf(actionPolicy({}, 'a'), actionPolicy({}, 'b'));
  expect(underActionPolicy(snapshot, 'a')).toBe(underActionPolicy(snapshot, 'a'));
  expect(underActionPolicy(snapshot, 'a')).not.toBe(underActionPolicy(snapshot, 'b'));
  expect(underActionPolicy(snapshot, 'a')).toMatchObject({ generation: snapshot.generation });
});

test('its exceptions still take it away where they are for the digest', () => {
  const excepted = actionPolicy(
    {
      images: [{ glob: 'a.example/**' }],
      exceptions: [
        {
          images: [`b.example/xx@${digest}`],
          reason: 'known',
          owner: 'team@example.com',
          expires: '2026-06-01T00:00:00Z',
        },
      ],
    },
    'a',
  );
  const policies = underActionPolicy(snapshotOf(excepted), 'a')?.actionPolicies ?? [];
  expect(actionRules(policies, { image: imageOf('b.example/xx'), namespace: 'n', now })).toBeUndefined();
  expect(actionRules(policies, { image: imageOf('b.example/yy'), namespace: 'n', now })).toBeDefined();
});

const levels = ['privileged', 'baseline', 'restricted'] as const;
const modes = ['audit', 'warn', 'enforce'] as const;

test('naming a policy never loosens anything', () => {
  const drawn = fc.record({
    glob: fc.constantFrom('a.example/**', 'b.example/**', '**'),
    podSecurity: fc.constantFrom(...levels),
    mode: fc.constantFrom(...modes),
    required: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(drawn, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('a.example/xx', 'c.example/xx'),
      (all, image) => {
        const snapshot = snapshotOf(
          ...all.map(({ glob, podSecurity, mode, required }, index) =>
            actionPolicy({ images: [{ glob }], podSecurity, mode, contract: { required } }, `p${index}`),
          ),
        );
        const place = { image: imageOf(image), namespace: 'n', now };
        const before = actionRules(snapshot.actionPolicies, place);
        const after = actionRules(underActionPolicy(snapshot, 'p0')?.actionPolicies ?? [], place);
        expect(after?.policies).toEqual([...new Set(['p0', ...(before?.policies ?? [])])].toSorted());
        for (const [less, more] of strictness(before).map((one, index) => [one, strictness(after)[index]])) {
          expect(more).toBeGreaterThanOrEqual(less ?? 0);
        }
      },
    ),
  );
});

/** More is stricter. */
function strictness(rules: ActionRules | undefined): readonly number[] {
  if (rules === undefined) return [0, 0, 0];
  return [levels.indexOf(rules.podSecurity), modes.indexOf(rules.mode), Number(rules.contract.required)];
}
