import { describe, expect, test } from 'vitest';
import { describePolicy, policySentences } from '../../src/policy/describe-policy.ts';
import { parseClusterImagePolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import { byKey, deny, issuer, keyless, pass, policyDocument, specWith, subject } from './kit.ts';

function parsed(members: object) {
  const policy = parseClusterImagePolicy(policyDocument(specWith({ authorities: [byKey], ...members })));
  if (!policy.ok) throw new Error(policy.failure.join('\n'));
  return policy.value;
}

const told = (members: object): string => policySentences(parsed(members)).join('\n');
const cue = { type: 'cue', data: 'a: 1\nb: 2' };

describe('a policy tells', () => {
  test.each<[string, object, string]>([
    ['its images', {}, 'It is about images that match ghcr.io/org/**.'],
    [
      'its objects',
      { match: [{ group: 'apps', version: 'v1', resource: 'deployments', selector: { matchLabels: { app: 'web' } } }] },
      ', in deployments.apps/v1 with labels app=web.',
    ],
    ['a static pass', { authorities: [pass] }, 'It passes always, without a signature (static: pass).'],
    ['a static refusal', { authorities: [deny] }, 'It passes never (static: fail: not here).'],
    ['a key', {}, 'It passes when it is signed by the public key in the policy (SHA-256 of the text '],
    ['a Secret', { authorities: [{ key: { secretRef: { name: 's' } } }] }, 'signed by the public key in the Secret s'],
    [
      'an identity',
      { authorities: [keyless] },
      `It passes when it is signed by ${subject} as ${issuer} knows it, with a certificate of Fulcio`,
    ],
    ['alternatives', { authorities: [byKey, pass] }, 'It passes in one of these cases:\n- when it is signed'],
    [
      'attestations with their code',
      {
        authorities: [{ ...byKey, attestations: [{ name: 'sbom', predicateType: 'spdxjson', policy: cue }] }],
      },
      'an attestation of type spdxjson that passes this CUE (2 lines in the policy) (sbom)',
    ],
    [
      'code over all of it',
      { policy: { ...cue, includeSpec: true } },
      "Then what the authorities have proven, the object's spec must pass this CUE (2 lines in the policy).",
    ],
    [
      'where signatures are',
      { authorities: [{ ...byKey, source: [{ oci: 'sigs.example/signatures' }] }] },
      'in sigs.example/signatures',
    ],
    ['that it refuses', {}, 'An image that does not pass is refused.'],
    ['that it warns', { mode: 'warn' }, 'admitted with a warning'],
    ['the public-good root', { authorities: [keyless] }, 'It uses the public-good Sigstore.'],
  ])('%s', (_title, members, sentence) => {
    expect(told(members)).toContain(sentence);
  });

  test('its trust roots, each once', () => {
    const own = { keyless: { ...keyless.keyless, trustRootRef: 'own' }, ctlog: { trustRootRef: 'own' } };
    expect(describePolicy(parsed({ authorities: [own, own] })).trustRoots).toEqual(['own']);
  });

  test('nothing that steers a terminal', () => {
    const text = told({ authorities: [{ static: { action: 'fail', message: '\u001b[2J' } }] });
    expect(text).not.toContain('\u001b');
  });
});
