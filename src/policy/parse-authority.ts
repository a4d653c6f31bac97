import { defined } from '../kernel/defined.ts';
import { parseImageReference } from '../kernel/image-reference.ts';
import type { FieldErrors } from './field-errors.ts';
import { Fields } from './fields.ts';
import type {
  AttestationDemand,
  HashAlgorithm,
  Identity,
  PolicyLanguage,
  SignatureOptions,
  SignatureSource,
  StaticAuthority,
} from './model.ts';
import { parseIdentity } from './parse-identity.ts';
import { certificatesWanted, pemCertificates } from './pem-certificates.ts';
import { parsePublicKeys } from './public-keys.ts';

export type ParsedAuthority = (StaticAuthority | ParsedKeyAuthority | ParsedKeylessAuthority) & {
  readonly notReady: readonly string[];
};

/** Where policy code is. `none` only beside an error. */
export type CodeSource =
  | { readonly kind: 'data'; readonly text: string }
  /** In Countersign's own namespace; without a key, the only one. */
  | { readonly kind: 'config-map'; readonly name: string; readonly key?: string }
  /** Lower-case hex SHA-256 of what is there. */
  | { readonly kind: 'remote'; readonly url: string; readonly sha256: string }
  | { readonly kind: 'none' };

export interface ParsedCode {
  readonly language: PolicyLanguage;
  readonly source: CodeSource;
}

export interface ParsedAttestation extends Omit<AttestationDemand, 'policy'> {
  readonly policy?: ParsedCode;
}

type ParsedOptions = Omit<SignatureOptions, 'attestations'> & { readonly attestations: readonly ParsedAttestation[] };

export interface ParsedKeyAuthority extends ParsedOptions {
  readonly kind: 'key';
  readonly key: KeySource;
  readonly hashAlgorithm?: HashAlgorithm;
}

export interface ParsedKeylessAuthority extends ParsedOptions {
  readonly kind: 'keyless';
  readonly identities: readonly Identity[];
  readonly trustRootRef?: string;
  readonly insecureIgnoreSct: boolean;
  readonly caCert?: KeySource;
}

/** Where key or certificate material is; `none` only beside an error or a notReady sentence. */
export type KeySource =
  | { readonly kind: 'pem'; readonly text: string }
  | { readonly kind: 'secret'; readonly name: string; readonly namespace?: string }
  /** Of a key management service: awskms://, gcpkms://, azurekms:// or hashivault://. */
  | { readonly kind: 'kms'; readonly uri: string }
  | { readonly kind: 'none' };

const kmsPrefixes = ['awskms://', 'azurekms://', 'hashivault://', 'gcpkms://'];
const hashAlgorithms = ['sha224', 'sha256', 'sha384', 'sha512'] as const;

export function parseAuthority(fields: Fields, index: number, errors: FieldErrors): ParsedAuthority {
  const notReady: string[] = [];
  const options = readOptions(fields, index, errors, notReady);
  const kinds = (['key', 'keyless', 'static'] as const).filter((kind) => fields.has(kind));
  errors.exactlyOne(
    kinds.map((kind) => fields.at(kind)),
    ['key', 'keyless', 'static'].map((kind) => fields.at(kind)),
  );
  fields.ignore('key', 'keyless', 'static');
  const [kind] = kinds;
  if (kind === 'key') {
    const key = readKey(new Fields(fields.raw('key'), fields.at('key'), errors), errors, notReady);
    return { kind, ...options, ...key, notReady };
  }
  if (kind === 'keyless') {
    const keyless = readKeyless(new Fields(fields.raw('keyless'), fields.at('keyless'), errors), errors, notReady);
    return { kind, ...options, ...keyless, notReady };
  }
  return { ...readStatic(fields, options.name, errors), notReady };
}

