/** Policy code that wants more than it may have: it is stopped within the limit, and the next evaluation works. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ask, ownTime, standard, told, type Asked } from './evaluate.ts';

const languages = standard();
afterAll(() => languages.close());
// The limit is time of the processor: on a machine that is busy it takes longer.
vi.setConfig({ testTimeout: 60_000 });

const rego = (body: string): string => `package sigstore\n${body}`;
const doubled = Array.from({ length: 40 }, (_, i) => `x${i + 1}: {a: x${i}, b: x${i}}`).join('\n');
const manyOr = Array.from({ length: 26 }, (_, i) => `y${i}: *1 | 2 | {z: y${(i + 1) % 26}}`).join('\n');
const choices = Array.from({ length: 26 }, (_, i) => `({a${i}: 1} | {a${i}: 2})`).join(' & ');
const longList = JSON.stringify({ l: Array.from({ length: 20_000 }, (_, i) => i), s: 'x'.repeat(1_000_000) });
const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const repeated = (text: string, times: number): string => Array.from({ length: times }, () => text).join('');

const bombs: readonly (readonly [string, Asked])[] = [
  [
    'CUE: a loop in a loop in a loop',
    { language: 'cue', text: 'import "list"\nn: list.Range(0, 3000, 1)\nx: [for a in n for b in n for c in n {a}]' },
  ],
  [
    'CUE: 2^40 members',
    { language: 'cue', text: `import "encoding/json"\nx0: {c: 1}\n${doubled}\ny: json.Marshal(x40)` },
  ],
  ['CUE: 2^26 alternatives', { language: 'cue', text: `x: ${choices}` }],
  ['CUE: 2 GB of text', { language: 'cue', text: 'import "strings"\nx: len(strings.Repeat("aaaaaaaaaa", 200000000))' }],
  ['CUE: a range of 10^9', { language: 'cue', text: 'import "list"\nx: list.Range(0, 1000000000, 1)' }],
  [
    'Rego: 10^10 steps',
    { language: 'rego', text: rego('n := numbers.range(1, 100000)\nisCompliant { some i, j; n[i] + n[j] < 0 }') },
  ],
  [
    'Rego: a range of 10^9',
    { language: 'rego', text: rego('isCompliant { count(numbers.range(1, 1000000000)) > 1 }') },
  ],
  [
    'Rego: walk of walk of walk',
    {
      language: 'rego',
      text: rego(
        'isCompliant { walk(input, [p, _]); walk(input, [q, _]); walk(input, [r, _]); count(p) + count(q) + count(r) < 0 }',
      ),
      input: longList,
    },
  ],
  [
    'Rego: text that doubles',
    {
      language: 'rego',
      text: rego(
        `a0 := "xxxxxxxxxx"\n${Array.from({ length: 30 }, (_, i) => `a${i + 1} := concat("", [a${i}, a${i}])`).join('\n')}\nisCompliant { a30 == "" }`,
      ),
    },
  ],
  ['CEL: three loops', { language: 'cel', text: 'l.all(a, l.all(b, l.all(c, true)))', input: longList }],
  [
    'CEL: loops that build',
    { language: 'cel', text: 'l.map(a, l.map(b, l.map(c, a + b + c))).size() > 0', input: longList },
  ],
  [
    'CEL: an error in a loop that does not end it',
    { language: 'cel', text: 'l.exists(a, l.exists(b, 1 / 0 > a)) || true', input: longList },
  ],
  [
    'CEL: text that doubles',
    { language: 'cel', text: `[s]${repeated('.map(t, t + t)', 40)}.size() > 0`, input: longList },
  ],
  [
    'CEL: lists that double',
    { language: 'cel', text: `[l]${repeated('.map(t, t + t)', 40)}[0].all(x, true)`, input: longList },
  ],
  ['CEL: replace by much', { language: 'cel', text: 's.replace("", s) == ""', input: longList }],
  ['CEL: split into characters', { language: 'cel', text: '(s + s + s + s).split("").size() > 0', input: longList }],
  [
    'CEL: a regular expression that is huge',
    { language: 'cel', text: `s.matches("${repeated('(x?){99}', 60)}y")`, input: longList },
  ],
  ['CEL: millions of members', { language: 'cel', text: 'true', input: `[${repeated('[],', 4_000_000)}[]]` }],
  ['CEL: nesting', { language: 'cel', text: `${deep(60)} == []` }],
  ['CEL: text that is too long', { language: 'cel', text: `true${repeated(' || true', 10_000)}` }],
];

describe('stopped within the limit', () => {
  test.each(bombs)('%s', async (_name, bomb) => {
    // Whatever is loaded for the first time is not what is measured.
    await ask(languages, { language: bomb.language, text: good[bomb.language] });
    let answer = '';
    const busy = await ownTime(async () => {
      answer = told(await ask(languages, bomb));
    });
    expect(answer).toBe('POLICY_LIMIT_EXCEEDED');
    expect(busy).toBeLessThan(200);
    expect(told(await ask(languages, { language: bomb.language, text: good[bomb.language] }))).toBe('pass');
  });

  const good = { cue: 'a: 1', rego: rego('isCompliant { input.a == 1 }'), cel: 'a == 1' } as const;

  // What ends by itself, whatever that takes: an answer, never a pass, and the next evaluation works.
  test.each<readonly [string, Asked]>([
    ['CUE: a structure that holds itself', { language: 'cue', text: '#T: {n: #T}\nt: #T' }],
    ['CUE: alternatives of alternatives', { language: 'cue', text: `${manyOr}\na: 2` }],
    ['CUE: an input that nests', { language: 'cue', text: 'a: 1', input: deep(100_000) }],
    ['CUE: a policy that nests', { language: 'cue', text: `a: ${deep(20_000)}` }],
    ['Rego: an input that nests', { language: 'rego', text: rego('isCompliant { input.a }'), input: deep(100_000) }],
    ['Rego: a policy that nests', { language: 'rego', text: rego(`isCompliant { ${deep(20_000)} == 1 }`) }],
    ['Rego: a rule that needs itself', { language: 'rego', text: rego('p { isCompliant }\nisCompliant { p }') }],
    ['CEL: an input that nests', { language: 'cel', text: 'a == 1', input: deep(100_000) }],
    ['CEL: operators', { language: 'cel', text: `${repeated('-', 30_000)}1 == 2` }],
  ])('%s does not pass', async (_name, asked) => {
    expect(told(await ask(languages, asked))).toMatch(/^(?:fail|POLICY_LIMIT_EXCEEDED)/);
    expect(told(await ask(languages, { language: asked.language, text: good[asked.language] }))).toBe('pass');
  });
});

describe('no network, no files, no environment', () => {
  test.each([
    ['http.send', 'http.send({"method": "get", "url": "URL"}).status_code == 200'],
    ['http.send', 'not http.send({"method": "get", "url": "URL", "raise_error": false}).error'],
    ['net.lookup_ip_addr', 'count(net.lookup_ip_addr("localhost")) > 0'],
  ])('%s does not compile: %s', async (name, body) => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
    const text = rego(`isCompliant { ${body.replace('URL', url)} }`);
    const answer = told(await ask(languages, { language: 'rego', text }));
    const wanted = `1 error occurred: sigstore.rego:2: rego_type_error: undefined function ${name}`;
    expect(answer).toBe(`fail: failed evaluating rego policy for type NAME: ${wanted}`);
    expect(connections).toBe(0);
  });

  test('a schema from elsewhere is not fetched', async () => {
    const schema = '{"$ref": "http://127.0.0.1:1/schema.json"}';
    const text = rego(`isCompliant { [ok, _] := json.match_schema(input, ${schema}); ok }`);
    expect(told(await ask(languages, { language: 'rego', text }))).toMatch(/^fail/);
  });

  test('a schema in a file is not read', async () => {
    const text = rego('isCompliant { [ok, _] := json.match_schema({}, {"$ref": "file:///etc/hostname"}); ok }');
    expect(told(await ask(languages, { language: 'rego', text }))).toMatch(/^fail/);
  });

  test('the environment is empty', async () => {
    const text = rego('isCompliant { object.get(opa.runtime(), "env", {}) == {} }');
    expect(told(await ask(languages, { language: 'rego', text }))).toBe('pass');
  });

  test('CUE runs no tools', async () => {
    const text = 'import "tool/exec"\nrun: exec.Run & {cmd: "id", stdout: "uid=0"}\na: 2';
    expect(told(await ask(languages, { language: 'cue', text }))).toMatch(/^fail/);
  });
});

describe('too large to begin with', () => {
  test.each([
    ['code of more than 1 MiB', { language: 'cue', text: `a: 1 //${'x'.repeat(1 << 20)}` }],
    ['code of 5 MB', { language: 'rego', text: `package sigstore\n#${'x'.repeat(5_000_000)}` }],
    ['an input of more than 16 MiB', { language: 'cue', text: 'a: 1', input: `{"a":"${'x'.repeat(16 << 20)}"}` }],
    ['an input of more than 16 MiB for CEL', { language: 'cel', text: 'true', input: `"${'x'.repeat(16 << 20)}"` }],
  ] as const)('%s', async (_name, asked) => {
    expect(told(await ask(languages, asked))).toBe('POLICY_LIMIT_EXCEEDED');
  });

  test('an input of 4 MiB is read', async () => {
    const input = `{"a":1,"text":"${'x'.repeat(4 << 20)}"}`;
    expect(told(await ask(languages, { language: 'cue', text: 'a: 1', input }))).toBe('pass');
    expect(told(await ask(languages, { language: 'rego', text: rego('isCompliant { input.a == 1 }'), input }))).toBe(
      'pass',
    );
    expect(told(await ask(languages, { language: 'cel', text: 'a == 1', input }))).toBe('pass');
  });

  test('a message that repeats the input is cut', async () => {
    const text = rego('isCompliant[r] { r := {"result": false, "error": input.text} }');
    const answer = told(await ask(languages, { language: 'rego', text, input: `{"text":"${'x'.repeat(1 << 20)}"}` }));
    expect(answer.length).toBeLessThan(17_000);
  });
});
