import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lintAttestations } from '../../src/policy/lint-attestations.ts';
import { parseClusterImagePolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import { differences } from './known-differences.ts';
import { rows, type Row } from './policy-controller-rows.ts';

interface Recorded {
  readonly title: string;
  /** Why it could not even be decoded. */
  readonly decode?: string;
  readonly error: string;
  readonly warning?: string;
}

const fixture = new URL('../fixtures/policy-controller/validation.json', import.meta.url);
// Written by test/fixtures/record-policy-controller.ts.
const recorded = JSON.parse(readFileSync(fixture, 'utf8')) as readonly Recorded[];

function verdict({ version = 'v1alpha1', spec }: Row): { error: string; warning: string } {
  const document = {
    apiVersion: `policy.sigstore.dev/${version}`,
    kind: 'ClusterImagePolicy',
    metadata: { name: 'p' },
    spec,
  };
  const parsed = parseClusterImagePolicy(document, { secretNamespace: 'cosign-system' });
  if (!parsed.ok) return { error: parsed.failure.join('\n'), warning: '' };
  const warnings = lintAttestations(parsed.value).filter((warning) => warning.includes('deprecated value'));
  return { error: '', warning: warnings.join('\n') };
}

test('every row is recorded', () => {
  expect(rows.length).toBeGreaterThan(200);
  expect(recorded.map(({ title }) => title)).toEqual(rows.map(({ title }) => title));
  expect(new Set(rows.map(({ title }) => title)).size).toBe(rows.length);
});

describe('says what policy-controller says', () => {
  test.each(rows.flatMap((row, index) => (row.ours === undefined ? [[row.title, row, recorded[index]] as const] : [])))(
    '%s',
    (_title, row, theirs) => {
      expect(theirs?.decode).toBeUndefined();
      // A refusal comes without warnings.
      const warning = theirs?.error === '' ? (theirs.warning ?? '') : '';
      expect(verdict(row)).toEqual({ error: theirs?.error, warning });
    },
  );
});

describe('differs on purpose', () => {
  const ids = new Set(differences.map(({ id }) => id));
  test.each(rows.flatMap((row, index) => (row.ours === undefined ? [] : [[row.title, row, recorded[index]] as const])))(
    '%s',
    (_title, row, theirs) => {
      const { error } = verdict(row);
      expect(ids).toContain(row.ours?.difference);
      expect(error === '').toBe(row.ours?.says === '');
      expect(error).toContain(row.ours?.says);
      expect(error).not.toBe(theirs?.error);
    },
  );
});
