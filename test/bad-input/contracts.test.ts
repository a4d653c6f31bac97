/** Signed images whose contract is not one: as a file in a layer, and as a label. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { contractLabel } from '../../src/contract/contract-places.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { gzipLayer, contractEntry, contractText, labelled, push, pushIndex } from '../evidence/layered-images.ts';
import { actionsOf, pushAction, pushActionImage, signedAction } from './action-gate.ts';
import { aliasBomb } from './yaml-bombs.ts';
import { openGate, podOf, reviewOf, type Gate, type Question } from './gate.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate.close());

const start = contractText();
const spec = (line: string): string => `${start}  ${line}\n`;
const resources = (text: string): string => start.replace(/resources: .*/, `resources: ${text}`);
const input = (members: string): string => spec(`inputs: [{ name: a, ${members} }]`);

const contracts: readonly (readonly [string, string, RegExp])[] = [
  ['nothing', '', /no contract in it/],
  ['text', 'trust me', /expected an object/],
  ['a list', '- a', /expected an object/],
  ['broken YAML', '{ a: [', /YAML|flow|expected/i],
  ['several documents', `${start}---\n${start}`, /document/],
  ['an alias', spec('inputs: [&a { name: a, type: string }, *a]'), /alias/],
  ['an alias bomb', aliasBomb, /alias/],
  ['a merge key', spec('<<: { shell: true }'), /<</],
  ['a key that occurs twice', spec('shell: true\n  shell: false'), /spec\.shell|"shell"|unique|twice/],
  ['a tag', spec('shell: !!js/function "() => 1"'), /tag/i],
  ['lists in lists', '['.repeat(5_000), /nested|deep/],
  ['100,000 lists in lists', '['.repeat(100_000), /nested|deep/],
  ['100,000 keys', Array.from({ length: 30_000 }, (_, n) => `k${n}: 1`).join('\n'), /./],
  ['an unknown API version', start.replace('v1alpha1', 'v2'), /apiVersion/],
  ['another kind', start.replace('ActionContract', 'Pod'), /kind/],
  ['an unknown major version', start.replace('v1.0.0', 'v2.0.0'), /metadata\.version.*major version 2 is not known/s],
  ['an endless version', start.replace('v1.0.0', `v${'9'.repeat(400)}.0.0`), /metadata\.version/],
  ['an unknown member', spec('privileges: all'), /spec\.privileges/],
  ['a key of all objects', spec('__proto__: { shell: true }'), /spec\.__proto__/],
  ['a name with a line feed', start.replace('git-clone', '"a\\nb"'), /metadata\.name/],
  [
    'requests above limits',
    resources('{ requests: { memory: 2Gi }, limits: { memory: 1Gi } }'),
    /spec\.resources\.requests\[memory\]/,
  ],
  ['negative quantities', resources('{ limits: { cpu: -1 } }'), /spec\.resources\.limits\[cpu\]/],
  ['1e309 as a quantity', resources('{ limits: { memory: 1e309 } }'), /Infinity.*spec\.resources\.limits\[memory\]/],
  ['1e309 as a quantity in quotes', resources('{ limits: { memory: "1e309" } }'), /spec\.resources\.limits\[memory\]/],
  ['infinity as a quantity', resources('{ limits: { memory: .inf } }'), /spec\.resources\.limits\[memory\]/],
  ['1e309 as a limit', input('type: number, maximum: 1e309'), /spec\.inputs\[0\]\.maximum/],
  ['1e309 as a default', input('type: number, default: 1e309'), /spec\.inputs\[0\]\.default/],
  ['no number as a default', input('type: number, default: .nan'), /spec\.inputs\[0\]\.default/],
  ['1e309 as a user', start.replace('1000', '1e309'), /spec\.securityContext\.runAsUser/],
  ['a timeout without end', spec('timeout: 1000000000000h'), /spec\.timeout/],
  ['a pattern that is none', input("type: string, pattern: '('"), /spec\.inputs\[0\]\.pattern/],
  ['a pattern of JavaScript', input("type: string, pattern: '(?=a)'"), /spec\.inputs\[0\]\.pattern/],
  [
    'a pattern that unfolds',
    input("type: string, pattern: '((((a{1,30}){1,30}){1,30}){1,30}){1,30}'"),
    /spec\.inputs\[0\]\.pattern/,
  ],
  ['a pattern of 4 kB', input(`type: string, pattern: '${'a'.repeat(4_096)}'`), /spec\.inputs\[0\]\.pattern/],
];

describe.each([
  ['file', (text: string) => ({ layers: [gzipLayer(contractEntry(text))] })],
  ['label', (text: string) => labelled(text)],
])('a %s with', (place, imageOf) => {
  test.each(contracts)('%s', async (_what, text, says) => {
    await gate.assertRefused(pushAction(gate, imageOf(text)), { code: 'CONTRACT_INVALID', says });
  });

  test('many mistakes names its place', async () => {
    const image = imageOf(spec(Array.from({ length: 200 }, (_, n) => `x${n}: 1`).join('\n  ')));
    await gate.assertRefused(pushAction(gate, image), { code: 'CONTRACT_INVALID', says: new RegExp(place) });
  });
});

