// The sigstore-conformance client protocol: what it hands over, and what it wants back.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import { ecKey, pem, pemOfKey } from '../verification/kit/certificates.ts';
import { bundleEntry, dsseEntry, hashedRekord, hashedRekordV2, logEntry } from '../verification/kit/log-entries.ts';
import {
  createSigstore,
  identity,
  issuer,
  leafOf,
  signedAt,
  tokenOf,
  trustRoot,
} from '../verification/kit/sigstore.ts';
import { bundleJson, messageBundleJson, statementOf } from '../verification/kit/signatures.ts';
import { run } from './run.ts';

const sigstore = createSigstore();
const stranger = createSigstore();
const leaf = leafOf(sigstore);
const key = ecKey();
const artifact = Buffer.from('an artifact\n');
const minutes = (count: number): Date => new Date(signedAt.getTime() + count * 60_000);

const folder = mkdtempSync(join(tmpdir(), 'countersign-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;
function file(content: string | Uint8Array | object, name = `file-${(written += 1)}`): string {
  const path = join(folder, name);
  const bytes = typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
  writeFileSync(path, bytes);
  return path;
}

const artifactFile = file(artifact);
const root = file(sigstore.root.trustedRootJson);
const keyFile = file(pemOfKey(key));

type Change = Partial<Parameters<typeof messageBundleJson>[0]>;

function messageEntry(signature: Buffer, verifier: string, log = sigstore, time = signedAt): object {
  return bundleEntry(
    logEntry(log, { body: hashedRekord(artifact, signature, verifier), time }),
    'hashedrekord',
    '0.0.1',
  );
}

const keyless = (change: Change = {}): Record<string, unknown> =>
  messageBundleJson({
    message: artifact,
    key: leaf.key,
    certificate: leaf.der,
    entries: (signature) => [messageEntry(signature, pem(leaf.der))],
    ...change,
  });

/** Rekor v2 and a timestamp, as cosign 3 writes it. */
const stamped = (change: Change = {}): Record<string, unknown> =>
  keyless({
    entries: (signature) => [
      bundleEntry(
        logEntry(sigstore, { body: hashedRekordV2(artifact, signature, leaf.der) }),
        'hashedrekord',
        '0.0.2',
        { promise: false },
      ),
    ],
    tokens: (signature) => [tokenOf(sigstore, signature)],
    ...change,
  });

const byKey = (change: Change = {}): Record<string, unknown> =>
  messageBundleJson({
    message: artifact,
    key,
    entries: (signature) => [messageEntry(signature, pemOfKey(key))],
    ...change,
  });

const statement = (of: Buffer): Record<string, unknown> =>
  bundleJson({
    key: leaf.key,
    certificate: leaf.der,
    statement: statementOf(digestOf(of)),
    entries: (signature, _message, payload) => [
      bundleEntry(logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)) }), 'dsse', '0.0.1'),
    ],
  });

interface Asked {
  readonly bundle?: object | string;
  readonly signer?: readonly string[];
  readonly root?: string;
  readonly of?: string;
  readonly more?: readonly string[];
}

const identityFlags = (subject = identity, by = issuer): readonly string[] => [
  '--certificate-identity',
  subject,
  '--certificate-oidc-issuer',
  by,
];
const keyFlags = (path = keyFile): readonly string[] => ['--key', path];

/** In the order in which the suite gives them. */
function argumentsFor({
  bundle = keyless(),
  signer = identityFlags(),
  of = artifactFile,
  ...rest
}: Asked): readonly string[] {
  const given = ['--bundle', typeof bundle === 'string' ? bundle : file(bundle)];
  return ['verify-bundle', ...(rest.more ?? []), ...given, ...signer, '--trusted-root', rest.root ?? root, of];
}

const verify = (asked: Asked): ReturnType<typeof run> => run(...argumentsFor(asked));

