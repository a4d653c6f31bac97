/**
 * `sigstoreKeys` of a TrustRoot: keys and certificates of one's own, made into a trusted root. Complaints name the paths
 * that policy-controller names, which are not always those of the fields.
 */
import { X509Certificate } from 'node:crypto';
import { decodeBase64 } from './base64.ts';
import type { FieldErrors } from './field-errors.ts';
import type { Fields } from './fields.ts';
import { logKeyOf, logKeysWanted } from './log-key.ts';
import { always, trustedRootMediaType } from './parse-trust-root-json.ts';
import { pemCertificates } from './pem-certificates.ts';

export function readSigstoreKeys(keys: Fields, errors: FieldErrors): unknown {
  const authorities = (name: string, title: string, read: typeof readChain): readonly unknown[] =>
    keys.objects(name, (entry, index) => readAuthority(entry, `${keys.at(title)}[${index}]`, read, errors));
  const certificateAuthorities = authorities('certificateAuthorities', 'certificateAuthority', readChain);
  const timestampAuthorities = authorities('timestampAuthorities', 'timestampAuthorities', readTimestampChain);
  const tlogs = keys.objects('tLogs', (entry) => readLog(entry, errors));
  const ctlogs = keys.objects('ctLogs', (entry) => readLog(entry, errors));
  if (certificateAuthorities.length === 0 && timestampAuthorities.length === 0) {
    errors.exactlyOne([], [keys.at('certificateAuthority'), keys.at('timestampAuthorities')]);
  }
  keys.end();
  return { mediaType: trustedRootMediaType, certificateAuthorities, timestampAuthorities, tlogs, ctlogs };
}

function readAuthority(entry: Fields, path: string, read: typeof readChain, errors: FieldErrors): unknown {
  const subject = entry.object('subject');
  const organization = subject?.filled('organization');
  const commonName = subject?.filled('commonName');
  if (organization === undefined) errors.missing(`${path}.subject.organization`);
  if (commonName === undefined) errors.missing(`${path}.subject.commonName`);
  subject?.end();
  const uri = entry.filled('uri');
  if (uri === undefined) errors.missing(`${path}.uri`);
  const written = entry.filled('certChain');
  if (written === undefined) errors.missing(`${path}.certchain`);
  const chain = written === undefined ? [] : read(written, `${path}.certChain`, errors);
  const certificates = chain.map((rawBytes) => ({ rawBytes }));
  return { subject: { organization, commonName }, uri, certChain: { certificates }, validFor: always };
}

/** Base64 DER of each certificate in base64 PEM; of these, order does not matter. */
function readChain(written: string, path: string, errors: FieldErrors): readonly string[] {
  const certificates = pemCertificates(decodeBase64(written)?.toString('utf8') ?? '');
  if (certificates === undefined) errors.invalid('<certChain>', path, 'expected base64 of PEM certificates, root last');
  return certificates ?? [];
}

/** The certificate that signs timestamps first, wherever it stands. */
function readTimestampChain(written: string, path: string, errors: FieldErrors): readonly string[] {
  const certificates = pemCertificates(decodeBase64(written)?.toString('utf8') ?? '');
  if (certificates === undefined) {
    errors.invalid('error splitting the certificates', path, 'error during PEM decoding');
    return [];
  }
  const isCa = (der: string): boolean => new X509Certificate(Buffer.from(der, 'base64')).ca;
  const [leaf, ...others] = certificates.filter((der) => !isCa(der));
  if (others.length > 0) {
    errors.add('invalid value: certificate chain must contain at most one TSA certificate', path);
  } else if (leaf === undefined) {
    errors.invalid(
      '<certChain>',
      path,
      'it holds CA certificates only: put the certificate that signs timestamps first',
    );
  }
  return [...(leaf === undefined ? [] : [leaf]), ...certificates.filter(isCa)];
}

const hashes: ReadonlyMap<string, string> = new Map([
  ['sha256', 'SHA2_256'],
  ['sha384', 'SHA2_384'],
  ['sha512', 'SHA2_512'],
]);

function readLog(entry: Fields, errors: FieldErrors): unknown {
  const baseUrl = entry.filled('baseURL');
  if (baseUrl === undefined) errors.missing(entry.at('baseURL'));
  const written = entry.filled('hashAlgorithm');
  const hashAlgorithm = hashes.get((written ?? '').toLowerCase().replace('-', ''));
  if (written === undefined) errors.missing(entry.at('hashAlgorithm'));
  else if (hashAlgorithm === undefined)
    errors.invalid(written, entry.at('hashAlgorithm'), 'expected sha-256, sha-384 or sha-512');
  const text = entry.filled('publicKey');
  if (text === undefined) errors.missing(entry.at('publicKey'));
  const key = text === undefined ? undefined : logKeyOf(decodeBase64(text)?.toString('utf8') ?? '');
  if (text !== undefined && key === undefined) errors.invalid('<publicKey>', entry.at('publicKey'), logKeysWanted);
  return { baseUrl, hashAlgorithm, ...key };
}
