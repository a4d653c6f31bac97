import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextLastGood, type LastGood, type Source } from '../../../src/adapters/policies/last-good.ts';
import { parsePolicyValue } from '../../../src/policy/parse-documents.ts';

function policy(name: string, glob: string, action = 'pass'): unknown {
  const spec = { images: [{ glob }], authorities: [{ static: { action } }] };
  return { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'ClusterImagePolicy', metadata: { name }, spec };
}

function source(name: string, ...objects: readonly unknown[]): Source {
  return { name, documents: objects.flatMap((object) => parsePolicyValue(object, name)) };
}

const unreadable = (name: string): Source => ({
  name,
  documents: [{ kind: 'problem', where: name, messages: ['not YAML'] }],
});

function after(...steps: readonly (readonly Source[])[]): LastGood | undefined {
  return steps.reduce<LastGood | undefined>((state, sources) => nextLastGood(state, sources).state, undefined);
}

/** name=glob of policies in force, then !name of stand-ins. */
function summary(state: LastGood | undefined): readonly string[] | undefined {
  if (state === undefined) return undefined;
  const kept = [...state.kept.values()].map(({ document }) =>
    document.kind === 'policy' ? `${document.name}=${document.policy.images[0]?.source ?? ''}` : document.name,
  );
  return [...kept, ...state.standIns.map(({ name }) => `!${name}`)].sort();
}

const good = source('a.yaml', policy('a', 'a.io/**'), policy('b', 'b.io/**'));

test.each<[string, readonly (readonly Source[])[], readonly string[] | undefined]>([
  ['nothing is a complete set', [[]], []],
  ['an unreadable file at first: nothing is in force', [[unreadable('x.yaml'), good]], undefined],
  ['an unreadable file later keeps what it brought', [[good], [unreadable('a.yaml')]], ['a=a.io/**', 'b=b.io/**']],
  [
    'an unreadable file later leaves other files free to change',
    [
      [good, source('c.yaml', policy('c', 'c.io/**'))],
      [unreadable('a.yaml'), source('c.yaml', policy('c', 'new.io/**'))],
    ],
    ['a=a.io/**', 'b=b.io/**', 'c=new.io/**'],
  ],
  [
    'an unreadable new file later takes nothing away',
    [[good], [good, unreadable('x.yaml')]],
    ['a=a.io/**', 'b=b.io/**'],
  ],
  [
    'a folder that is gone keeps what was in it',
    [[source('dir/a.yaml', policy('a', 'a.io/**'))], [unreadable('dir')]],
    ['a=a.io/**'],
  ],
  ['but not what was beside it', [[source('dir2/a.yaml', policy('a', 'a.io/**'))], [unreadable('dir')]], []],
  [
    'one broken document among others keeps its own last version',
    [[good], [source('a.yaml', policy('a', 'new.io/**'), policy('b', 'b.io/**', 'perhaps'))]],
    ['a=new.io/**', 'b=b.io/**'],
  ],
  [
    'an object that moved to another file is not kept twice',
    [[good], [unreadable('a.yaml'), source('n.yaml', policy('a', 'moved.io/**'))]],
    ['a=moved.io/**', 'b=b.io/**'],
  ],
  ['a removed file takes its policies with it', [[good], []], []],
  ['a policy broken from the start stands in', [[source('a.yaml', policy('a', 'a.io/**', 'perhaps'))]], ['!a']],
  [
    'a stand-in is no good version: once repaired and broken again, the repaired one stays',
    [
      [source('a.yaml', policy('a', 'a.io/**', 'perhaps'))],
      [source('a.yaml', policy('a', 'b.io/**'))],
      [source('a.yaml', policy('a', 'c.io/**', 'perhaps'))],
    ],
    ['a=b.io/**'],
  ],
  [
    'two of one name at first: which one counts is not known',
    [[good, source('z.yaml', policy('a', 'z.io/**'))]],
    undefined,
  ],
  [
    'two of one name later: the version before stays',
    [[good], [good, source('z.yaml', policy('a', 'z.io/**'))]],
    ['a=a.io/**', 'b=b.io/**'],
  ],
  [
    'a policy without a readable name at first: nothing is in force',
    [[source('a.yaml', policy('', 'a.io/**'))]],
    undefined,
  ],
  [
    'an object of a kind that means nothing here, at first: nothing is in force',
    [[source('k.yaml', { kind: 'Kustomization' })]],
    undefined,
  ],
])('%s', (_title, steps, expected) => {
  expect(summary(after(...steps))).toEqual(expected);
});

test('every problem says where it is and what is in force instead', () => {
  const { problems } = nextLastGood(after([good]), [
    unreadable('x.yaml'),
    source('a.yaml', policy('a', 'a.io/**', 'perhaps')),
  ]);
  expect(problems).toEqual([
    {
      where: 'a.yaml',
      message: 'invalid value: perhaps: spec.authorities[0].static.action\nunsupported action',
      consequence: 'Its last good version stays in force.',
      of: 'ClusterImagePolicy/a',
    },
    { where: 'x.yaml', message: 'not YAML', consequence: 'What was read from there before stays in force.' },
  ]);
});

test('law: breaking documents never removes a demand that was in force', () => {
  const names = ['a', 'b', 'c', 'd'];
  const broken = fc.subarray(names);
  const state = after([source('all.yaml', ...names.map((name) => policy(name, `${name}.io/**`)))]);
  fc.assert(
    fc.property(broken, fc.boolean(), (some, whole) => {
      const objects = names.map((name) => policy(name, `${name}.io/**`, some.includes(name) ? 'perhaps' : 'pass'));
      const sources = whole ? [unreadable('all.yaml')] : [source('all.yaml', ...objects)];
      expect(summary(nextLastGood(state, sources).state)).toEqual(summary(state));
    }),
    { numRuns: 40 },
  );
});