describe('a good bundle ends with 0 and no word', () => {
  test.each<[string, Asked]>([
    ['by a certificate', {}],
    ['by a certificate, with timestamp and Rekor v2', { bundle: stamped() }],
    ['by a key', { bundle: byKey(), signer: keyFlags() }],
    ['by one of several keys', { bundle: byKey(), signer: keyFlags(file(pemOfKey(ecKey()) + pemOfKey(key))) }],
    ['by a certificate, of a digest', { of: digestOf(artifact) }],
    ['by a key, of a digest', { bundle: byKey(), signer: keyFlags(), of: digestOf(artifact) }],
    ['with a statement about the file', { bundle: statement(artifact) }],
    ['with a statement about the digest', { bundle: statement(artifact), of: digestOf(artifact) }],
    ['of the staging instance, with its root', { more: ['--staging'] }],
    ['of an empty file', { bundle: statement(Buffer.alloc(0)), of: file('') }],
  ])('%s', async (_name, asked) => {
    expect(await verify(asked)).toEqual({ code: 0, out: '', err: '' });
  });

  test('of a file whose name looks like a digest: the file counts', async () => {
    const name = digestOf('something else');
    file(artifact, name);
    const cwd = process.cwd();
    process.chdir(folder);
    try {
      expect(await verify({ of: name })).toMatchObject({ code: 0 });
    } finally {
      process.chdir(cwd);
    }
  });

  test('whatever the order of the flags', async () => {
    const [command = '', ...rest] = argumentsFor({});
    expect(await run(command, artifactFile, ...rest.slice(0, -1))).toMatchObject({ code: 0 });
  });
});

const other = Buffer.from('another artifact\n');
const expired = leafOf(sigstore, { request: { notBefore: minutes(-20), notAfter: minutes(-10) } });

describe('a bundle that does not hold ends with 1 and says why', () => {
  test.each<[string, Asked, string]>([
    ['another identity', { signer: identityFlags('https://evil.test') }, 'IDENTITY_MISMATCH'],
    ['part of the identity', { signer: identityFlags(identity.slice(0, -1)) }, 'IDENTITY_MISMATCH'],
    ['a pattern', { signer: identityFlags('.*') }, 'IDENTITY_MISMATCH'],
    ['another issuer', { signer: identityFlags(identity, 'https://evil.test') }, 'IDENTITY_MISMATCH'],
    ['another file', { of: file(other) }, 'CLAIM_MISMATCH'],
    ['another digest', { of: digestOf(other) }, 'CLAIM_MISMATCH'],
    ['a statement about another file', { bundle: statement(other) }, 'CLAIM_MISMATCH'],
    ['a statement about another digest', { bundle: statement(artifact), of: digestOf(other) }, 'CLAIM_MISMATCH'],
    ['another key', { bundle: byKey(), signer: keyFlags(file(pemOfKey(ecKey()))) }, 'SIGNATURE_INVALID'],
    ['a key instead of a certificate', { bundle: byKey() }, 'KEY_MISMATCH'],
    ['a certificate instead of a key', { signer: keyFlags() }, 'SIGNATURE_INVALID'],
    ['another trusted root', { root: file(stranger.root.trustedRootJson) }, 'CERTIFICATE_INVALID'],
    ['no log entry', { bundle: keyless({ entries: () => [] }) }, 'TLOG_MISSING'],
    ['no log entry, by a key', { bundle: byKey({ entries: () => [] }), signer: keyFlags() }, 'TLOG_MISSING'],
    [
      'an entry of another log beside a good one',
      {
        bundle: keyless({
          entries: (signature) => [sigstore, stranger].map((log) => messageEntry(signature, pem(leaf.der), log)),
        }),
      },
      'TLOG_INVALID',
    ],
    [
      'an entry that names another signer',
      { bundle: keyless({ entries: (signature) => [messageEntry(signature, pem(leafOf(sigstore).der))] }) },
      'TLOG_INVALID',
    ],
    ['no proof of the time', { bundle: stamped({ tokens: () => [] }) }, 'TIMESTAMP_MISSING'],
    [
      'a timestamp after the certificate beside a good one',
      {
        bundle: stamped({
          tokens: (signature) => [minutes(1), minutes(11)].map((time) => tokenOf(sigstore, signature, { time })),
        }),
      },
      'CERTIFICATE_EXPIRED',
    ],
    [
      'a timestamp of something else beside a good one',
      { bundle: stamped({ tokens: (signature) => [signature, other].map((data) => tokenOf(sigstore, data)) }) },
      'TIMESTAMP_INVALID',
    ],
    [
      'a timestamp that cannot be read, beside a promise of the log',
      { bundle: keyless({ tokens: () => [Buffer.from('what?')] }) },
      'TIMESTAMP_INVALID',
    ],
    [
      'a certificate that was over',
      {
        bundle: keyless({
          key: expired.key,
          certificate: expired.der,
          entries: (signature) => [messageEntry(signature, pem(expired.der))],
        }),
      },
      'CERTIFICATE_EXPIRED',
    ],
    [
      'a certificate in no certificate log',
      {
        bundle: ((unlogged) =>
          keyless({
            key: unlogged.key,
            certificate: unlogged.der,
            entries: (signature) => [messageEntry(signature, pem(unlogged.der))],
          }))(leafOf(sigstore, { withoutSct: true })),
      },
      'SCT_INVALID',
    ],
    ['a bundle that is no JSON', { bundle: file('what?') }, 'SIGNATURE_MALFORMED'],
    ['an empty bundle', { bundle: file('') }, 'SIGNATURE_MALFORMED'],
    ['a bundle with nothing in it', { bundle: {} }, 'SIGNATURE_MALFORMED'],
    [
      'a bundle of a version that is not known',
      { bundle: { ...keyless(), mediaType: future } },
      'SIGNATURE_UNSUPPORTED',
    ],
    ['a digest in the bundle that is not the file’s', { bundle: misdescribed() }, 'CLAIM_MISMATCH'],
  ])('%s', async (_name, asked, code) => {
    const { code: end, out, err } = await verify(asked);
    expect(err).toMatch(new RegExp(`^${code}: \\S.*\\n$`));
    expect([end, out]).toEqual([1, '']);
  });
});

