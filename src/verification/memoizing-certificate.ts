import { type ASN1Obj, X509Certificate } from '@sigstore/core';

/**
 * RFC 5280 §4.1.1.2: what stands outside of what was signed must repeat what stands inside. Otherwise one certificate could
 * be written in many ways, and one signature would be known to policies by many ids.
 */
function namesOneAlgorithm({ subs: [signed, outer] }: ASN1Obj): boolean {
  const [first, second, third] = signed?.subs ?? [];
  const inner = first?.tag.isContextSpecific(0) === true ? third : second;
  return inner !== undefined && outer !== undefined && inner.toDER().equals(outer.toDER());
}

/**
 * The library's certificate, asked many times but answering from memory. Its own getters walk and re-encode ASN.1 on
 * every call, which makes up most of the time of a keyless verification. Nothing is decided here: each value is the
 * library's own, worked out once. Objects that live as long as a trust root also remember whom they have signed.
 */
export class MemoizingCertificate extends X509Certificate {
  readonly der: Buffer;
  private readonly values = new Map<string, unknown>();
  private readonly signedBy = new WeakMap<X509Certificate, boolean>();
  private readonly withSct: boolean;

  private constructor(root: ASN1Obj, der: Buffer, withSct: boolean) {
    super(root);
    this.der = der;
    this.withSct = withSct;
  }

  static fromDer(bytes: Uint8Array): MemoizingCertificate {
    const der = Buffer.from(bytes);
    const { root } = X509Certificate.parse(der);
    // Bytes that mean the same certificate in another encoding are not the bytes that were signed.
    if (!root.toDER().equals(der)) throw new Error('the certificate is not DER');
    if (!namesOneAlgorithm(root)) throw new Error('the certificate names two signature algorithms');
    return new MemoizingCertificate(root, der, true);
  }

  /** For verification that must not look at signed certificate timestamps: the library then finds none to check. */
  withoutSct(): MemoizingCertificate {
    return this.once('withoutSct', () => new MemoizingCertificate(this.root, this.der, false));
  }

  private once<T>(name: string, make: () => T): T {
    if (!this.values.has(name)) this.values.set(name, make());
    // Every name is stored with the type of its own getter.
    return this.values.get(name) as T;
  }

  override get publicKey(): Buffer {
    return this.once('publicKey', () => super.publicKey);
  }
  override get subject(): Buffer {
    return this.once('subject', () => super.subject);
  }
  override get issuer(): Buffer {
    return this.once('issuer', () => super.issuer);
  }
  override get notBefore(): Date {
    return this.once('notBefore', () => super.notBefore);
  }
  override get notAfter(): Date {
    return this.once('notAfter', () => super.notAfter);
  }
  override get isCA(): boolean {
    return this.once('isCA', () => super.isCA);
  }
  override get extBasicConstraints(): X509Certificate['extBasicConstraints'] {
    return this.once('extBasicConstraints', () => super.extBasicConstraints);
  }
  override get extAuthorityKeyID(): X509Certificate['extAuthorityKeyID'] {
    return this.once('extAuthorityKeyID', () => super.extAuthorityKeyID);
  }
  override get extSubjectKeyID(): X509Certificate['extSubjectKeyID'] {
    return this.once('extSubjectKeyID', () => super.extSubjectKeyID);
  }

  override verify(issuer?: X509Certificate): boolean {
    const signer = issuer ?? this;
    const known = this.signedBy.get(signer);
    if (known !== undefined) return known;
    const verified = super.verify(issuer);
    this.signedBy.set(signer, verified);
    return verified;
  }

  override equals(other: X509Certificate): boolean {
    return other instanceof MemoizingCertificate ? this.der.equals(other.der) : super.equals(other);
  }

  /** The library clones only to take the SCT extension out. */
  override clone(): X509Certificate {
    const copy = X509Certificate.parse(Buffer.from(this.der));
    if (!this.withSct) copy.extensions.splice(0);
    return copy;
  }
}
