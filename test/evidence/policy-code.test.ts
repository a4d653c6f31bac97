// Attestations, and the code about them, with the engines that really evaluate it.
import { afterAll, describe, expect, test } from 'vitest';
import { createPolicyLanguages } from '../../src/adapters/policy-languages/create.ts';
import type { PolicyCode } from '../../src/policy/model.ts';
import { answerTo, Attestations, attested, code, outcomes, questionOf, sourceOf, vuln } from './attestation-kit.ts';

const languages = createPolicyLanguages({ timeoutMs: 10_000 });
afterAll(() => languages.close());

const scan = (severity: string) => ({
  scanner: { uri: 'trivy', result: { vulnerabilities: [{ id: 'CVE-1', severity }] } },
});
const noCritical: readonly PolicyCode[] = [
  code(
    'predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1"\npredicate: scanner: result: vulnerabilities: [...{severity: "LOW", ...}]',
  ),
  code(
    'package sigstore\nisCompliant { count([v | v := input.predicate.scanner.result.vulnerabilities[_]; v.severity == "CRITICAL"]) == 0 }',
    'rego',
  ),
  code('input.predicate.scanner.result.vulnerabilities.all(v, v.severity != "CRITICAL")', 'cel'),
];

describe.each(noCritical)('$language', (policy) => {
  test.each([
    ['LOW', '0:met'],
    ['CRITICAL', '0:POLICY_UNSATISFIED'],
  ])('a scan that found %s: %s', async (severity, expected) => {
    const registry = new Attestations();
    registry.addLegacy([attested(vuln, scan(severity))]);
    const question = questionOf([{ name: 'scanned', predicateType: 'vuln', policy }]);
    expect(outcomes(await answerTo(question, sourceOf(registry, languages)))).toEqual([expected]);
  });
});
