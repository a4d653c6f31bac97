/** What `policy test` prints for people, and hands to the forms of CI systems. */
import { quoted } from '../../kernel/failure.ts';
import type { CheckedThing, Place } from '../policy-reports/outcome.ts';
import { coloured, table, type Terminal } from '../terminal.ts';
import type { CheckedExpectation } from './expectations.ts';
import type { Cell, TestedImage, TestReason } from './tested.ts';

const colours = { pass: 'green', warn: 'yellow', fail: 'red', undecided: 'yellow', 'no-match': 'dim' } as const;
const results = { pass: 'pass', warn: 'warn', fail: 'fail', undecided: 'error' } as const;

type Places = ReadonlyMap<string, Place>;

/** The matrix, one row for each policy and image; then the reasons. */
export function describeImages(tested: readonly TestedImage[], terminal: Terminal): string {
  const rows = tested.flatMap((image) => [
    ...image.policies.map((cell) => [verdictCell(cell, terminal), cell.policy, titleOf(image), codesOf(cell.reasons)]),
    ...(isUncovered(image) ? [[verdictCell(image, terminal), '(none)', titleOf(image), codesOf(image.reasons)]] : []),
  ]);
  const reasons = tested.flatMap((image) => [
    ...image.errors.map((text) => `${coloured(terminal, 'red', 'error')} ${aboutImage(image, text)}`),
    ...image.warnings.map((text) => `${coloured(terminal, 'yellow', 'warning')} ${aboutImage(image, text)}`),
  ]);
  return `${table([['VERDICT', 'POLICY', 'IMAGE', 'REASON'], ...rows])}${reasons.map((line) => `${line}\n`).join('')}`;
}

export function describeExpectations(checked: readonly CheckedExpectation[], terminal: Terminal): string {
  const kept = checked.filter(({ result }) => result === 'pass').length;
  const rows = checked.map(({ result, expected, policy = '(all)', ...one }) => [
    coloured(terminal, colours[result], result === 'pass' ? 'as expected' : result),
    expected,
    policy,
    titleOf(one),
  ]);
  const problems = checked.flatMap(({ problem, ...one }) =>
    problem === undefined ? [] : [`${titleOf(one)}: ${lines(problem)}\n`],
  );
  return `${table([['RESULT', 'EXPECTED', 'POLICY', 'IMAGE'], ...rows])}${problems.join('')}${kept} of ${checked.length} as expected\n`;
}

/** A cell for each policy that matches; an image that none matches is one by itself. */
export function thingsOfImages(tested: readonly TestedImage[], places: Places): readonly CheckedThing[] {
  return tested.flatMap((image) => {
    const cells = image.policies.flatMap((cell) => thingOfCell(cell, image, places));
    return cells.length > 0 ? cells : [thingOfImage(image)];
  });
}

function thingOfCell(cell: Cell, image: TestedImage, places: Places): readonly CheckedThing[] {
  const { verdict, policy, reasons } = cell;
  if (verdict === 'no-match') return [];
  const texts = reasons.map(textOf);
  const isBad = verdict === 'fail' || verdict === 'undecided';
  return [
    {
      group: policy,
      name: titleOf(image),
      result: results[verdict],
      errors: isBad ? texts : [],
      warnings: isBad ? [] : texts,
      ...placeIn(places, policy),
    },
  ];
}

function thingOfImage(image: TestedImage): CheckedThing {
  const { verdict, errors, warnings } = image;
  return { group: 'no matching policy', name: titleOf(image), result: results[verdict], errors, warnings };
}

export function thingOfExpectation(checked: CheckedExpectation, places: Places): CheckedThing {
  const { policy, expected, result, problem } = checked;
  return {
    group: policy ?? 'all policies',
    name: `${titleOf(checked)}: ${expected}`,
    result: results[result],
    errors: problem === undefined ? [] : [problem],
    warnings: [],
    ...placeIn(places, policy),
  };
}

function placeIn(places: Places, policy: string | undefined): Pick<CheckedThing, 'place'> {
  const place = policy === undefined ? undefined : places.get(policy);
  return place === undefined ? {} : { place };
}

function isUncovered({ policies }: TestedImage): boolean {
  return policies.every(({ verdict }) => verdict === 'no-match');
}

function verdictCell({ verdict }: Pick<Cell, 'verdict'>, terminal: Terminal): string {
  return coloured(terminal, colours[verdict], verdict);
}

function titleOf({ image, resource }: Pick<TestedImage, 'image' | 'resource'>): string {
  return resource === undefined ? quoted(image, 512) : `${quoted(image, 512)} in ${resource}`;
}

/** Some texts begin with the image. */
function aboutImage(image: TestedImage, text: string): string {
  const title = titleOf(image);
  return text.startsWith(image.image) ? lines(quoted(text, 1_000)) : `${title}: ${lines(text)}`;
}

function codesOf(reasons: readonly TestReason[]): string {
  return [...new Set(reasons.map(({ code }) => code))].join(', ');
}

function textOf({ code, message }: TestReason): string {
  return `${code}: ${message}`;
}

function lines(text: string): string {
  return text.replaceAll('\n', '\n    ');
}
