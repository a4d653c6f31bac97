// What the API server is told about a TrustRoot: policy-controller's words, every mistake of a document at once.
import { generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkPolicyObject } from '../../src/policy/check-object.ts';
import { pem } from '../verification/kit/certificates.ts';
import { createSigstore } from '../verification/kit/sigstore.ts';
import { publicKey } from './kit.ts';

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
const sigstore = createSigstore();
const caPem = pem(sigstore.rootDer);
const tsaDer = sigstore.trustedRoot.timestampAuthorities[0]?.certChain.certificates[0]?.rawBytes ?? '';
const leafPem = pem(Buffer.from(tsaDer, 'base64'));
const root = base64('{"signatures":[],"signed":{}}');
const mirrorFS = base64(gzipSync(Buffer.alloc(1024)));
const subject = { organization: 'example.org', commonName: 'CA' };
const ca = { subject, uri: 'https://ca.test', certChain: base64(caPem) };
const tsa = { subject, uri: 'https://tsa.test', certChain: base64(`${leafPem}${caPem}`) };
const log = { baseURL: 'https://log.test', hashAlgorithm: 'sha-256', publicKey: base64(publicKey) };
const rsa = (bits: number) =>
  base64(
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  );

function said(spec: unknown): string {
  const document = { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name: 'own' }, spec };
  return checkPolicyObject(document, new Date(0)).refusal ?? 'admitted';
}

const keys = (members: object): unknown => ({ sigstoreKeys: { certificateAuthorities: [ca], ...members } });
const remote = (members: object): unknown => ({ remote: { root, mirror: 'https://tuf.test', ...members } });
const repository = (members: object): unknown => ({ repository: { root, mirrorFS, ...members } });
const k = 'spec.sigstoreKeys';
const key = 'expected base64 of a PEM public key, ECDSA (P-256, P-384, P-521), Ed25519 or RSA (2048 bits)';

