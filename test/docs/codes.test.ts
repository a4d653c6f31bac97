import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { failureCodes, kindOf } from '../../src/kernel/failure.ts';

const document = readFileSync(new URL('../../docs/debug-a-refusal.md', import.meta.url), 'utf8');
const httpStatus = { violation: '403', unavailable: '503', error: '500' };

test('docs/debug-a-refusal.md lists every code with the status of its kind, a meaning and a way out', () => {
  const rows = [...document.matchAll(/^\| `([A-Z_]+)` +\| (\d{3}) +\| (\S.*?) +\| (\S.*?) +\|$/gm)];
  const listed = rows.map(([, code = '', status = '']) => [code, status]);
  expect(listed).toEqual(failureCodes.map((code) => [code, httpStatus[kindOf({ code })]]));
});
