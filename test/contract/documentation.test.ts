import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lintContract } from '../../src/contract/lint-contract.ts';
import { valueTypes } from '../../src/contract/model.ts';
import { contractOf } from './kit.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'contract.md'), 'utf8');

test('the example of the documentation is a contract that nothing is to be said about', () => {
  const example = /```yaml\n([^]*?)```/.exec(text)?.[1] ?? '';
  const contract = contractOf(example);
  expect(contract.inputs.map(({ name }) => name)).toEqual(['namespace', 'deployment', 'replicas', 'wait']);
  expect(lintContract(contract)).toEqual([]);
});

test('every type and every rule is documented', () => {
  const source = readFileSync(join(import.meta.dirname, '..', '..', 'src', 'contract', 'compare-contracts.ts'), 'utf8');
  const rules = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map((match) => match[1] ?? '');
  expect(rules).toHaveLength(11);
  expect([...valueTypes, ...rules].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