const cases: readonly (readonly [string, unknown, string])[] = [
  ['nothing', {}, 'expected exactly one, got neither: spec.remote, spec.repository, spec.sigstoreKeys'],
  [
    'remote and repository',
    { remote: {}, repository: {} },
    'expected exactly one, got both: spec.remote, spec.repository, spec.sigstoreKeys',
  ],
  [
    'remote and keys',
    { remote: {}, sigstoreKeys: {} },
    'expected exactly one, got both: spec.remote, spec.repository, spec.sigstoreKeys',
  ],
  [
    'all three',
    { remote: {}, repository: {}, sigstoreKeys: {} },
    'expected exactly one, got both: spec.remote, spec.repository, spec.sigstoreKeys',
  ],
  ['an empty remote', { remote: {} }, 'missing field(s): spec.remote.mirror, spec.remote.root'],
  ['a remote without mirror', remote({ mirror: '' }), 'missing field(s): spec.remote.mirror'],
  ['a remote without root', remote({ root: undefined }), 'missing field(s): spec.remote.root'],
  ['an empty repository', { repository: {} }, 'missing field(s): spec.repository.repository, spec.repository.root'],
  [
    'a repository without mirrorFS',
    repository({ mirrorFS: undefined }),
    'missing field(s): spec.repository.repository',
  ],
  ['a repository without root', repository({ root: '' }), 'missing field(s): spec.repository.root'],
  [
    'a repository that is no gzip',
    repository({ mirrorFS: 'aGVsbG8gd29ybGQK' }),
    'invalid value: failed to construct a TUF client: spec.repository.mirrorFS\nfailed to uncompress: gzip: invalid header',
  ],
  [
    'a repository that is not base64',
    repository({ mirrorFS: 'a*b' }),
    'invalid value: failed to construct a TUF client: spec.repository.mirrorFS\nfailed to uncompress: it is not base64',
  ],
  [
    'a root that is text',
    remote({ root: base64('hello') }),
    "invalid value: failed to unmarshal: spec.remote.root\ninvalid character 'h' looking for beginning of value",
  ],
  [
    'a root that is a list',
    remote({ root: base64('[]') }),
    'invalid value: failed to unmarshal: spec.remote.root\njson: cannot unmarshal array into Go value of type map[string]interface {}',
  ],
  [
    'a root that is blank',
    repository({ root: base64(' ') }),
    'invalid value: failed to unmarshal: spec.repository.root\nunexpected end of JSON input',
  ],
  [
    'a root without signatures',
    remote({ root: base64('{}') }),
    'invalid value: missing signatures in root.json: spec.remote.root\nno signatures',
  ],
  [
    'a root whose signatures are null',
    repository({ root: base64('{"signatures":null}') }),
    'invalid value: missing signatures in root.json: spec.repository.root\nno signatures',
  ],
  [
    'keys without authorities',
    { sigstoreKeys: {} },
    `expected exactly one, got neither: ${k}.certificateAuthority, ${k}.timestampAuthorities`,
  ],
  [
    'logs alone',
    { sigstoreKeys: { tLogs: [log], ctLogs: [log] } },
    `expected exactly one, got neither: ${k}.certificateAuthority, ${k}.timestampAuthorities`,
  ],
  [
    'an empty certificate authority',
    keys({ certificateAuthorities: [{}] }),
    `missing field(s): ${k}.certificateAuthority[0].certchain, ${k}.certificateAuthority[0].subject.commonName, ${k}.certificateAuthority[0].subject.organization, ${k}.certificateAuthority[0].uri`,
  ],
  [
    'an authority without organization',
    keys({ certificateAuthorities: [{ ...ca, subject: { commonName: 'x' } }] }),
    `missing field(s): ${k}.certificateAuthority[0].subject.organization`,
  ],
  [
    'an authority without common name',
    keys({ certificateAuthorities: [{ ...ca, subject: { organization: 'x' } }] }),
    `missing field(s): ${k}.certificateAuthority[0].subject.commonName`,
  ],
  [
    'the second authority without address',
    keys({ certificateAuthorities: [ca, { ...ca, uri: undefined }] }),
    `missing field(s): ${k}.certificateAuthority[1].uri`,
  ],
  [
    'an authority without chain',
    keys({ certificateAuthorities: [{ ...ca, certChain: '' }] }),
    `missing field(s): ${k}.certificateAuthority[0].certchain`,
  ],
  [
    'an authority whose chain is not base64',
    keys({ certificateAuthorities: [{ ...ca, certChain: caPem }] }),
    `invalid value: <certChain>: ${k}.certificateAuthority[0].certChain\nexpected base64 of PEM certificates, root last`,
  ],
  [
    'an empty timestamp authority',
    keys({ timestampAuthorities: [{}] }),
    `missing field(s): ${k}.timestampAuthorities[0].certchain, ${k}.timestampAuthorities[0].subject.commonName, ${k}.timestampAuthorities[0].subject.organization, ${k}.timestampAuthorities[0].uri`,
  ],
  [
    'a timestamp authority whose chain is no PEM',
    keys({ timestampAuthorities: [{ ...tsa, certChain: base64('INVALID') }] }),
    `invalid value: error splitting the certificates: ${k}.timestampAuthorities[0].certChain\nerror during PEM decoding`,
  ],
  [
    'two timestamp signers',
    keys({ timestampAuthorities: [{ ...tsa, certChain: base64(`${caPem}${leafPem}${leafPem}`) }] }),
    `invalid value: certificate chain must contain at most one TSA certificate: ${k}.timestampAuthorities[0].certChain`,
  ],
  [
    'no timestamp signer',
    keys({ timestampAuthorities: [{ ...tsa, certChain: base64(caPem) }] }),
    `invalid value: <certChain>: ${k}.timestampAuthorities[0].certChain\nit holds CA certificates only: put the certificate that signs timestamps first`,
  ],
  [
    'an empty log',
    keys({ tLogs: [{}] }),
    `missing field(s): ${k}.tLogs[0].baseURL, ${k}.tLogs[0].hashAlgorithm, ${k}.tLogs[0].publicKey`,
  ],
  [
    'an empty certificate log',
    keys({ ctLogs: [log, {}] }),
    `missing field(s): ${k}.ctLogs[1].baseURL, ${k}.ctLogs[1].hashAlgorithm, ${k}.ctLogs[1].publicKey`,
  ],
  [
    'a log of another hash',
    keys({ tLogs: [{ ...log, hashAlgorithm: 'sha-1' }] }),
    `invalid value: sha-1: ${k}.tLogs[0].hashAlgorithm\nexpected sha-256, sha-384 or sha-512`,
  ],
  [
    'a log key that is none',
    keys({ tLogs: [{ ...log, publicKey: base64('x') }] }),
    `invalid value: <publicKey>: ${k}.tLogs[0].publicKey\n${key}`,
  ],
  [
    'a log key that is not base64',
    keys({ ctLogs: [{ ...log, publicKey }] }),
    `invalid value: <publicKey>: ${k}.ctLogs[0].publicKey\n${key}`,
  ],
  [
    'a short RSA key',
    keys({ ctLogs: [{ ...log, publicKey: rsa(1024) }] }),
    `invalid value: <publicKey>: ${k}.ctLogs[0].publicKey\n${key}`,
  ],
  [
    // policy-controller tells only the last of them
    'a bad authority, and a bad log behind it',
    keys({ certificateAuthorities: [{ ...ca, uri: '' }], tLogs: [{ ...log, baseURL: '' }] }),
    `missing field(s): ${k}.certificateAuthority[0].uri, ${k}.tLogs[0].baseURL`,
  ],
  [
    // policy-controller admits it
    'a bad authority before good logs',
    keys({ certificateAuthorities: [{ ...ca, uri: '' }], tLogs: [log] }),
    `missing field(s): ${k}.certificateAuthority[0].uri`,
  ],
  [
    'a bad log before a good one',
    keys({ tLogs: [{ ...log, baseURL: '' }, log] }),
    `missing field(s): ${k}.tLogs[0].baseURL`,
  ],
  [
    'a mirror that is no address',
    remote({ mirror: 'tuf.test' }),
    'invalid value: tuf.test: spec.remote.mirror\nexpected an http or https address',
  ],
  [
    'a mirror in a file',
    remote({ mirror: 'file:///etc' }),
    'invalid value: file:///etc: spec.remote.mirror\nexpected an http or https address',
  ],
  [
    'a root that is not base64',
    remote({ root: '{}' }),
    'invalid value: <root>: spec.remote.root\nexpected base64 of the initial root.json',
  ],
];

