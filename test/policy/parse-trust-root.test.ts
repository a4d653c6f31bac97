import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import selfsigned from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { parseTrustRoot } from '../../src/policy/parse-trust-root.ts';
import { trustRootFromCertificates, trustRootFromJson } from '../../src/policy/parse-trust-root-json.ts';
import { newPublicKey, publicKey } from './kit.ts';

const { cert } = await selfsigned.generate([{ name: 'commonName', value: 'Example CA' }]);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const ed25519Key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();

const authority = {
  subject: { organization: 'example.org', commonName: 'Example CA' },
  uri: 'https://fulcio.example.org',
  certChain: base64(cert),
};
const log = { baseURL: 'https://rekor.example.org', hashAlgorithm: 'sha-256', publicKey: base64(publicKey) };
const keys = { certificateAuthorities: [authority], tLogs: [log], ctLogs: [log], timestampAuthorities: [authority] };

function document(spec: unknown): unknown {
  return { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name: 'own' }, spec };
}

function errors(spec: unknown): string {
  const parsed = parseTrustRoot(document(spec));
  return parsed.ok ? '' : parsed.failure.join('\n\n');
}

const withKeys = (members: object) => ({ sigstoreKeys: { ...keys, ...members } });

test('sigstoreKeys become a trusted root', () => {
  const parsed = parseTrustRoot(document({ sigstoreKeys: keys }));
  if (!parsed.ok) throw new Error(parsed.failure.join('\n'));
  expect(parsed.value).toMatchObject({ name: 'own', notReady: [] });
  const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  expect(JSON.parse(parsed.value.trustedRootJson)).toMatchObject({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    certificateAuthorities: [
      {
        subject: authority.subject,
        uri: authority.uri,
        certChain: { certificates: [{ rawBytes: expect.stringMatching(/^MII/) as string }] },
        validFor: { start: '1970-01-01T00:00:00Z' },
      },
    ],
    tlogs: [
      {
        baseUrl: log.baseURL,
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: der.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
        // The digest of the key itself: RFC 6962 §3.2.
        logId: { keyId: createHash('sha256').update(der).digest('base64') },
      },
    ],
  });
});

test('equal content is of one generation, other content of another', () => {
  const generation = (spec: unknown) => {
    const parsed = parseTrustRoot(document(spec));
    return parsed.ok ? parsed.value.generation : parsed.failure.join();
  };
  expect(generation({ sigstoreKeys: keys })).toBe(generation({ sigstoreKeys: { ...keys } }));
  expect(generation({ sigstoreKeys: keys })).not.toBe(generation(withKeys({ tLogs: [] })));
});

test.each<[string, object]>([
  ['no logs', { tLogs: undefined, ctLogs: [] }],
  ['no timestamp authorities', { timestampAuthorities: undefined }],
  ['timestamp authorities alone', { certificateAuthorities: [] }],
  ['an Ed25519 log', { tLogs: [{ ...log, publicKey: base64(ed25519Key) }] }],
  ['sha256 without dash', { tLogs: [{ ...log, hashAlgorithm: 'sha256' }] }],
  ['a chain of two', { certificateAuthorities: [{ ...authority, certChain: base64(`${cert}\n${cert}`) }] }],
])('accepts %s', (_title, members) => {
  expect(errors(withKeys(members))).toBe('');
});

const path = 'spec.sigstoreKeys';