const future = 'application/vnd.dev.sigstore.bundle.v0.9+json';

function misdescribed(): object {
  const bundle = keyless();
  const messageSignature = Object(bundle['messageSignature']) as object;
  const digest = Buffer.from(hexOf(digestOf(other)), 'hex').toString('base64');
  return { ...bundle, messageSignature: { ...messageSignature, messageDigest: { algorithm: 'SHA2_256', digest } } };
}

const nowhere = join(folder, 'nowhere');
const timeless = { ...sigstore.trustedRoot, tlogs: sigstore.trustedRoot.tlogs.map(withoutWindow) };

function withoutWindow(log: (typeof sigstore.trustedRoot.tlogs)[number]): typeof log {
  const { validFor: _, ...publicKey } = log.publicKey;
  return { ...log, publicKey };
}

describe('a question that cannot be asked ends with 2 and names the way out', () => {
  test.each<[string, Asked, string]>([
    ['no signer', { signer: [] }, 'give --key, or --certificate-identity'],
    ['an identity without issuer', { signer: identityFlags().slice(0, 2) }, 'give --key, or --certificate-identity'],
    ['two signers', { signer: [...keyFlags(), ...identityFlags()] }, 'two different signers'],
    ['a bundle that is not there', { bundle: nowhere }, nowhere],
    ['a file that is not there', { of: nowhere }, nowhere],
    ['a digest that is none', { of: 'sha256:abc' }, 'sha256:abc'],
    ['a digest of another algorithm', { of: `sha512:${'0'.repeat(128)}` }, 'sha512:'],
    ['a key that is not there', { signer: keyFlags(nowhere) }, '--key'],
    ['a key that is none', { signer: keyFlags(artifactFile) }, '--key'],
    [
      'a private key',
      { signer: keyFlags(file(key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())) },
      'private key',
    ],
    ['a root that is not there', { root: nowhere }, '--trusted-root'],
    ['a root that is none', { root: file('{}') }, '--trusted-root'],
    ['a root whose log has no beginning', { root: file(trustRoot(timeless).trustedRootJson) }, 'validFor.start'],
    ['a folder instead of a bundle', { bundle: folder }, folder],
    ['an unknown flag', { more: ['--verbose'] }, '--verbose'],
  ])('%s', async (_name, asked, message) => {
    const { code, out, err } = await verify(asked);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, '']);
  });

  test.each([
    ['no bundle', ['verify-bundle', ...identityFlags(), artifactFile], '--bundle'],
    ['nothing to verify', ['verify-bundle', '--bundle', artifactFile, ...identityFlags()], 'file-or-digest'],
    [
      'staging without its root',
      ['verify-bundle', '--staging', '--bundle', artifactFile, ...identityFlags(), artifactFile],
      '--trusted-root',
    ],
  ])('%s', async (_name, args, message) => {
    const { code, err } = await run(...args);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });
});

test('without a trusted root, that of the public-good instance counts', async () => {
  const { code, err } = await run('verify-bundle', '--bundle', file(keyless()), ...identityFlags(), artifactFile);
  expect([code, err]).toEqual([1, expect.stringMatching(/^CERTIFICATE_INVALID: /)]);
});

test('as a process of its own it ends in the same way', { timeout: 60_000 }, () => {
  const main = join(import.meta.dirname, '../../src/main.ts');
  const { status, stderr } = spawnSync(process.execPath, [main, ...argumentsFor({ of: digestOf(other) })]);
  expect([status, stderr.toString()]).toEqual([1, expect.stringMatching(/^CLAIM_MISMATCH: /)]);
});