function readOptions(fields: Fields, index: number, errors: FieldErrors, notReady: string[]): ParsedOptions {
  const name = fields.filled('name') ?? `authority-${index}`;
  const [source, ...others] = fields.objects('source', (entry) => readSource(entry, errors));
  if (others.length > 0) errors.invalid('source', fields.at('source'), 'only single source is supported');
  const attestations = fields.objects('attestations', (entry) => readAttestation(entry, errors));
  if (attestations.length > 0) notReady.push(`${name}: attestations are not supported yet`);
  return {
    name,
    ...defined('source', source),
    ...defined('ctlog', readLog(fields)),
    ...defined('timestampTrustRootRef', readTimestampRoot(fields, errors)),
    ...defined('signatureFormat', readFormat(fields, errors)),
    attestations,
  };
}

function readLog(fields: Fields): SignatureOptions['ctlog'] {
  const ctlog = fields.object('ctlog');
  if (ctlog === undefined) return undefined;
  const read = { ...defined('url', ctlog.filled('url')), ...defined('trustRootRef', ctlog.filled('trustRootRef')) };
  ctlog.end();
  return read;
}

function readTimestampRoot(fields: Fields, errors: FieldErrors): string | undefined {
  const timestamp = fields.object('rfc3161timestamp');
  const root = timestamp?.filled('trustRootRef');
  timestamp?.end();
  if (timestamp !== undefined && root === undefined) errors.missing(timestamp.at('trustRootRef'));
  return root;
}

function readFormat(fields: Fields, errors: FieldErrors): 'legacy' | 'bundle' | undefined {
  const format = fields.filled('signatureFormat');
  if (format === undefined || format === 'legacy' || format === 'bundle') return format;
  errors.invalid(format, fields.at('signatureFormat'), 'expected legacy or bundle, or nothing for any format');
  return undefined;
}

/** Checked so that a typing error shows now; what it demands is not implemented yet. */
function readAttestation(entry: Fields, errors: FieldErrors): ParsedAttestation {
  for (const name of ['name', 'predicateType']) {
    if (entry.filled(name) === undefined) errors.missing(entry.at(name));
  }
  entry.ignore('policy');
  return { name: entry.filled('name') ?? '', predicateType: entry.filled('predicateType') ?? '' };
}

function readSource(entry: Fields, errors: FieldErrors): SignatureSource {
  const oci = entry.filled('oci');
  if (oci !== undefined && !isSourceRepository(oci)) {
    errors.invalid(oci, entry.at('oci'), 'expected a registry or a repository, without tag or digest');
  }
  const tagPrefix = entry.filled('tagPrefix');
  if (tagPrefix !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,48}$/.test(tagPrefix)) {
    errors.invalid(tagPrefix, entry.at('tagPrefix'), 'expected the beginning of a tag');
  }
  const pullSecrets = entry.objects('signaturePullSecrets', (secret) => {
    const name = secret.filled('name');
    if (name === undefined) errors.missing(secret.at('name'));
    return name ?? '';
  });
  return { ...defined('oci', oci), ...defined('tagPrefix', tagPrefix), pullSecrets };
}

function isSourceRepository(oci: string): boolean {
  const named = parseImageReference(oci.includes('/') ? oci : `${oci}/a/b`);
  return (
    named.ok &&
    named.value.tag === 'latest' &&
    !oci.endsWith(':latest') &&
    (oci.includes('/') || /[.:]|^localhost$/.test(oci))
  );
}

function readKey(
  key: Fields,
  errors: FieldErrors,
  notReady: string[],
): Pick<ParsedKeyAuthority, 'key'> & { hashAlgorithm?: HashAlgorithm } {
  const source = readKeySource(key, errors, notReady, checkPublicKeys);
  const written = key.filled('hashAlgorithm');
  const hashAlgorithm = hashAlgorithms.find((candidate) => candidate === written?.trim().toLowerCase());
  if (written !== undefined && hashAlgorithm === undefined) {
    errors.invalid(written, key.at('hashAlgorithm'), `expected ${hashAlgorithms.join(', ')}`);
  }
  key.end();
  return { key: source, ...defined('hashAlgorithm', hashAlgorithm) };
}

