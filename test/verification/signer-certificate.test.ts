import { describe, expect, test } from 'vitest';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import {
  address,
  basicConstraints,
  dnsName,
  email,
  fulcioV1,
  fulcioV2,
  otherName,
  uri,
  type Extension,
} from './kit/certificates.ts';
import {
  createSigstore,
  identity,
  image,
  issuer,
  keyless,
  leafOf,
  muchLater,
  outcome,
  type LeafChange,
} from './kit/sigstore.ts';
import { keylessLegacy } from './kit/signatures.ts';

const sigstore = createSigstore();

function signed(change: LeafChange): ReturnType<typeof keylessLegacy> {
  return keylessLegacy(sigstore, leafOf(sigstore, change));
}

function signerOf(change: LeafChange): unknown {
  const fact = verifySignature(signed(change), image, keyless(sigstore), muchLater);
  return fact.verified ? fact.signer : fact;
}

const extension = (oid: string, critical: boolean): Extension => ({ oid, critical, value: Buffer.from('3000', 'hex') });

describe('refuses a certificate that is not one of a signer', () => {
  test.each<[string, LeafChange]>([
    ['for TLS servers', { usages: ['1.3.6.1.5.5.7.3.1'] }],
    ['for nothing in particular', { usages: [] }],
    ['for any purpose', { usages: ['2.5.29.37.0'] }],
    ['without a subject', { names: [] }],
    ['with subjects of unknown kinds only', { names: [otherName('1.2.3.4', 'root')] }],
    ['with an unknown critical extension', { extensions: [extension('1.2.3.4.5', true)] }],
    ['with name constraints', { extensions: [extension('2.5.29.30', false)] }],
    ['of an authority', { extensions: [basicConstraints(true)] }],
    ['with two issuers that differ', { identityExtensions: [fulcioV1(1, issuer), fulcioV2(8, `${issuer}.evil.test`)] }],
    ['with one issuer extension twice', { identityExtensions: [fulcioV2(8, issuer), fulcioV2(8, 'https://b.test')] }],
  ])('%s', (_name, change) => {
    expect(outcome(signed(change), keyless(sigstore))).toBe('CERTIFICATE_INVALID');
  });

  test('but an unknown extension that is not critical does no harm', () => {
    const artifact = signed({ extensions: [extension('1.2.3.4.5', false), basicConstraints(false)] });
    expect(outcome(artifact, keyless(sigstore))).toBe('verified signature');
  });
});

test('names every subject, whatever its kind', () => {
  const names = [
    uri(identity),
    email('a@acme.test'),
    email('b@acme.test'),
    dnsName('host.acme.test'),
    address(10, 0, 0, 1),
    address(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    otherName('1.3.6.1.4.1.57264.1.7', 'user!acme.test'),
    otherName('1.2.3.4', 'of no meaning'),
  ];
  expect(signerOf({ names })).toMatchObject({
    subjects: [identity, 'a@acme.test', 'b@acme.test', 'host.acme.test', '10.0.0.1', '2001:db8::1', 'user!acme.test'],
  });
});

test.each<[string, readonly Extension[], string]>([
  ['the old extension', [fulcioV1(1, issuer)], issuer],
  ['the new one', [fulcioV2(8, issuer)], issuer],
  ['both', [fulcioV1(1, issuer), fulcioV2(8, issuer)], issuer],
  ['none: then there is no issuer', [], ''],
])('reads the issuer from %s', (_name, identityExtensions, expected) => {
  expect(signerOf({ identityExtensions })).toMatchObject({ issuer: expected });
});

test('reads what Fulcio writes about a GitHub workflow', () => {
  const names = ['trigger', 'sha', 'name', 'repository', 'ref'];
  const extensions = names.map((value, index) => fulcioV1(index + 2, value));
  expect(signerOf({ extensions })).toMatchObject({
    extensions: {
      githubWorkflowTrigger: 'trigger',
      githubWorkflowSha: 'sha',
      githubWorkflowName: 'name',
      githubWorkflowRepository: 'repository',
      githubWorkflowRef: 'ref',
    },
  });
});

test('a text that looks like DER stays a text', () => {
  // "0" is the tag of a sequence, and extension values are parsed on sight by the library.
  const extensions = [fulcioV1(5, '0!'), fulcioV1(6, '\u0005\u0000')];
  expect(signerOf({ extensions })).toMatchObject({
    extensions: { githubWorkflowRepository: '0!', githubWorkflowRef: '\u0005\u0000' },
  });
});