describe('refused', () => {
  test.each(cases)('%s', (_title, spec, text) => {
    expect(said(spec)).toBe(`validation failed: ${text}`);
  });
});

describe('admitted', () => {
  test.each<[string, unknown]>([
    ['a remote', remote({})],
    ['a remote with all fields', remote({ targets: 'files', trustedRootTarget: 'own/root.json' })],
    ['a remote inside of the cluster', remote({ mirror: 'http://tuf.tuf-system.svc' })],
    ['a repository', repository({})],
    ['certificate authorities alone', keys({})],
    ['timestamp authorities alone', { sigstoreKeys: { timestampAuthorities: [tsa] } }],
    [
      'a timestamp signer behind its authority',
      keys({ timestampAuthorities: [{ ...tsa, certChain: base64(`${caPem}${leafPem}`) }] }),
    ],
    [
      'an Ed25519 log',
      keys({
        tLogs: [
          {
            ...log,
            publicKey: base64(
              generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
            ),
          },
        ],
      }),
    ],
    ['an RSA certificate log', keys({ ctLogs: [{ ...log, publicKey: rsa(2048) }] })],
    ['hashes in other letters', keys({ tLogs: [{ ...log, hashAlgorithm: 'SHA512' }] })],
    [
      'base64 in lines',
      keys({ tLogs: [{ ...log, publicKey: `${log.publicKey.slice(0, 64)}\n${log.publicKey.slice(64)}\n` }] }),
    ],
  ])('%s', (_title, spec) => {
    expect(said(spec)).toBe('admitted');
  });
});
