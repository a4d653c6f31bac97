/** X.509 certificates with whatever a test wants in them; RFC 5280. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import {
  bits,
  generalizedTime,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  set,
  tagged,
  text,
  tlv,
  truth,
} from './der.ts';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export function ecKey(namedCurve = 'P-256'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve });
}

export const spki = (key: KeyPair): Buffer => key.publicKey.export({ type: 'spki', format: 'der' });
export const pemOfKey = (key: KeyPair): string => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
export const keyId = (key: KeyPair): Buffer => createHash('sha1').update(spki(key)).digest();
export const name = (commonName: string): Buffer => sequence(set(sequence(oid('2.5.4.3'), text(commonName))));

export interface Extension {
  readonly oid: string;
  readonly critical?: boolean;
  /** DER inside the OCTET STRING, or raw bytes. */
  readonly value: Buffer;
}

export const basicConstraints = (ca: boolean, pathLength?: number): Extension => ({
  oid: '2.5.29.19',
  critical: true,
  value: sequence(...(ca ? [truth()] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])),
});
/** 0x80 digitalSignature, 0x06 keyCertSign and cRLSign */
export const keyUsage = (flags: number): Extension => ({
  oid: '2.5.29.15',
  critical: true,
  value: bits(Buffer.from([flags]), flags === 0x06 ? 1 : 7),
});
export const extendedKeyUsage = (...usages: readonly string[]): Extension => ({
  oid: '2.5.29.37',
  value: sequence(...usages.map(oid)),
});
export const subjectKeyId = (id: Buffer): Extension => ({ oid: '2.5.29.14', value: octets(id) });
export const authorityKeyId = (id: Buffer): Extension => ({ oid: '2.5.29.35', value: sequence(implicit(0, id)) });
export const alternativeNames = (...names: readonly Buffer[]): Extension => ({
  oid: '2.5.29.17',
  critical: true,
  value: sequence(...names),
});
export const uri = (value: string): Buffer => implicit(6, Buffer.from(value));
export const email = (value: string): Buffer => implicit(1, Buffer.from(value));
export const dnsName = (value: string): Buffer => implicit(2, Buffer.from(value));
export const address = (...bytes: readonly number[]): Buffer => implicit(7, Buffer.from(bytes));
export const otherName = (type: string, value: string): Buffer => tagged(0, oid(type), tagged(0, text(value)));
/** Fulcio's first extensions hold bare text, its later ones a UTF8String. */
export const fulcioV1 = (number: number, value: string): Extension => ({
  oid: `1.3.6.1.4.1.57264.1.${number}`,
  value: Buffer.from(value),
});
export const fulcioV2 = (number: number, value: string): Extension => ({
  oid: `1.3.6.1.4.1.57264.1.${number}`,
  value: text(value),
});

export const codeSigning = '1.3.6.1.5.5.7.3.3';
export const timeStamping = '1.3.6.1.5.5.7.3.8';

export interface CertificateRequest {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly key: KeyPair;
  readonly signer: KeyPair;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serial?: number;
  readonly extensions: readonly Extension[];
}

const hashOf = (key: KeyPair): 'sha256' | 'sha384' =>
  key.publicKey.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256';

function signatureAlgorithm(key: KeyPair): Buffer {
  if (key.publicKey.asymmetricKeyType === 'rsa') return sequence(oid('1.2.840.113549.1.1.11'), tlv(0x05));
  return sequence(oid(hashOf(key) === 'sha384' ? '1.2.840.10045.4.3.3' : '1.2.840.10045.4.3.2'));
}

export function issue(request: CertificateRequest): Buffer {
  const algorithm = signatureAlgorithm(request.signer);
  const extensions = request.extensions.map((extension) =>
    sequence(oid(extension.oid), ...(extension.critical === true ? [truth()] : []), octets(extension.value)),
  );
  const tbs = sequence(
    tagged(0, integer(2)),
    integer(request.serial ?? 4711),
    algorithm,
    request.issuer,
    sequence(generalizedTime(request.notBefore), generalizedTime(request.notAfter)),
    request.subject,
    spki(request.key),
    tagged(3, sequence(...extensions)),
  );
  return sequence(tbs, algorithm, bits(sign(hashOf(request.signer), tbs, request.signer.privateKey)));
}

/** A certificate with one SCT of `log` in it; RFC 6962 §3.2 and §3.3. */
export function issueWithSct(request: CertificateRequest, log: KeyPair, at: Date): Buffer {
  const { tbsCertificate } = X509Certificate.parse(Buffer.from(issue(request)));
  const tbs = tbsCertificate.toDER();
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(at.getTime()));
  const size = Buffer.alloc(3);
  size.writeUIntBE(tbs.length, 0, 3);
  const issuerKey = createHash('sha256').update(spki(request.signer)).digest();
  const signed = Buffer.concat([Buffer.from([0, 0]), time, Buffer.from([0, 1]), issuerKey, size, tbs, Buffer.alloc(2)]);
  const signature = sign('sha256', signed, log.privateKey);
  const sct = Buffer.concat([
    Buffer.from([0]),
    createHash('sha256').update(spki(log)).digest(),
    time,
    Buffer.from([0, 0, 4, 3]),
    uint16(signature.length),
    signature,
  ]);
  const list = Buffer.concat([uint16(sct.length + 2), uint16(sct.length), sct]);
  const extension = { oid: '1.3.6.1.4.1.11129.2.4.2', value: octets(list) };
  return issue({ ...request, extensions: [...request.extensions, extension] });
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
