import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compatibilities } from '../../src/policy/model.ts';
import { differences } from '../policy/known-differences.ts';

const text = readFileSync(new URL('../../docs/policy-controller.md', import.meta.url), 'utf8');
const [, table = ''] = /<!-- differences: begin -->\n([^]*)<!-- differences: end -->/.exec(text) ?? [];
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );

test('the table on the page for users of policy-controller is that of the tests', () => {
  expect(rows).toEqual(
    differences.map(({ id, policyController, countersign, why, switchedBackBy }) => [
      policyController,
      countersign,
      why,
      switchedBackBy === undefined ? '' : `\`${id}\``,
    ]),
  );
});

test('what can be switched back is what the setting knows', () => {
  const switched = differences.filter(({ switchedBackBy }) => switchedBackBy !== undefined);
  expect(new Set(switched.map(({ id }) => id))).toEqual(new Set(compatibilities));
});

test('each difference is there once', () => {
  expect(new Set(differences.map(({ id }) => id)).size).toBe(differences.length);
});
