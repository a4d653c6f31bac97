/** Pairs of policy code and input; every policy meets every input. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { cuePolicies } from './cue-policies.ts';
import { inputs } from './inputs.ts';
import { regoPolicies } from './rego-policies.ts';

export interface Case {
  readonly name: string;
  readonly language: 'cue' | 'rego';
  readonly policy: string;
  readonly input: string;
}

type Policy = Pick<Case, 'language' | 'policy'>;

const own: readonly Policy[] = [
  ...Object.values(cuePolicies).map((policy) => ({ language: 'cue' as const, policy })),
  ...Object.values(regoPolicies).map((policy) => ({ language: 'rego' as const, policy })),
];

/** With the policies of policy-controller's examples and tests, if its sources are there. */
export function allCases(sources: string | undefined): readonly Case[] {
  const policies = sources === undefined ? own : [...own, ...policiesIn(sources)];
  return policies.flatMap((policy, index) =>
    Object.values(inputs).map((input) => ({ name: `policy-${index}`, ...policy, input })),
  );
}

function policiesIn(folder: string): readonly Policy[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(?:cue|yaml)$/.test(file),
  );
  const found = files.toSorted().flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    if (file.endsWith('.cue')) return [{ language: 'cue' as const, policy: text }];
    return parseAllDocuments(text).flatMap((document) => embedded(document.toJS()));
  });
  return [...new Map(found.map((policy) => [policy.policy, policy])).values()];
}

/** `type: cue` or `rego` with `data`, wherever it is. */
function embedded(value: unknown): readonly Policy[] {
  if (Array.isArray(value)) return value.flatMap(embedded);
  const record = asRecord(value);
  if (record === undefined) return [];
  const { type: language, data: policy } = record;
  const isCode = (language === 'cue' || language === 'rego') && typeof policy === 'string';
  return isCode ? [{ language, policy }] : Object.values(record).flatMap(embedded);
}
