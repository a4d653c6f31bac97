import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { githubAnnotations } from '../../src/cli/policy-reports/github.ts';
import { junit } from '../../src/cli/policy-reports/junit.ts';
import type { CheckedThing } from '../../src/cli/policy-reports/outcome.ts';
import { documentPlaces } from '../../src/cli/policy-reports/places.ts';

function thing(members: Partial<CheckedThing> = {}): CheckedThing {
  return { group: 'p', name: 'i', result: 'fail', errors: ['no'], warnings: [], ...members };
}

const hostile = [
  ']]>',
  '"><testcase name="x"/>',
  "' & <!-- -->",
  'two\nlines\r\n',
  '\u0000\u0001\u001b[31m',
  '\uD800',
  '::error::pwned',
  '%0A::error::x',
  'a,line=9::b',
];

/** What a reader of XML makes of text and attributes. */
function unescaped(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d+)|(\w+));/g, (_all, code?: string, name = '') =>
    code === undefined ? (named[name] ?? '') : String.fromCodePoint(Number(code)),
  );
}

describe('JUnit', () => {
  test('has a suite for each group and a case for each thing, counted', () => {
    const warned = thing({ group: 'q', result: 'warn', errors: [], warnings: ['careful'] });
    const place = { file: 'policies/p.yaml', line: 7 };
    expect(junit('t', [thing({ place }), thing({ name: 'j', result: 'error' }), warned])).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="t" tests="3" failures="1" errors="1">
  <testsuite name="p" tests="2" failures="1" errors="1">
    <testcase classname="p" name="i" file="policies/p.yaml" line="7">
      <failure message="no">no</failure>
    </testcase>
    <testcase classname="p" name="j">
      <error message="no">no</error>
    </testcase>
  </testsuite>
  <testsuite name="q" tests="1" failures="0" errors="0">
    <testcase classname="q" name="i">
      <system-out>careful</system-out>
    </testcase>
  </testsuite>
</testsuites>
`,
    );
  });

  test('is the same XML whatever names and messages hold', () => {
    const texts = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(texts, texts, (name, message) => {
        const xml = junit('t', [thing({ name, errors: [message] })]);
        const lines = xml.split('\n');
        expect(lines).toHaveLength(9);
        expect(lines[3]).toMatch(/^ {4}<testcase classname="p" name="[^"<>\n]*">$/);
        expect(lines[4]).toMatch(/^ {6}<failure message="[^"<>\n]*">[^<>"]*<\/failure>$/);
        // XML 1.0 §2.2
        expect(xml).not.toMatch(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u);
      }),
    );
  });

  test.each(hostile.slice(0, 4))('gives %j back', (name) => {
    const [, written = ''] = /classname="p" name="([^"]*)"/.exec(junit('t', [thing({ name })])) ?? [];
    expect(unescaped(written)).toBe(name);
  });
});

describe('GitHub annotations', () => {
  test('name file, line and title', () => {
    const place = { file: 'policies/p.yaml', line: 7 };
    expect(githubAnnotations([thing({ place, warnings: ['hm'] })])).toBe(
      '::error file=policies/p.yaml,line=7,title=p%3A i::no\n::warning file=policies/p.yaml,line=7,title=p%3A i::hm\n',
    );
  });

  test('stand at the field that a message names', () => {
    const [place] = documentPlaces(
      'kind: ClusterImagePolicy\nspec:\n  images:\n    - glob: a\n    - glob: b\n',
      'p.yaml',
    );
    const errors = ['spec.images[1].glob "b" never matches', 'missing field(s): spec.authorities', 'something else'];
    const lines = githubAnnotations([thing({ errors, ...(place === undefined ? {} : { place }) })]).match(/line=\d+/g);
    expect(lines).toEqual(['line=5', 'line=2', 'line=1']);
  });

  test('are one line each, whatever names and messages hold', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary' })), (text) => {
        const place = { file: text, line: 1 };
        const out = githubAnnotations([thing({ group: text, name: text, errors: [text], place })]);
        expect(out).toMatch(/^::error file=[^:,\r\n]*,line=1,title=[^:,\r\n]*::[^\r\n]*\n$/);
      }),
    );
  });

  test('are none when all is fine', () => {
    expect(githubAnnotations([thing({ result: 'pass', errors: [] })])).toBe('');
  });
});

describe('places', () => {
  test('are one for each of what is read of a file, in the same order', () => {
    const text = 'kind: A\n---\n# nothing\n---\nkind: [\n---\nkind: List\nitems:\n  - kind: B\n  - kind: C\n';
    expect(documentPlaces(text, 'f.yaml').map(({ line }) => line)).toEqual([1, 5, 9, 10]);
  });

  test('of what is no YAML at all are the beginning', () => {
    expect(documentPlaces(`${'['.repeat(200)}\n`, 'f.yaml')).toEqual([{ file: 'f.yaml', line: 1 }]);
  });
});
