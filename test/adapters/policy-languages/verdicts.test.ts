import { afterAll, describe, expect, test } from 'vitest';
import { ask, standard, told } from './evaluate.ts';

const languages = standard();
afterAll(() => languages.close());

// As text: the size is no number of JavaScript.
const packages = '[{"name":"zlib","size":3},{"name":"xz","size":9007199254740993}]';
const statement = `{"predicateType":"https://spdx.dev/Document","predicate":{"packages":${packages},"ok":true}}`;

describe('CUE', () => {
  test.each([
    ['a: 1', 'pass'],
    ['a: int', 'pass'],
    ['', 'pass'],
    ['b: string', 'pass'],
    [
      'a: 2',
      'fail: failed evaluating cue policy for NAME: failed to evaluate the policy with error: a: conflicting values 1 and 2',
    ],
    [
      'a: {',
      "fail: failed evaluating cue policy for NAME: failed to compile the cue policy with error: expected '}', found 'EOF'",
    ],
    ['import "example.com/x"\ny: x.z', /^fail: .*failed to compile the cue policy with error: .*example\.com\/x/],
  ])('%s', async (text, expected) => {
    expect(told(await ask(languages, { language: 'cue', text }))).toMatch(expected);
  });

  test('refuses an input that is not JSON', async () => {
    const answer = told(await ask(languages, { language: 'cue', text: 'a: 1', input: '{' }));
    expect(answer).toMatch(/^fail: failed evaluating cue policy for NAME: failed to compile the attestation data/);
  });
});

describe('Rego', () => {
  const rego = (body: string): string => `package sigstore\n${body}`;
  const query = 'isCompliant = data.sigstore.isCompliant';
  const no = `fail: failed evaluating rego policy for type NAME: policy is not compliant for query '${query}'`;
  test.each([
    ['isCompliant { input.a == 1 }', 'pass'],
    ['isCompliant[r] { r := {"result": true} }', 'pass'],
    ['isCompliant[r] { r := {"result": true, "warning": "soon no longer"} }', 'warn: warning: soon no longer'],
    ['isCompliant { input.a == 2 }', no],
    ['isCompliant[r] { r := {"result": false, "error": "not today"} }', `${no} with errors: not today`],
    ['isCompliant[r] { r := "text" }', `${no} due to parsing errors: a member of isCompliant is no object`],
    [
      'isCompliant {',
      /^fail: failed evaluating rego policy for type NAME: 1 error occurred: sigstore\.rego:2: rego_parse_error/,
    ],
    ['import data.nowhere\nisCompliant { nowhere.x }', no],
  ])('%s', async (text, expected) => {
    expect(told(await ask(languages, { language: 'rego', text: rego(text) }))).toMatch(expected);
  });
});

describe('CEL', () => {
  const no = 'fail: failed evaluating cel policy for NAME: ';
  test.each([
    ['predicateType == "https://spdx.dev/Document"', 'pass'],
    ['input.predicate.packages.all(p, p.name != "log4j")', 'pass'],
    ['predicate.packages.exists_one(p, p.name == "xz")', 'pass'],
    ['predicate.packages.filter(p, p.size > 5).map(p, p.name) == ["xz"]', 'pass'],
    ['predicate.packages[1].size == 9007199254740993', 'pass'],
    ['has(predicate.packages) && !has(predicate.files)', 'pass'],
    ['predicateType.matches("^https://spdx[.]dev/")', 'pass'],
    ['size(predicate.packages) == 2', 'pass'],
    ['predicate.ok ? "" : "it is not ok"', 'pass'],
    ['predicate.packages.filter(p, p.size < 0).map(p, p.name)', 'pass'],
    ['timestamp("2026-01-01T00:00:00Z") < timestamp("2027-01-01T00:00:00Z")', 'pass'],
    ['predicateType == "other"', `${no}the expression is false`],
    ['predicate.packages[1].size == 9007199254740992', `${no}the expression is false`],
    ['"it is never right"', `${no}it is never right`],
    ['predicate.packages.map(p, "no " + p.name)', `${no}no zlib; no xz`],
    ['[""]', no],
    ['1', `${no}the expression must give true or false, text, or a list of texts`],
    ['["a", 1]', `${no}the expression must give true or false, text, or a list of texts`],
    ['{"a": true}', `${no}the expression must give true or false, text, or a list of texts`],
    ['null', `${no}the expression must give true or false, text, or a list of texts`],
    ['predicate.nothing == 1', /^fail: failed evaluating cel policy for NAME: ./],
    ['nothing', `${no}unresolved attribute`],
    ['constructor == toString', `${no}unresolved attribute`],
    ['predicate.packages.all(p, p.size > 1) && 1 / 0 > 0', /^fail: failed evaluating cel policy for NAME: ./],
    ['1 +', /^fail: failed evaluating cel policy for NAME: it does not compile: /],
    ['', /^fail: failed evaluating cel policy for NAME: it does not compile: /],
    ['http.get("http://127.0.0.1")', /^fail: failed evaluating cel policy for NAME: ./],
    ['predicateType.matches("(")', /^fail: failed evaluating cel policy for NAME: ./],
    ['predicateType.matches("(?=a)")', /^fail: failed evaluating cel policy for NAME: ./],
  ])('%s', async (text, expected) => {
    const answer = told(await ask(languages, { language: 'cel', text, input: statement }));
    const isSame = typeof expected === 'string' ? answer === expected : expected.test(answer);
    expect({ answer, expected, isSame }).toMatchObject({ isSame: true });
  });

  test.each([
    ['{', 'not valid JSON'],
    ['{"a":1,"a":2}', 'occurs twice'],
    [`${'['.repeat(300)}${']'.repeat(300)}`, 'nested deeper than 256 levels'],
    ['{"a":99999999999999999999}', 'does not fit into 64 bits'],
  ])('refuses the input %s', async (input, reason) => {
    const answer = told(await ask(languages, { language: 'cel', text: 'true', input }));
    expect(answer).toContain(`${no}the input cannot be read: `);
    expect(answer).toContain(reason);
  });

  test('sees members of the input, none of them in place of the input itself', async () => {
    const input = '{"input":5,"__proto__":{"x":1},"in":1,"a-b":1,"size":2}';
    expect(told(await ask(languages, { language: 'cel', text: 'input.input == 5', input }))).toBe('pass');
    expect(told(await ask(languages, { language: 'cel', text: 'input["a-b"] == 1 && size == 2', input }))).toBe('pass');
    expect(told(await ask(languages, { language: 'cel', text: 'input["__proto__"].x == 1', input }))).toBe('pass');
    expect(told(await ask(languages, { language: 'cel', text: 'has(input.x)', input }))).toMatch(/^fail/);
  });

  test('takes a list as input', async () => {
    expect(told(await ask(languages, { language: 'cel', text: 'input[1] == 2u', input: '[1,2]' }))).toBe('pass');
  });
});

test('an evaluation says nothing to the next one', async () => {
  const keep = 'package sigstore\nisCompliant { input.a == 1 }';
  for (const input of ['{"a":1}', '{"a":2}', '{"a":1}', '{}']) {
    const expected = input === '{"a":1}' ? /^pass$/ : /^fail/;
    expect(told(await ask(languages, { language: 'rego', text: keep, input }))).toMatch(expected);
    expect(told(await ask(languages, { language: 'cue', text: 'a: 1', input }))).toMatch(
      input === '{}' ? /^pass$/ : expected,
    );
  }
});
