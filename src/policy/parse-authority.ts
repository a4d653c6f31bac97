/** One entry of `spec.authorities`: what a signature is held against, or a fixed answer. */
import { defined } from '../kernel/defined.ts';
import type { FieldErrors } from './field-errors.ts';
import { Fields } from './fields.ts';
import type { HashAlgorithm, Identity, SignatureOptions, SignatureSource, StaticAuthority } from './model.ts';
import { parseAttestation, type ParsedAttestation } from './parse-code.ts';
import { parseIdentity } from './parse-identity.ts';
import { parseCertificateSource, parsePublicKey, type KeySource } from './parse-key.ts';
import { locationProblem } from './source-location.ts';

export type { CodeSource, ParsedAttestation, ParsedCode } from './parse-code.ts';
export type { KeySource } from './parse-key.ts';

export type ParsedAuthority = StaticAuthority | ParsedKeyAuthority | ParsedKeylessAuthority;

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

const kinds = ['key', 'keyless', 'static'] as const;
const options = ['source', 'ctlog', 'rfc3161timestamp', 'signatureFormat', 'attestations'] as const;

/** Stands in for an authority that could not be read; the error beside it keeps it out of use. */
const nobody = { kind: 'static', action: 'fail', message: '' } as const;

export function parseAuthority(fields: Fields, index: number, errors: FieldErrors): ParsedAuthority {
  const name = fields.filled('name') ?? `authority-${index}`;
  const given = kinds.filter((kind) => fields.has(kind));
  const [kind, ...others] = given;
  errors.exactlyOne(
    given,
    kinds.map((candidate) => fields.at(candidate)),
  );
  if (kind === undefined || others.length > 0) {
    // As in policy-controller, what else is wrong is not told before it is known what the authority is.
    fields.ignore(...kinds, ...options);
    return { name, ...nobody };
  }
  const common = readOptions(fields, name, errors);
  const body = fields.object(kind) ?? new Fields({}, fields.at(kind), errors);
  switch (kind) {
    case 'key':
      return { kind, ...common, ...parsePublicKey(body, errors) };
    case 'keyless':
      return { kind, ...common, ...readKeyless(body, errors) };
    case 'static':
      return readStatic(fields, body, name, errors);
  }
}

function readOptions(fields: Fields, name: string, errors: FieldErrors): ParsedOptions {
  return {
    name,
    ...defined('source', readSources(fields, errors)),
    ...defined('ctlog', readLog(fields)),
    ...defined('timestampTrustRootRef', readTimestampRoot(fields, errors)),
    ...defined('signatureFormat', readFormat(fields, errors)),
    // Without index: so are they told of in policy-controller.
    attestations: fields.entries('attestations', (entry) => parseAttestation(entry, errors)),
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

function readSources(fields: Fields, errors: FieldErrors): SignatureSource | undefined {
  const written = fields.raw('source');
  if (Array.isArray(written) && written.length > 1) {
    errors.invalid('source', fields.at('source'), 'only single source is supported');
    return undefined;
  }
  return fields.objects('source', (entry) => readSource(entry, errors))[0];
}

function readSource(entry: Fields, errors: FieldErrors): SignatureSource {
  const oci = entry.filled('oci');
  const problem = oci === undefined ? undefined : locationProblem(oci);
  if (problem !== undefined) errors.invalid(oci, entry.at('oci'), problem);
  const tagPrefix = entry.filled('tagPrefix');
  if (tagPrefix !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,48}$/.test(tagPrefix))
    errors.invalid(tagPrefix, entry.at('tagPrefix'), 'expected the beginning of a tag');
  const pullSecrets = entry.objects('signaturePullSecrets', (secret) => {
    const name = secret.filled('name');
    if (name === undefined) errors.missing(secret.at('name'));
    return name ?? '';
  });
  return { ...defined('oci', oci), ...defined('tagPrefix', tagPrefix), pullSecrets };
}

type KeylessParts = Omit<ParsedKeylessAuthority, 'kind' | keyof ParsedOptions>;

function readKeyless(keyless: Fields, errors: FieldErrors): KeylessParts {
  // Neither of the two means https://fulcio.sigstore.dev; the address is never asked, so that nothing is kept of it.
  const url = keyless.text('url');
  const caCert = keyless.object('ca-cert');
  if (url !== undefined && caCert !== undefined) errors.both([keyless.at('url'), keyless.at('ca-cert')]);
  const ca = caCert === undefined ? undefined : parseCertificateSource(caCert, errors);
  const identities = keyless.objects('identities', (entry) => parseIdentity(entry, errors));
  if (identities.length === 0) errors.missing(keyless.at('identities'));
  const trustRootRef = keyless.filled('trustRootRef');
  const insecureIgnoreSct = keyless.flag('insecureIgnoreSCT') ?? false;
  keyless.end();
  return { identities, insecureIgnoreSct, ...defined('trustRootRef', trustRootRef), ...defined('caCert', ca) };
}

function readStatic(fields: Fields, body: Fields, name: string, errors: FieldErrors): StaticAuthority {
  const action = body.filled('action');
  const message = body.filled('message') ?? '';
  body.end();
  if (action === undefined) errors.missing(body.at('action'));
  else if (action !== 'pass' && action !== 'fail') errors.invalid(action, body.at('action'), 'unsupported action');
  for (const other of ['attestations', 'source', 'ctlog', 'rfc3161timestamp'].filter((one) => isSet(fields.raw(one))))
    errors.both([fields.at('static'), fields.at(other)]);
  // Anything but a clear "pass" fails.
  return { kind: 'static', name, action: action === 'pass' ? 'pass' : 'fail', message };
}

function isSet(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}
