/**
 * The Secret in which replicas share their certificates: tls.crt and tls.key are presented, ca.crt holds every authority
 * that clients should trust, oldest first, ca.key is the key of the last of them. Whatever does not fit together is damage.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { V1Secret } from '@kubernetes/client-node';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type {
  CertificateFacts,
  SharedAuthority,
  SharedCertificates,
  SharedServing,
  StoredCertificates,
} from '../../ports/certificate-store.ts';
import { parseKeyPair, type KeyPair } from './authority.ts';

/** Whatever carries it was made by Countersign or shipped with it. */
export const ownLabels = { 'app.kubernetes.io/name': 'countersign', 'app.kubernetes.io/part-of': 'countersign' };
const partOf = 'app.kubernetes.io/part-of';

export interface SecretContent {
  /** PEM, oldest first. */
  readonly authorities: readonly string[];
  readonly authorityKey: string;
  readonly serving: KeyPair;
}

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;
/** More than two happen only when rotations are forced. */
const maxAuthorities = 8;

export function storedCertificates(secret: V1Secret, names: readonly string[]): StoredCertificates {
  const { resourceVersion: version = '', labels } = secret.metadata ?? {};
  if (labels?.[partOf] !== 'countersign') return { kind: 'foreign', why: `it has no label ${partOf}: countersign` };
  const parsed = parse(secret.data ?? {}, names);
  return parsed.ok ? { kind: 'shared', version, ...parsed.value } : { kind: 'damaged', version, why: parsed.failure };
}

export function secretData({ authorities, authorityKey, serving }: SecretContent): Record<string, string> {
  const parts = {
    'tls.crt': serving.cert,
    'tls.key': serving.key,
    'ca.crt': authorities.map((cert) => `${cert.trim()}\n`).join(''),
    'ca.key': authorityKey,
  };
  return Object.fromEntries(Object.entries(parts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
}

type Parsed = Omit<SharedCertificates, 'kind' | 'version'>;

function parse(data: Readonly<Record<string, string>>, names: readonly string[]): Result<Parsed, string> {
  const text = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString('utf8');
  const missing = ['tls.crt', 'tls.key', 'ca.crt', 'ca.key'].filter((name) => text(name) === '');
  if (missing.length > 0) return fail(`it has no ${missing.join(', ')}`);

  const authorities = parseAuthorities(text('ca.crt'));
  if (!authorities.ok) return fail(`ca.crt: ${authorities.failure}`);
  const newest = parseKeyPair(authorities.value.at(-1)?.toString() ?? '', text('ca.key'));
  if (!newest.ok) return fail(`ca.crt and ca.key: ${newest.failure}`);
  const serving = parseServing(text('tls.crt'), text('tls.key'), authorities.value, names);
  if (!serving.ok) return serving;
  return ok({
    authorities: authorities.value.map((x509): SharedAuthority => ({ ...factsOf(x509), cert: x509.toString() })),
    authorityKey: newest.value.key,
    serving: serving.value,
  });
}

function parseAuthorities(text: string): Result<readonly X509Certificate[], string> {
  const blocks = text.match(certificate) ?? [];
  if (blocks.length === 0) return fail('there is no certificate in it');
  if (blocks.length > maxAuthorities) return fail(`there are more than ${maxAuthorities} certificates in it`);
  try {
    const authorities = blocks.map((block) => new X509Certificate(block));
    if (authorities.some(({ ca }) => !ca)) return fail('a certificate in it is no certificate authority');
    return ok(authorities);
  } catch {
    return fail('a certificate in it is not valid PEM');
  }
}

function parseServing(
  cert: string,
  key: string,
  authorities: readonly X509Certificate[],
  names: readonly string[],
): Result<SharedServing, string> {
  const pair = parseKeyPair(cert, key);
  if (!pair.ok) return fail(`tls.crt and tls.key: ${pair.failure}`);
  const { x509 } = pair.value;
  const issuer = authorities.find((authority) => isIssuedBy(x509, authority));
  if (issuer === undefined) return fail('tls.crt was not issued by a certificate authority in ca.crt');
  const named = (x509.subjectAltName ?? '').split(', ');
  const has = (name: string): boolean =>
    named.includes(`DNS:${name}`) || (isIP(name) === 0 ? x509.checkHost(name) : x509.checkIP(name)) !== undefined;
  const missingNames = names.filter((name) => !has(name));
  return ok({ ...factsOf(x509), cert, key, issuer: issuer.fingerprint256, missingNames });
}

function factsOf({ fingerprint256, validFromDate, validToDate }: X509Certificate): CertificateFacts {
  return { id: fingerprint256, notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() };
}

function isIssuedBy(x509: X509Certificate, authority: X509Certificate): boolean {
  try {
    return x509.checkIssued(authority) && x509.verify(authority.publicKey);
  } catch {
    // A key of a kind that OpenSSL does not know.
    return false;
  }
}
