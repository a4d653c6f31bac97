import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { attestationInput } from '../../src/policy/attestation-input.ts';
import { predicateUri } from '../../src/policy/predicate-types.ts';

interface Recorded {
  readonly predicateType: string;
  readonly statement: string;
  /** Absent when cosign could not read the statement. */
  readonly input?: string;
  readonly error?: string;
  /** The statement has another predicate type. */
  readonly skipped?: true;
}

/** What AttestationToPayloadJSON of cosign v3.0.5 (pkg/policy) has answered; policy-controller 0.15.1 calls that one. */
const recorded = readFileSync(new URL('../fixtures/attestation-inputs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  // Written by a program of ours.
  .map((line) => JSON.parse(line) as Recorded);

test('statements are recorded that cosign reads, refuses and skips', () => {
  const counted = Object.groupBy(recorded, ({ input, skipped }) =>
    skipped === true ? 'skipped' : input === undefined ? 'refused' : 'read',
  );
  expect(counted.read?.length).toBeGreaterThan(100);
  expect(counted.refused?.length).toBeGreaterThan(50);
  expect(counted.skipped).toHaveLength(11);
});

test.each(recorded.filter(({ skipped }) => skipped !== true))('$predicateType $statement', (one) => {
  const input = attestationInput(one.statement, one.predicateType);
  expect(input).toMatchObject(
    one.input === undefined ? { ok: false, failure: { code: 'POLICY_UNSATISFIED' } } : { ok: true, value: one.input },
  );
});

test.each(recorded.filter(({ skipped }) => skipped === true))('skips another type than $predicateType', (one) => {
  expect(one.statement).not.toContain(JSON.stringify(predicateUri(one.predicateType)));
});

describe('what cosign would read and we do not', () => {
  test.each([
    ['a key that occurs twice', '{"_type":"a","_type":"b"}'],
    ['what is no JSON', '{'],
    ['a minute too many in a zone', '{"predicate":{"metadata":{"buildStartedOn":"2020-08-19T08:38:00+01:60"}}}'],
  ])('%s', (_name, statement) => {
    expect(attestationInput(statement, 'slsaprovenance')).toMatchObject({ failure: { code: 'POLICY_UNSATISFIED' } });
  });
});

test.each([
  ['custom', 'https://cosign.sigstore.dev/attestation/v1'],
  ['slsaprovenance', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance02', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
  ['spdx', 'https://spdx.dev/Document'],
  ['spdxjson', 'https://spdx.dev/Document'],
  ['cyclonedx', 'https://cyclonedx.org/bom'],
  ['link', 'https://in-toto.io/Link/v1'],
  ['vuln', 'https://cosign.sigstore.dev/attestation/vuln/v1'],
  ['openvex', 'https://openvex.dev/ns'],
  ['https://example.com/p/v1', 'https://example.com/p/v1'],
  ['Custom', 'Custom'],
  ['__proto__', '__proto__'],
])('%s is %s', (written, uri) => {
  expect(predicateUri(written)).toBe(uri);
});
