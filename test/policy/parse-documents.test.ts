import { describe, expect, test } from 'vitest';
import { parsePolicyDocuments, parsePolicyValue, type PolicyDocument } from '../../src/policy/parse-documents.ts';
import { deny, policyDocument, specWith } from './kit.ts';

const good = `
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: good}
spec:
  images: [{glob: 'ghcr.io/org/**'}]
  authorities: [{static: {action: pass}}]
`;
const secret = `
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: any}
data: {cosign.pub: a2V5}
stringData: {other: text}
`;

function outline(documents: readonly PolicyDocument[]): readonly string[] {
  return documents.map((document) =>
    document.kind === 'problem'
      ? `${document.where}: ${document.messages.join('; ')}`
      : `${document.where}: ${document.kind} ${document.name}`,
  );
}

const read = (text: string) => outline(parsePolicyDocuments(text, 'file'));

test('one document is named by its file, several by their place', () => {
  expect(read(good)).toEqual(['file: policy good']);
  expect(read(`${good}\n---\n${secret}`)).toEqual(['file, document 1: policy good', 'file, document 2: secret keys']);
});

test('JSON is read as well', () => {
  expect(read(JSON.stringify(policyDocument(specWith({}))))).toEqual(['file: policy p']);
});

test('nothing but comments is nothing', () => {
  expect(read('# one\n---\n# two\n')).toEqual([]);
});

test('a List is its items', () => {
  const list = { kind: 'ClusterImagePolicyList', items: [policyDocument(specWith({}), 'a'), { kind: 'Pod' }] };
  expect(outline(parsePolicyValue(list, 'api'))).toEqual([
    'api, items[0]: policy a',
    expect.stringContaining('api, items[1]: kind Pod is not a policy'),
  ]);
});

test('a Secret is decoded', () => {
  expect(parsePolicyDocuments(secret, 'file')).toMatchObject([
    {
      kind: 'secret',
      data: new Map([
        ['cosign.pub', 'key'],
        ['other', 'text'],
      ]),
    },
  ]);
});

test('a broken document does not hide the others', () => {
  expect(read(`${good}\n---\nkind: [\n---\n${secret}`)).toEqual([
    'file, document 1: policy good',
    expect.stringMatching(/^file, document 2: .* at line/),
    'file, document 3: secret keys',
  ]);
});

test('no and yes stay texts', () => {
  const country = good.replace('ghcr.io/org/**', 'no').replace("'no'", 'no').replace('action: pass', 'action: yes');
  expect(parsePolicyDocuments(country, 'file')).toMatchObject([
    { kind: 'problem', messages: [expect.stringContaining('invalid value: yes: spec.authorities[0].static.action')] },
  ]);
});

describe('tells what is wrong with', () => {
  test.each([
    ['a text', 'hello', 'this is no Kubernetes object: it has no kind'],
    ['an object without kind', 'a: 1', 'it has no kind'],
    ['a kind that is no text', 'kind: 1', 'it has no kind'],
    ['another kind', 'kind: Deployment', 'kind Deployment is not a policy; expected one of ClusterImagePolicy'],
    ['a hostile kind', 'kind: "a\\u001b[2J"', 'kind a\\u{1b}[2J is not a policy'],
    ['a Secret of another version', 'apiVersion: v2\nkind: Secret', 'kind Secret is not a policy'],
    ['a Secret whose data is a text', 'apiVersion: v1\nkind: Secret\ndata: x', 'data is not a map of base64 texts'],
    ['a Secret with a number', 'apiVersion: v1\nkind: Secret\ndata: {a: 1}', 'data is not a map of base64 texts'],
    ['a trust root', 'kind: TrustRoot', 'missing field(s): metadata.name, spec'],
    ['a key twice', good.replace('spec:', 'spec: {}\nspec:'), 'the key "spec" occurs twice'],
    ['an alias bomb', `a: &a [x]\nb: [${'*a,'.repeat(1_000)}]`, 'more than 20 aliases'],
    [
      'aliases of aliases',
      'a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]',
      'resource exhaustion',
    ],
    ['an alias of nothing', 'kind: *x', 'there is no anchor for the alias *x'],
    ['an alias that holds itself', 'kind: ClusterImagePolicy\nspec: &a {images: *a}', 'the alias *a holds itself'],
    ['100,000 brackets', '['.repeat(100_000), 'nested deeper than 40 levels'],
    ['1,001 documents', '---\na: 1\n'.repeat(1_001), 'more than 1000 documents'],
    ['more than a megabyte', `# ${'x'.repeat(1024 * 1024)}`, 'larger than 1048576 characters'],
  ])('%s', (_title, text, problem) => {
    expect(read(text).join()).toContain(problem);
  });
});

describe('in place of a broken policy stands one that refuses', () => {
  const broken = (spec: object): PolicyDocument | undefined =>
    parsePolicyValue(
      policyDocument(specWith({ authorities: [{ static: { action: 'perhaps' } }], ...spec })),
      'file',
    )[0];

  test('what its globs match, for every kind of object', () => {
    const document = broken({ match: [{ resource: 'jobs' }], mode: 'warn' });
    expect(document).toMatchObject({
      kind: 'problem',
      of: 'ClusterImagePolicy/p',
      standIn: {
        name: 'p',
        mode: 'warn',
        match: [],
        images: [{ source: 'ghcr.io/org/**' }],
        notReady: [expect.stringContaining('unsupported action')],
      },
    });
  });

  test('unless its images cannot be read', () => {
    expect(broken({ images: [{ glob: '[' }] })).not.toHaveProperty('standIn');
    expect(broken({ images: undefined })).not.toHaveProperty('standIn');
    expect(parsePolicyValue(policyDocument(specWith({ authorities: [deny, {}] }), ''), 'file')[0]).not.toHaveProperty(
      'standIn',
    );
  });
});