type CheckMaterial = (text: string, path: string, errors: FieldErrors) => void;

function checkPublicKeys(text: string, path: string, errors: FieldErrors): void {
  const parsed = parsePublicKeys(text);
  if (!parsed.ok) errors.invalid('<key>', path, parsed.problem);
}

function checkCertificates(text: string, path: string, errors: FieldErrors): void {
  if (pemCertificates(text) === undefined) errors.invalid('<certificate>', path, certificatesWanted);
}

function readKeySource(key: Fields, errors: FieldErrors, notReady: string[], check: CheckMaterial): KeySource {
  const data = key.filled('data');
  const kms = key.filled('kms');
  const secret = key.object('secretRef');
  const names = ['data', 'kms', 'secretRef'].map((name) => key.at(name));
  const given = [data, kms, secret].flatMap((value, index) => (value === undefined ? [] : [names[index] ?? '']));
  errors.exactlyOne(given, names);
  if (kms !== undefined) {
    if (!kmsPrefixes.some((prefix) => kms.startsWith(prefix))) {
      const known = kmsPrefixes.join(' ');
      errors.invalid(
        kms,
        key.at('kms'),
        `malformed KMS format, should be prefixed by any of the supported providers: [${known}]`,
      );
    }
    notReady.push(`${key.at('kms')} is not supported yet: put the public key into data`);
  }
  if (data !== undefined) {
    check(data, key.at('data'), errors);
    return { kind: 'pem', text: data };
  }
  return secret === undefined ? { kind: 'none' } : readSecretRef(secret, errors);
}

function readSecretRef(secret: Fields, errors: FieldErrors): KeySource {
  const name = secret.filled('name');
  const namespace = secret.filled('namespace');
  if (name === undefined) errors.missing(secret.at('name'));
  secret.end();
  return { kind: 'secret', name: name ?? '', ...defined('namespace', namespace) };
}

type KeylessParts = Omit<ParsedKeylessAuthority, 'kind' | keyof ParsedOptions>;

function readKeyless(keyless: Fields, errors: FieldErrors, notReady: string[]): KeylessParts {
  const url = keyless.filled('url');
  const caCert = keyless.object('ca-cert');
  if (url !== undefined && caCert !== undefined) errors.exactlyOne([keyless.at('ca-cert'), keyless.at('url')], []);
  const ca = caCert === undefined ? undefined : readKeySource(caCert, errors, notReady, checkCertificates);
  caCert?.ignore('hashAlgorithm');
  caCert?.end();
  const identities = keyless.objects('identities', (entry) => parseIdentity(entry, errors));
  if (identities.length === 0) errors.missing(keyless.at('identities'));
  const trustRootRef = keyless.filled('trustRootRef');
  const insecureIgnoreSct = keyless.flag('insecureIgnoreSCT') ?? false;
  keyless.end();
  return {
    identities,
    insecureIgnoreSct,
    ...defined('trustRootRef', trustRootRef),
    ...defined('caCert', ca),
  };
}

function readStatic(fields: Fields, name: string, errors: FieldErrors): StaticAuthority {
  const body = fields.object('static');
  const action = body?.filled('action');
  const message = body?.filled('message') ?? '';
  body?.end();
  if (body !== undefined) {
    if (action === undefined) errors.missing(fields.at('static.action'));
    else if (action !== 'pass' && action !== 'fail')
      errors.invalid(action, fields.at('static.action'), 'unsupported action');
    for (const other of ['attestations', 'source', 'ctlog', 'rfc3161timestamp']) {
      if (fields.has(other)) errors.forbidden(fields.at(other));
    }
  }
  // Anything but a clear "pass" fails.
  return { kind: 'static', name, action: action === 'pass' ? 'pass' : 'fail', message };
}
