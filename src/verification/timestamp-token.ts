import { type ASN1Obj, RFC3161Timestamp } from '@sigstore/core';

/**
 * The library's RFC 3161 timestamp with two mends: fractions of a second of any length (it knows three digits only),
 * and RSA signatures over other hashes than SHA-256.
 */
export class TimestampToken extends RFC3161Timestamp {
  static fromDer(bytes: Uint8Array): TimestampToken {
    return new TimestampToken(RFC3161Timestamp.parse(Buffer.from(bytes)).root);
  }

  // RFC 3161 §2.4.2: GeneralizedTime, "Z", fraction without trailing zeros
  override get signingTime(): Date {
    const info: ASN1Obj = this.tstInfo.root;
    const text = info.subs[4]?.value.toString('latin1') ?? '';
    const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
    if (match === null) throw new Error('genTime is not a GeneralizedTime in UTC');
    const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
    const milliseconds = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
    return new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second, milliseconds));
  }

  override get signatureAlgorithm(): string {
    // The library knows names of ECDSA algorithms only; for RSA (PKCS #1 v1.5) the signer's digest names the hash.
    return super.signatureAlgorithm ?? this.signerDigestAlgorithm;
  }
}
