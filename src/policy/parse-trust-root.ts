/**
 * Reads a TrustRoot (policy.sigstore.dev/v1alpha1) or a trusted_root.json into one form: the protobuf-JSON text of a
 * dev.sigstore.trustroot.v1.TrustedRoot. Every problem of a document is reported, not only the last one.
 */
import { createHash, createPublicKey } from 'node:crypto';
import { digestOf } from '../kernel/digest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import { FieldErrors } from './field-errors.ts';
import { Fields } from './fields.ts';
import type { TrustRoot } from './model.ts';
import { readHeader } from './parse-cluster-image-policy.ts';
import { pemCertificates } from './pem-certificates.ts';

const kinds = ['remote', 'repository', 'sigstoreKeys'] as const;

export function parseTrustRoot(document: unknown): Result<TrustRoot, readonly string[]> {
  const errors = new FieldErrors();
  const fields = new Fields(document, '', errors);
  const name = readHeader(fields, ['policy.sigstore.dev/v1alpha1'], 'TrustRoot', errors);
  const spec = fields.object('spec');
  if (spec === undefined) errors.missing('spec');
  const root = spec === undefined ? undefined : readSpec(name, spec, errors);
  fields.end();
  return root !== undefined && errors.isEmpty ? ok(root) : fail(errors.list());
}

function readSpec(name: string, spec: Fields, errors: FieldErrors): TrustRoot {
  const given = kinds.filter((kind) => spec.has(kind));
  errors.exactlyOne(
    given.map((kind) => spec.at(kind)),
    kinds.map((kind) => spec.at(kind)),
  );
  const keys = spec.object('sigstoreKeys');
  spec.ignore(...kinds);
  spec.end();
  if (keys === undefined) {
    const notReady = [
      `spec.${given[0] ?? 'sigstoreKeys'} is not supported yet: use spec.sigstoreKeys or a trusted_root.json file`,
    ];
    return { name, generation: digestOf(JSON.stringify([name, notReady])), trustedRootJson: '', notReady };
  }
  const trustedRootJson = JSON.stringify(readSigstoreKeys(keys, errors));
  return { name, generation: digestOf(trustedRootJson), trustedRootJson, notReady: [] };
}

function readSigstoreKeys(keys: Fields, errors: FieldErrors): unknown {
  const certificateAuthorities = keys.objects('certificateAuthorities', (entry) => readAuthority(entry, errors));
  const timestampAuthorities = keys.objects('timestampAuthorities', (entry) => readAuthority(entry, errors));
  const tlogs = keys.objects('tLogs', (entry) => readLog(entry, errors));
  const ctlogs = keys.objects('ctLogs', (entry) => readLog(entry, errors));
  if (certificateAuthorities.length === 0 && timestampAuthorities.length === 0) {
    errors.missing(keys.at('certificateAuthorities'));
    errors.missing(keys.at('timestampAuthorities'));
  }
  keys.end();
  return { mediaType: trustedRootMediaType, certificateAuthorities, timestampAuthorities, tlogs, ctlogs };
}

const trustedRootMediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';

/** sigstoreKeys has no validity window; certificates have their own. */
const always = { start: '1970-01-01T00:00:00Z' };

function readAuthority(entry: Fields, errors: FieldErrors): unknown {
  const subject = entry.object('subject');
  const organization = subject?.filled('organization');
  const commonName = subject?.filled('commonName');
  if (subject === undefined) errors.missing(entry.at('subject'));
  else {
    if (organization === undefined) errors.missing(subject.at('organization'));
    if (commonName === undefined) errors.missing(subject.at('commonName'));
    subject.end();
  }
  const uri = entry.filled('uri');
  if (uri === undefined) errors.missing(entry.at('uri'));
  const certificates = readChain(entry, errors).map((rawBytes) => ({ rawBytes }));
  return { subject: { organization, commonName }, uri, certChain: { certificates }, validFor: always };
}

/** Base64 DER of each certificate in base64 PEM, leaf or intermediate first, root last. */
function readChain(entry: Fields, errors: FieldErrors): readonly string[] {
  const text = decoded(entry, 'certChain', errors);
  if (text === undefined) return [];
  const certificates = pemCertificates(text);
  if (certificates === undefined)
    errors.invalid('<certChain>', entry.at('certChain'), 'expected base64 of PEM certificates, root last');
  return certificates ?? [];
}

