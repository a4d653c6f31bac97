import { generateKeyPairSync } from 'node:crypto';
import selfsigned from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { parseClusterImagePolicy, type ParsedPolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import {
  byKey,
  deny,
  issuer,
  keyless,
  newPublicKey,
  pass,
  policyDocument,
  publicKey,
  specWith,
  subject,
} from './kit.ts';

const { cert: certificate } = await selfsigned.generate([{ name: 'commonName', value: 'Example CA' }]);
const at = 'spec.authorities[0]';

function parse(authority: unknown) {
  return parseClusterImagePolicy(policyDocument(specWith({ authorities: [authority] })));
}

function parsed(authority: unknown): ParsedPolicy {
  const result = parse(authority);
  if (!result.ok) throw new Error(result.failure.join('\n'));
  return result.value;
}

function errors(authority: unknown): readonly string[] {
  const result = parse(authority);
  return result.ok ? [] : result.failure;
}

function key(members: object): unknown {
  return { key: members };
}

function identity(members: object): unknown {
  return { keyless: { identities: [members] } };
}

function rsaKey(modulusLength: number): string {
  const { publicKey: made } = generateKeyPairSync('rsa', { modulusLength });
  return made.export({ type: 'spki', format: 'pem' }).toString();
}

const ed25519 = generateKeyPairSync('ed25519');
const ed25519Key = ed25519.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const privateKey = ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

describe('accepts', () => {
  test.each<[string, unknown, object]>([
    ['static pass', pass, { kind: 'static', action: 'pass', message: '' }],
    ['static fail with its message', deny, { kind: 'static', action: 'fail', message: 'not here' }],
    ['a key', byKey, { kind: 'key', key: { kind: 'pem', text: publicKey } }],
    ['a P-384 key', key({ data: newPublicKey('P-384') }), { kind: 'key' }],
    ['a P-521 key', key({ data: newPublicKey('P-521') }), { kind: 'key' }],
    ['an Ed25519 key', key({ data: ed25519Key }), { kind: 'key' }],
    ['an RSA key', key({ data: rsaKey(2048) }), { kind: 'key' }],
    ['two keys', key({ data: `${publicKey}\n${newPublicKey()}` }), { kind: 'key' }],
    ['a key in a Secret', key({ secretRef: { name: 's' } }), { key: { kind: 'secret', name: 's' } }],
    [
      'a key in a Secret of a namespace',
      key({ secretRef: { name: 's', namespace: 'n' } }),
      { key: { kind: 'secret', name: 's', namespace: 'n' } },
    ],
    ['a hash', key({ data: publicKey, hashAlgorithm: 'sha512' }), { hashAlgorithm: 'sha512' }],
    [
      'a hash in capitals, with spaces',
      key({ data: publicKey, hashAlgorithm: ' SHA384 ' }),
      { hashAlgorithm: 'sha384' },
    ],
    [
      'an identity',
      keyless,
      {
        kind: 'keyless',
        insecureIgnoreSct: false,
        identities: [{ issuer: { kind: 'exact', text: issuer }, subject: { kind: 'exact', text: subject } }],
      },
    ],
    [
      'an identity of patterns',
      identity({ issuerRegExp: '^https://', subjectRegExp: '', subject }),
      { identities: [{ issuer: { kind: 'regexp', pattern: { source: '^https://' } }, subject: { kind: 'exact' } }] },
    ],
    [
      'the address of Fulcio, which is not asked',
      { keyless: { ...keyless.keyless, url: 'https://fulcio.sigstore.dev' } },
      {},
    ],
    ['a trust root', { keyless: { ...keyless.keyless, trustRootRef: 'own' } }, { trustRootRef: 'own' }],
    ['insecureIgnoreSCT', { keyless: { ...keyless.keyless, insecureIgnoreSCT: true } }, { insecureIgnoreSct: true }],
    [
      "certificates of one's own",
      { keyless: { ...keyless.keyless, 'ca-cert': { data: certificate } } },
      { caCert: { kind: 'pem', text: certificate } },
    ],
    [
      'certificates in a Secret',
      { keyless: { ...keyless.keyless, 'ca-cert': { secretRef: { name: 'ca' } } } },
      { caCert: { kind: 'secret', name: 'ca' } },
    ],
    ['a log', { ...byKey, ctlog: { url: 'https://rekor.example' } }, { ctlog: { url: 'https://rekor.example' } }],
    ['a log of a trust root alone', { ...byKey, ctlog: { trustRootRef: 'own' } }, { ctlog: { trustRootRef: 'own' } }],
    ['timestamps', { ...byKey, rfc3161timestamp: { trustRootRef: 'own' } }, { timestampTrustRootRef: 'own' }],
    ['legacy signatures alone', { ...byKey, signatureFormat: 'legacy' }, { signatureFormat: 'legacy' }],
    ['bundles alone', { ...byKey, signatureFormat: 'bundle' }, { signatureFormat: 'bundle' }],
    [
      'another place for signatures',
      {
        ...byKey,
        source: [{ oci: 'ghcr.io/org/signatures', tagPrefix: 'v1-', signaturePullSecrets: [{ name: 's' }] }],
      },
      { source: { oci: 'ghcr.io/org/signatures', tagPrefix: 'v1-', pullSecrets: ['s'] } },
    ],
    [
      'a registry for signatures',
      { ...byKey, source: [{ oci: 'ghcr.io' }] },
      { source: { oci: 'ghcr.io', pullSecrets: [] } },
    ],
    [
      'a registry with a port',
      { ...byKey, source: [{ oci: 'localhost:5000' }] },
      { source: { oci: 'localhost:5000' } },
    ],
    ['an empty list of places', { ...byKey, source: [] }, {}],
  ])('%s', (_title, authority, expected) => {
    expect(parsed(authority).authorities).toMatchObject([expected]);
    expect(parsed(authority).notReady).toEqual([]);
  });
});

const oneKind = `expected exactly one, got neither: ${at}.key, ${at}.keyless, ${at}.static`;
const noMaterial = `expected exactly one, got neither: ${at}.key.data, ${at}.key.kms, ${at}.key.secretref`;

describe('refuses', () => {
  test.each<[string, unknown, string]>([
    ['no kind', {}, oneKind],
    ['a name alone', { name: 'a' }, oneKind],
    ['a timestamp alone', { rfc3161timestamp: { trustRootRef: 'own' } }, oneKind],
    ['two kinds', { ...byKey, ...keyless }, `expected exactly one, got both: ${at}.key, ${at}.keyless, ${at}.static`],
    ['three kinds', { ...byKey, ...keyless, ...pass }, `got both: ${at}.key, ${at}.keyless, ${at}.static`],
    ['a field nobody knows', { ...pass, kms: 'x' }, `unknown field(s): ${at}.kms`],
    ['a name that is no text', { ...pass, name: 1 }, `invalid value: 1: ${at}.name\nexpected a string`],
    // static
    ['static without action', { static: {} }, `missing field(s): ${at}.static.action`],
    ['another action', { static: { action: 'Pass' } }, `invalid value: Pass: ${at}.static.action\nunsupported action`],
    [
      'an action that is no text',
      { static: { action: true } },
      `invalid value: true: ${at}.static.action\nexpected a string`,
    ],
    [
      'a field nobody knows in static',
      { static: { action: 'pass', reason: 'x' } },
      `unknown field(s): ${at}.static.reason`,
    ],
    ['static that is no object', { static: 'pass' }, `invalid value: pass: ${at}.static\nexpected an object`],
    [
      'static with a source',
      { ...pass, source: [{ oci: 'ghcr.io' }] },
      `expected exactly one, got both: ${at}.source, ${at}.static`,
    ],
    [
      'static with a log',
      { ...pass, ctlog: { url: 'https://x' } },
      `expected exactly one, got both: ${at}.ctlog, ${at}.static`,
    ],
    [
      'static with timestamps',
      { ...pass, rfc3161timestamp: { trustRootRef: 'x' } },
      `expected exactly one, got both: ${at}.rfc3161timestamp, ${at}.static`,
    ],
    [
      'static with attestations',
      { ...pass, attestations: [{ name: 'a', predicateType: 'b' }] },
      `expected exactly one, got both: ${at}.attestations, ${at}.static`,
    ],
    // key
    ['a key that is no object', { key: publicKey }, `${at}.key\nexpected an object`],
    ['a key from nowhere', key({}), noMaterial],
    ['an empty key', key({ data: '' }), noMaterial],
    [
      'a key from two places',
      key({ data: publicKey, secretRef: { name: 's' } }),
      `expected exactly one, got both: ${at}.key.data, ${at}.key.kms, ${at}.key.secretref`,
    ],
    ['a key that is no text', key({ data: 7 }), `invalid value: 7: ${at}.key.data\nexpected a string`],
    [
      'a text that is no key',
      key({ data: '---some key data----' }),
      `invalid value: ---some key data----: ${at}.key.data\nexpected a PEM block "PUBLIC KEY"`,
    ],
    ['a certificate for a key', key({ data: certificate }), 'expected a PEM block "PUBLIC KEY"'],
    [
      'a block without a key',
      key({ data: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n' }),
      'the PEM block does not hold a public key',
    ],
    [
      'a private key',
      key({ data: privateKey }),
      'this is a private key: put the public key here, and change the key pair',
    ],
    ['a private key beside a public one', key({ data: `${publicKey}${privateKey}` }), 'this is a private key'],
    ['text around the key', key({ data: `my key:\n${publicKey}` }), 'there is text around the PEM blocks'],
    [
      'a second block that is none',
      key({ data: `${publicKey}-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----` }),
      'does not hold a public key',
    ],
    ['an RSA key of 1,024 bits', key({ data: rsaKey(1024) }), 'RSA keys need at least 2048 bits'],
    ['a curve for other uses', key({ data: newPublicKey('secp256k1') }), 'the curve is not P-256, P-384 or P-521'],
    ['keys of 64 kB', key({ data: publicKey.repeat(600) }), 'longer than'],
    ['another hash', key({ data: publicKey, hashAlgorithm: 'md5' }), `invalid value: md5: ${at}.key.hashAlgorithm`],
    [
      'a hash that is no text',
      key({ data: publicKey, hashAlgorithm: 256 }),
      `invalid value: 256: ${at}.key.hashAlgorithm\nexpected a string`,
    ],
    ['a Secret without name', key({ secretRef: {} }), `missing field(s): ${at}.key.secretRef.name`],
    ['a Secret as a text', key({ secretRef: 's' }), `invalid value: s: ${at}.key.secretRef\nexpected an object`],
    [
      'a field nobody knows in secretRef',
      key({ secretRef: { name: 's', key: 'k' } }),
      `unknown field(s): ${at}.key.secretRef.key`,
    ],
    ['a field nobody knows in key', key({ data: publicKey, path: 'x' }), `unknown field(s): ${at}.key.path`],
    [
      'a key server nobody knows',
      key({ kms: 'https://kms' }),
      `invalid value: https://kms: ${at}.key.kms\nmalformed KMS format, should be prefixed by any of the supported providers: [awskms:// azurekms:// hashivault:// gcpkms://]`,
    ],
    // keyless
    ['keyless that is empty', { keyless: {} }, `missing field(s): ${at}.keyless.identities`],
    [
      'no identities',
      { keyless: { url: 'https://fulcio', identities: [] } },
      `missing field(s): ${at}.keyless.identities`,
    ],
    [
      'identities that are no list',
      { keyless: { identities: { issuer, subject } } },
      `${at}.keyless.identities\nexpected a list`,
    ],
    [
      'an identity that is no object',
      { keyless: { identities: ['me'] } },
      `invalid value: me: ${at}.keyless.identities[0]\nexpected an object`,
    ],
    [
      'an empty identity',
      identity({}),
      `missing field(s): ${at}.keyless.identities[0].issuer, ${at}.keyless.identities[0].issuerRegExp, ${at}.keyless.identities[0].subject, ${at}.keyless.identities[0].subjectRegExp`,
    ],
    [
      'an identity without issuer',
      identity({ subject }),
      `missing field(s): ${at}.keyless.identities[0].issuer, ${at}.keyless.identities[0].issuerRegExp`,
    ],
    [
      'an identity without subject',
      identity({ issuer }),
      `missing field(s): ${at}.keyless.identities[0].subject, ${at}.keyless.identities[0].subjectRegExp`,
    ],
    [
      'an issuer twice',
      identity({ issuer, issuerRegExp: '.*', subject }),
      `got both: ${at}.keyless.identities[0].issuer, ${at}.keyless.identities[0].issuerRegExp`,
    ],
    [
      'a subject twice',
      identity({ issuer, subject, subjectRegExp: '.*' }),
      `got both: ${at}.keyless.identities[0].subject, ${at}.keyless.identities[0].subjectRegExp`,
    ],
    [
      'a bad pattern',
      identity({ issuerRegExp: '*', subject }),
      `invalid value: *: ${at}.keyless.identities[0].issuerRegExp\nregex is invalid: error parsing regexp: missing argument to repetition operator: \`*\``,
    ],
    [
      'a pattern that unfolds',
      identity({ issuer, subjectRegExp: 'a{1000}'.repeat(30) }),
      `${at}.keyless.identities[0].subjectRegExp\nregex is invalid: its repeats unfold to 30002 steps, more than 20000`,
    ],
    [
      'a look-ahead',
      identity({ issuer, subjectRegExp: '^(?!evil)' }),
      `${at}.keyless.identities[0].subjectRegExp\nregex is invalid`,
    ],
    [
      'a field nobody knows in an identity',
      identity({ issuer, subject, email: 'x' }),
      `unknown field(s): ${at}.keyless.identities[0].email`,
    ],
    [
      'the wrong case of RegExp',
      identity({ issuer, subjectRegexp: '.*' }),
      `unknown field(s): ${at}.keyless.identities[0].subjectRegexp`,
    ],
    [
      'a field nobody knows in keyless',
      { keyless: { ...keyless.keyless, rekor: 'x' } },
      `unknown field(s): ${at}.keyless.rekor`,
    ],
    [
      'caCert for ca-cert',
      { keyless: { ...keyless.keyless, caCert: { data: certificate } } },
      `unknown field(s): ${at}.keyless.caCert`,
    ],
    [
      'insecureIgnoreSCT as a text',
      { keyless: { ...keyless.keyless, insecureIgnoreSCT: 'true' } },
      `invalid value: true: ${at}.keyless.insecureIgnoreSCT\nexpected true or false`,
    ],
    [
      'Fulcio and certificates',
      { keyless: { ...keyless.keyless, url: 'https://x', 'ca-cert': { data: certificate } } },
      `got both: ${at}.keyless.ca-cert, ${at}.keyless.url`,
    ],
    [
      'ca-cert that is no certificate',
      { keyless: { ...keyless.keyless, 'ca-cert': { data: publicKey } } },
      `${at}.keyless.ca-cert.data\nexpected PEM certificates, root last`,
    ],
    [
      'ca-cert that is only marked as one',
      {
        keyless: {
          ...keyless.keyless,
          'ca-cert': { data: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
        },
      },
      `${at}.keyless.ca-cert.data\nexpected PEM certificates`,
    ],
    [
      'an empty ca-cert',
      { keyless: { ...keyless.keyless, 'ca-cert': {} } },
      `got neither: ${at}.keyless.ca-cert.data, ${at}.keyless.ca-cert.kms, ${at}.keyless.ca-cert.secretref`,
    ],
    // around them
    [
      'a log that is no object',
      { ...byKey, ctlog: 'https://x' },
      `invalid value: https://x: ${at}.ctlog\nexpected an object`,
    ],
    [
      'a field nobody knows in ctlog',
      { ...byKey, ctlog: { url: 'https://x', key: 'y' } },
      `unknown field(s): ${at}.ctlog.key`,
    ],
    [
      'a log address that is no text',
      { ...byKey, ctlog: { url: 1 } },
      `invalid value: 1: ${at}.ctlog.url\nexpected a string`,
    ],
    [
      'timestamps of nobody',
      { ...byKey, rfc3161timestamp: {} },
      `missing field(s): ${at}.rfc3161timestamp.trustRootRef`,
    ],
    [
      'a field nobody knows in rfc3161timestamp',
      { ...byKey, rfc3161timestamp: { trustRootRef: 'a', url: 'b' } },
      `unknown field(s): ${at}.rfc3161timestamp.url`,
    ],
    [
      'another format',
      { ...byKey, signatureFormat: 'Bundle' },
      `invalid value: Bundle: ${at}.signatureFormat\nexpected legacy or bundle, or nothing for any format`,
    ],
    [
      'two places',
      { ...byKey, source: [{ oci: 'ghcr.io' }, { oci: 'quay.io' }] },
      `invalid value: source: ${at}.source\nonly single source is supported`,
    ],
    ['a place that is no list', { ...byKey, source: { oci: 'ghcr.io' } }, `${at}.source\nexpected a list`],
    [
      'a place with a tag',
      { ...byKey, source: [{ oci: 'ghcr.io/org/app:v1' }] },
      `invalid value: ghcr.io/org/app:v1: ${at}.source[0].oci\nrepository can only contain the characters \`abcdefghijklmnopqrstuvwxyz0123456789_-./\`: org/app:v1`,
    ],
    ['a place with the tag latest', { ...byKey, source: [{ oci: 'ghcr.io/org/app:latest' }] }, `${at}.source[0].oci`],
    [
      'a place with a digest',
      { ...byKey, source: [{ oci: `ghcr.io/org/app@sha256:${'0'.repeat(64)}` }] },
      `${at}.source[0].oci`,
    ],
    ['a place with a scheme', { ...byKey, source: [{ oci: 'https://ghcr.io' }] }, `${at}.source[0].oci`],
    ['a place above others', { ...byKey, source: [{ oci: 'ghcr.io/org/../x' }] }, `${at}.source[0].oci`],
    [
      'a path without registry',
      { ...byKey, source: [{ oci: 'foo/bar' }] },
      'registries must be valid RFC 3986 URI authorities: foo/bar',
    ],
    [
      'a tag prefix with a slash',
      { ...byKey, source: [{ tagPrefix: 'a/b' }] },
      `invalid value: a/b: ${at}.source[0].tagPrefix\nexpected the beginning of a tag`,
    ],
    [
      'a pull secret without name',
      { ...byKey, source: [{ signaturePullSecrets: [{}] }] },
      `missing field(s): ${at}.source[0].signaturePullSecrets[0].name`,
    ],
    [
      'a pull secret as a text',
      { ...byKey, source: [{ signaturePullSecrets: ['s'] }] },
      `${at}.source[0].signaturePullSecrets[0]\nexpected an object`,
    ],
    [
      'a field nobody knows in source',
      { ...byKey, source: [{ repository: 'x' }] },
      `unknown field(s): ${at}.source[0].repository`,
    ],
    [
      'an attestation without name',
      { ...byKey, attestations: [{ predicateType: 'custom' }] },
      `missing field(s): ${at}.attestations.name`,
    ],
    [
      'an attestation without type',
      { ...byKey, attestations: [{ name: 'a' }] },
      `missing field(s): ${at}.attestations.predicateType`,
    ],
    [
      'a field nobody knows in an attestation',
      { ...byKey, attestations: [{ name: 'a', predicateType: 'b', type: 'c' }] },
      `unknown field(s): ${at}.attestations.type`,
    ],
  ])('%s', (_title, authority, expected) => {
    expect(errors(authority).join('\n\n')).toContain(expected);
  });

  test('without showing the key', () => {
    expect(errors(key({ data: privateKey })).join()).not.toContain(privateKey.split('\n')[1]);
  });
});