describe('refuses', () => {
  test.each<[string, unknown, string]>([
    ['no specification', undefined, 'missing field(s): spec'],
    ['none of the three', {}, 'expected exactly one, got neither: spec.remote, spec.repository, spec.sigstoreKeys'],
    [
      'two of the three',
      { remote: {}, sigstoreKeys: keys },
      'expected exactly one, got both: spec.remote, spec.repository, spec.sigstoreKeys',
    ],
    ['a field nobody knows', { sigstoreKeys: keys, keys }, 'unknown field(s): spec.keys'],
    ['keys that are no object', { sigstoreKeys: 'x' }, `invalid value: x: ${path}\nexpected an object`],
    [
      'no authorities',
      { sigstoreKeys: { tLogs: [log] } },
      `expected exactly one, got neither: ${path}.certificateAuthority, ${path}.timestampAuthorities`,
    ],
    [
      'authorities that are no list',
      withKeys({ certificateAuthorities: 'none' }),
      `${path}.certificateAuthorities\nexpected a list`,
    ],
    [
      'an empty authority',
      withKeys({ certificateAuthorities: [{}] }),
      `missing field(s): ${path}.certificateAuthority[0].certchain, ${path}.certificateAuthority[0].subject.commonName, ${path}.certificateAuthority[0].subject.organization, ${path}.certificateAuthority[0].uri`,
    ],
    [
      'an empty subject',
      withKeys({ certificateAuthorities: [{ ...authority, subject: {} }] }),
      `missing field(s): ${path}.certificateAuthority[0].subject.commonName, ${path}.certificateAuthority[0].subject.organization`,
    ],
    [
      'a field nobody knows in an authority',
      withKeys({ certificateAuthorities: [{ ...authority, url: 'x' }] }),
      `unknown field(s): ${path}.certificateAuthorities[0].url`,
    ],
    [
      'a chain that is not base64',
      withKeys({ certificateAuthorities: [{ ...authority, certChain: cert }] }),
      'expected base64 of PEM certificates, root last',
    ],
    [
      'a chain of a key',
      withKeys({ certificateAuthorities: [{ ...authority, certChain: base64(publicKey) }] }),
      'expected base64 of PEM certificates',
    ],
    [
      'a chain with a broken certificate',
      withKeys({
        timestampAuthorities: [
          { ...authority, certChain: base64(`${cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`) },
        ],
      }),
      `${path}.timestampAuthorities[0].certChain`,
    ],
    [
      'an empty log',
      withKeys({ tLogs: [{}] }),
      `missing field(s): ${path}.tLogs[0].baseURL, ${path}.tLogs[0].hashAlgorithm, ${path}.tLogs[0].publicKey`,
    ],
    [
      'another hash',
      withKeys({ ctLogs: [{ ...log, hashAlgorithm: 'md5' }] }),
      `invalid value: md5: ${path}.ctLogs[0].hashAlgorithm`,
    ],
    [
      'a log key that is none',
      withKeys({ tLogs: [{ ...log, publicKey: base64(cert.slice(0, 200)) }] }),
      `${path}.tLogs[0].publicKey\nexpected base64 of a PEM public key, ECDSA (P-256, P-384, P-521), Ed25519 or RSA (2048 bits)`,
    ],
    [
      'a log key of another curve',
      withKeys({ tLogs: [{ ...log, publicKey: base64(newPublicKey('secp256k1')) }] }),
      `${path}.tLogs[0].publicKey`,
    ],
    [
      'a field nobody knows in a log',
      withKeys({ tLogs: [{ ...log, url: 'x' }] }),
      `unknown field(s): ${path}.tLogs[0].url`,
    ],
    [
      'a bad authority before a good one',
      withKeys({ certificateAuthorities: [{}, authority] }),
      `${path}.certificateAuthority[0]`,
    ],
    [
      'a bad authority beside good logs',
      withKeys({ certificateAuthorities: [{ ...authority, uri: '' }] }),
      `missing field(s): ${path}.certificateAuthority[0].uri`,
    ],
  ])('%s', (_title, spec, expected) => {
    expect(errors(spec)).toContain(expected);
  });

  test.each<[string, object, string]>([
    ['the name of the public root', { metadata: { name: '(public-good)' } }, 'metadata.name'],
    [
      'v1beta1, which there is none of',
      { apiVersion: 'policy.sigstore.dev/v1beta1' },
      'expected policy.sigstore.dev/v1alpha1',
    ],
  ])('%s', (_title, members, expected) => {
    const parsed = parseTrustRoot(Object.assign({}, document({ sigstoreKeys: keys }), members));
    expect(parsed.ok ? '' : parsed.failure.join()).toContain(expected);
  });
});

test.each<[string, object]>([
  ['remote', { mirror: 'https://tuf.example.org/' }],
  ['repository', { mirrorFS: gzipSync('').toString('base64') }],
])('%s is not ready before somebody has read it there', (kind, members) => {
  const parsed = parseTrustRoot(document({ [kind]: { root: base64('{"signatures":[]}'), ...members } }));
  expect(parsed).toMatchObject({
    ok: true,
    value: {
      notReady: [`spec.${kind} was not read yet`],
      trustedRootJson: '',
      source: { kind, targets: 'targets', trustedRootTarget: 'trusted_root.json' },
    },
  });
});

describe('a trusted_root.json', () => {
  const mediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
  const window = { start: '2024-01-01T00:00:00Z' };
  const good = {
    mediaType,
    tlogs: [{ publicKey: { validFor: window } }],
    certificateAuthorities: [{ validFor: window }],
  };

  test('is kept as it is', () => {
    const text = JSON.stringify(good);
    expect(trustRootFromJson('public', text)).toMatchObject({
      ok: true,
      value: { name: 'public', trustedRootJson: text },
    });
  });

  test.each<[string, string, string]>([
    ['no JSON', 'x', 'not valid JSON'],
    ['a list', '[]', 'mediaType is not that of a Sigstore trusted root'],
    ['another type', JSON.stringify({ ...good, mediaType: 'application/json' }), 'mediaType is not'],
    ['a key twice', `{"mediaType":"${mediaType}","tlogs":[],"tlogs":[]}`, 'occurs twice'],
    ['logs that are no list', JSON.stringify({ ...good, tlogs: {} }), 'tlogs is not a list'],
    ['a log that is nothing', JSON.stringify({ ...good, tlogs: [null] }), 'tlogs[0] has no validFor.start'],
    ['a log without start', JSON.stringify({ ...good, tlogs: [{ publicKey: {} }] }), 'tlogs[0] has no validFor.start'],
    [
      'an authority without start',
      JSON.stringify({ ...good, certificateAuthorities: [{ validFor: { end: 'x' } }] }),
      'certificateAuthorities[0] has no validFor.start',
    ],
  ])('refuses %s', (_title, text, problem) => {
    const parsed = trustRootFromJson('public', text);
    expect(parsed.ok ? '' : parsed.failure.join()).toContain(problem);
  });
});

test('a root of certificates alone has no logs', () => {
  const root: unknown = JSON.parse(trustRootFromCertificates('(ca-cert)', cert).trustedRootJson);
  expect(root).toMatchObject({ tlogs: [], ctlogs: [], timestampAuthorities: [], certificateAuthorities: [{}] });
});
