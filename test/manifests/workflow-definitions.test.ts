import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { definitions } from '../../src/controllers/installation/decide.ts';
import { maxSteps } from '../../src/workflow/parse-workflow.ts';
import { at, listAt } from './objects.ts';
import { manifests } from './render.ts';
import { undescribed } from './undescribed.ts';

const read = (name: string): unknown => parse(readFileSync(join(manifests, 'crds', `${name}.yaml`), 'utf8'));
const canonical = read('workflowexecutions');
const other = read('workflowexecutions-kubernaut');
const all = [canonical, other, read('actionexecutions')];
const schemaOf = (definition: unknown): unknown => at(definition, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema');

test('a workflow is the same in both groups, but for what it is called', () => {
  expect(at(other, 'spec', 'versions')).toStrictEqual(at(canonical, 'spec', 'versions'));
  const called = [canonical, other].map((one) => [at(one, 'spec', 'group'), at(one, 'spec', 'names', 'shortNames')]);
  expect(called).toStrictEqual([
    ['workflowexecution.kubernaut.ai', ['wfe']],
    ['kubernaut.ai', ['kwfe']],
  ]);
});

describe.each(all.map((one) => [String(at(one, 'metadata', 'name')), one] as const))('%s', (name, definition) => {
  test('is known as ours to whoever looks at the cluster before an installation', () => {
    expect(definitions.get(name)).toBe('v1alpha1');
    expect(at(definition, 'metadata', 'labels', 'app.kubernetes.io/part-of')).toBe('countersign');
  });

  test('has a status of its own, and says something about every field', () => {
    expect(at(definition, 'spec', 'versions', 0, 'subresources')).toStrictEqual({ status: {} });
    expect(undescribed(schemaOf(definition))).toStrictEqual([]);
  });
});

test('takes as many steps as the program does', () => {
  const steps = at(schemaOf(canonical), 'properties', 'spec', 'properties', 'steps');
  expect(at(steps, 'maxItems')).toBe(maxSteps);
  expect(listAt(steps, 'x-kubernetes-list-map-keys')).toStrictEqual(['name']);
});
