/** JUnit's XML as CI systems read it: one suite for each group, one case for each thing that was checked. */
import type { CheckedThing } from './outcome.ts';

export function junit(name: string, things: readonly CheckedThing[]): string {
  const groups = new Map<string, CheckedThing[]>();
  for (const thing of things) groups.set(thing.group, [...(groups.get(thing.group) ?? []), thing]);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escaped(name)}"${counts(things)}>`,
    ...[...groups].flatMap(([group, members]) => suite(group, members)),
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

function suite(group: string, things: readonly CheckedThing[]): readonly string[] {
  return [
    `  <testsuite name="${escaped(group)}"${counts(things)}>`,
    ...things.flatMap((thing) => testCase(group, thing)),
    '  </testsuite>',
  ];
}

function counts(things: readonly CheckedThing[]): string {
  const count = (wanted: CheckedThing['result']): number => things.filter(({ result }) => result === wanted).length;
  return ` tests="${things.length}" failures="${count('fail')}" errors="${count('error')}"`;
}

function testCase(group: string, { name, result, errors, warnings, place }: CheckedThing): readonly string[] {
  const file = place === undefined ? '' : ` file="${escaped(place.file)}" line="${place.line}"`;
  const head = `    <testcase classname="${escaped(group)}" name="${escaped(name)}"${file}`;
  const inner: string[] = [];
  if (result === 'fail' || result === 'error') {
    const element = result === 'fail' ? 'failure' : 'error';
    const text = errors.join('\n');
    inner.push(`      <${element} message="${escaped(errors[0] ?? '')}">${escaped(text)}</${element}>`);
  }
  if (warnings.length > 0) inner.push(`      <system-out>${escaped(warnings.join('\n'))}</system-out>`);
  return inner.length === 0 ? [`${head}/>`] : [`${head}>`, ...inner, '    </testcase>'];
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};

/** For text and attributes alike; characters that XML 1.0 §2.2 does not have, not even escaped, become U+FFFD. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"'\n\r\t]/g, (found) => entities[found] ?? found);
}