function decoded(entry: Fields, name: string, errors: FieldErrors): string | undefined {
  const text = entry.filled(name);
  if (text === undefined) errors.missing(entry.at(name));
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}

const hashes: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'SHA2_256'],
  ['sha256', 'SHA2_256'],
  ['sha-384', 'SHA2_384'],
  ['sha384', 'SHA2_384'],
  ['sha-512', 'SHA2_512'],
  ['sha512', 'SHA2_512'],
]);

function readLog(entry: Fields, errors: FieldErrors): unknown {
  const baseUrl = entry.filled('baseURL');
  if (baseUrl === undefined) errors.missing(entry.at('baseURL'));
  const written = entry.filled('hashAlgorithm');
  const hashAlgorithm = hashes.get(written ?? '');
  if (written === undefined) errors.missing(entry.at('hashAlgorithm'));
  else if (hashAlgorithm === undefined)
    errors.invalid(written, entry.at('hashAlgorithm'), 'expected sha-256, sha-384 or sha-512');
  const pem = decoded(entry, 'publicKey', errors);
  const key = pem === undefined ? undefined : logKey(pem);
  if (pem !== undefined && key === undefined) {
    errors.invalid('<publicKey>', entry.at('publicKey'), 'expected base64 of a PEM public key, ECDSA P-256 or Ed25519');
  }
  return { baseUrl, hashAlgorithm, ...key };
}

function logKey(pem: string): object | undefined {
  try {
    const key = createPublicKey(pem);
    const der = key.export({ type: 'spki', format: 'der' });
    const ed25519 = key.asymmetricKeyType === 'ed25519';
    if (!ed25519 && key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined;
    return {
      publicKey: {
        rawBytes: der.toString('base64'),
        keyDetails: ed25519 ? 'PKIX_ED25519' : 'PKIX_ECDSA_P256_SHA_256',
        validFor: always,
      },
      // The raw digest, not its hexadecimal text. RFC 6962 §3.2
      logId: { keyId: createHash('sha256').update(der).digest('base64') },
    };
  } catch {
    return undefined;
  }
}

/**
 * A trusted_root.json. Only its outline is checked here; verification reads the rest. A validity window without a start
 * is refused: the libraries would read it as "since 1970".
 */
export function trustRootFromJson(name: string, text: string): Result<TrustRoot, readonly string[]> {
  const json = parseStrictJson(text);
  if (!json.ok) return fail([json.problem]);
  const root = asRecord(json.value);
  const mediaType = root?.['mediaType'];
  if (
    root === undefined ||
    typeof mediaType !== 'string' ||
    !mediaType.startsWith('application/vnd.dev.sigstore.trustedroot')
  ) {
    return fail(['mediaType is not that of a Sigstore trusted root']);
  }
  const problems = [
    ...['tlogs', 'ctlogs'].flatMap((list) => withoutStart(root, list, (item) => asRecord(item['publicKey']))),
    ...['certificateAuthorities', 'timestampAuthorities'].flatMap((list) => withoutStart(root, list, (item) => item)),
  ];
  if (problems.length > 0) return fail(problems);
  return ok({ name, generation: digestOf(text), trustedRootJson: text, notReady: [] });
}

type Members = Readonly<Record<string, unknown>>;

function withoutStart(root: Members, list: string, holder: (item: Members) => Members | undefined): readonly string[] {
  const items = root[list] ?? [];
  if (!Array.isArray(items)) return [`${list} is not a list`];
  return items.flatMap((item: unknown, index) => {
    const window = asRecord(holder(asRecord(item) ?? {})?.['validFor']);
    return typeof window?.['start'] === 'string' ? [] : [`${list}[${index}] has no validFor.start`];
  });
}

/** A root whose only certificate authorities are those of a policy's `ca-cert`; without logs of any kind. */
export function trustRootFromCertificates(name: string, pem: string): TrustRoot {
  const certificates = pemCertificates(pem) ?? [];
  const authority = {
    subject: {},
    uri: '',
    certChain: { certificates: certificates.map((rawBytes) => ({ rawBytes })) },
    validFor: always,
  };
  const trustedRootJson = JSON.stringify({
    mediaType: trustedRootMediaType,
    certificateAuthorities: [authority],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
  });
  return { name, generation: digestOf(trustedRootJson), trustedRootJson, notReady: [] };
}
