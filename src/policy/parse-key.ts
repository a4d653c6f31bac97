/** Where key and certificate material is: in the policy, in a Secret or in a key management service. */
import { defined } from '../kernel/defined.ts';
import type { FieldErrors } from './field-errors.ts';
import type { Fields } from './fields.ts';
import { kmsProblem } from './kms-uri.ts';
import type { HashAlgorithm } from './model.ts';
import { certificatesWanted, pemCertificates } from './pem-certificates.ts';
import { parsePublicKeys } from './public-keys.ts';

/** `none` only beside an error. */
export type KeySource =
  | { readonly kind: 'pem'; readonly text: string }
  | { readonly kind: 'secret'; readonly name: string; readonly namespace?: string }
  /** Of a key management service: awskms://, gcpkms://, azurekms:// or hashivault://. */
  | { readonly kind: 'kms'; readonly uri: string }
  | { readonly kind: 'none' };

const hashAlgorithms = ['sha224', 'sha256', 'sha384', 'sha512'] as const;

export interface ParsedKey {
  readonly key: KeySource;
  readonly hashAlgorithm?: HashAlgorithm;
}

export function parsePublicKey(key: Fields, errors: FieldErrors): ParsedKey {
  return parseKey(key, errors, (text) => {
    const parsed = parsePublicKeys(text);
    return parsed.ok ? undefined : parsed.problem;
  });
}

/** `keyless.ca-cert`, which has the fields of a key. */
export function parseCertificateSource(key: Fields, errors: FieldErrors): KeySource {
  return parseKey(key, errors, (text) => (pemCertificates(text) === undefined ? certificatesWanted : undefined)).key;
}

type ProblemOf = (text: string) => string | undefined;

function parseKey(key: Fields, errors: FieldErrors, problemOf: ProblemOf): ParsedKey {
  const source = readSource(key, errors, problemOf);
  const written = key.filled('hashAlgorithm');
  const hashAlgorithm = hashAlgorithms.find((candidate) => candidate === written?.trim().toLowerCase());
  if (written !== undefined && hashAlgorithm === undefined) errors.invalid(written, key.at('hashAlgorithm'));
  key.end();
  return { key: source, ...defined('hashAlgorithm', hashAlgorithm) };
}

function readSource(key: Fields, errors: FieldErrors, problemOf: ProblemOf): KeySource {
  const data = key.filled('data');
  const kms = key.filled('kms');
  const secret = key.object('secretRef');
  // policy-controller writes the last one in lower case.
  const names = ['data', 'kms', 'secretref'].map((name) => key.at(name));
  errors.exactlyOne(
    names.filter((_, index) => [data, kms, secret][index] !== undefined),
    names,
  );
  const source: KeySource[] = [];
  if (data !== undefined) source.push(readPem(data, key.at('data'), errors, problemOf));
  if (kms !== undefined) source.push(readKms(kms, key.at('kms'), errors));
  if (secret !== undefined) source.push(readSecretRef(secret, errors));
  return source[0] ?? { kind: 'none' };
}

function readPem(text: string, path: string, errors: FieldErrors, problemOf: ProblemOf): KeySource {
  const problem = problemOf(text);
  // A private key that was put here by mistake is not repeated.
  const shown = /PRIVATE KEY/.test(text) ? '<private key>' : text;
  if (problem !== undefined) errors.invalid(shown, path, problem);
  return { kind: 'pem', text };
}

function readKms(uri: string, path: string, errors: FieldErrors): KeySource {
  const problem = kmsProblem(uri);
  if (problem !== undefined) errors.invalid(uri, path, problem);
  return { kind: 'kms', uri };
}

function readSecretRef(secret: Fields, errors: FieldErrors): KeySource {
  const name = secret.filled('name');
  const namespace = secret.filled('namespace');
  if (name === undefined) errors.missing(secret.at('name'));
  secret.end();
  return { kind: 'secret', name: name ?? '', ...defined('namespace', namespace) };
}