describe('bytes that are no text', () => {
  test.each<readonly [string, Buffer, RegExp]>([
    ['10 MB', Buffer.alloc(10_000_000, '# comment\n'), /larger than 262144 bytes/],
    ['binary', Buffer.alloc(4_096, 0), /control|character|expected|YAML|object/i],
    ['not UTF-8', Buffer.from(`${start}# \xff`, 'latin1'), /not valid UTF-8/],
    ['UTF-16', Buffer.from(start, 'utf16le'), /./],
  ])('%s', async (_what, content, says) => {
    const image = { layers: [gzipLayer({ name: 'action-contract.yaml', content })] };
    await gate.assertRefused(pushAction(gate, image), { code: 'CONTRACT_INVALID', says });
  });
});

describe('configurations', () => {
  test.each<readonly [string, string, RegExp]>([
    ['that are no JSON', 'label: me', /configuration/],
    ['that are empty', '', /configuration/],
    ['of lists in lists', '['.repeat(50_000) + ']'.repeat(50_000), /configuration.*nested/],
    ['with the label twice', `{"config":{"Labels":{"${contractLabel}":"a","${contractLabel}":"b"}}}`, /twice/],
    ['with a list as label', `{"config":{"Labels":{"${contractLabel}":[]}}}`, /label.* is no text/],
    [
      'with a label of 10 MB',
      JSON.stringify({ config: { Labels: { [contractLabel]: ' '.repeat(10_000_000) } } }),
      /configuration has 10\d+ bytes/,
    ],
  ])('%s', async (_what, config, says) => {
    await gate.assertRefused(pushAction(gate, { config }), { code: 'CONTRACT_INVALID', says });
  });
});

describe('an image where a contract is required', () => {
  test('has none', async () => {
    const image = { layers: [gzipLayer({ name: 'etc/hosts', content: 'x' })] };
    await gate.assertRefused(pushAction(gate, image), { code: 'CONTRACT_MISSING', says: /contract/ });
  });

  test('has one in a folder', async () => {
    const image = { layers: [gzipLayer({ name: 'app/action-contract.yaml', content: start })] };
    await gate.assertRefused(pushAction(gate, image), { code: 'CONTRACT_MISSING', says: /contract/ });
  });

  test.each<readonly [string, string, RegExp]>([
    ['another one for another platform', contractText('another'), /platforms must have the same one.*linux\/arm64/],
    ['one with another line end for another platform', `${start}\n`, /platforms must have the same one/],
  ])('has %s', async (_what, other, says) => {
    const into = actionsOf(gate);
    const index = pushIndex(into, [
      ['linux/amd64', push(into, labelled())],
      ['linux/arm64', push(into, labelled(other))],
    ]);
    await gate.assertRefused({ body: podOf(signedAction(gate, index.digest)) }, { code: 'CONTRACT_INVALID', says });
  });

  test('has none for another platform', async () => {
    const into = actionsOf(gate);
    const index = pushIndex(into, [
      ['linux/amd64', push(into, labelled())],
      ['linux/arm64', push(into, {})],
    ]);
    const expected = { code: 'CONTRACT_INVALID', says: /linux\/arm64 has none/ } as const;
    await gate.assertRefused({ body: podOf(signedAction(gate, index.digest)) }, expected);
  });

  test('has no platform', async () => {
    const index = pushIndex(actionsOf(gate), []);
    await gate.assertRefused(
      { body: podOf(signedAction(gate, index.digest)) },
      { code: 'CONTRACT_INVALID', says: /no image/ },
    );
  });

  test('has a thousand platforms', async () => {
    const into = actionsOf(gate);
    const one = push(into, labelled());
    const index = pushIndex(
      into,
      Array.from({ length: 1_000 }, (_, n) => [`linux/p${n}`, one] as const),
    );
    await gate.assertRefused(
      { body: podOf(signedAction(gate, index.digest)) },
      { code: 'CONTRACT_INVALID', says: /64 platforms/ },
    );
  });
});

describe('inputs of a run', () => {
  /** A pattern on which backtracking takes longer than there is time. */
  const contract = input("type: string, required: true, pattern: '^(a+)+$'");

  function runWith(inputs: string): Question {
    const image = pushActionImage(gate, labelled(contract));
    const env = [{ name: 'ACTION_INPUTS', value: inputs }];
    const spec = { restartPolicy: 'Never', containers: [{ name: 'main', image, env }] };
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'main', namespace: 'demo' }, spec };
    const review = reviewOf(image);
    return { body: JSON.stringify({ ...review, request: { ...asRecord(review['request']), object } }) };
  }

  test.each<readonly [string, string, RegExp]>([
    ['none', '', /./],
    ['no JSON', 'a=1', /JSON/],
    ['a list', '[]', /object/],
    ['a key twice', '{"a":"a","a":"b"}', /twice/],
    ['lists in lists', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, /nested/],
    ['a number for a text', '{"a":1e309}', /a/],
    ['an unknown one', '{"a":"a","__proto__":{}}', /__proto__/],
    ['more than a process can be given', JSON.stringify({ a: 'a'.repeat(200_000) }), /bytes|longer|larger/],
    ['what explodes in JavaScript', JSON.stringify({ a: `${'a'.repeat(2_000)}!` }), /pattern|match/],
  ])('%s', async (_what, text, says) => {
    await gate.assertRefused(runWith(text), { code: 'INPUT_INVALID', says });
  });
});
