import { generate } from 'selfsigned';

export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export interface Identity {
  readonly commonName: string;
  readonly organization?: string;
  /** Addresses and DNS names that it serves under. */
  readonly addresses?: readonly string[];
  readonly names?: readonly string[];
}

const validity = (): { notBeforeDate: Date; notAfterDate: Date } => ({
  notBeforeDate: new Date(Date.now() - 3_600_000),
  notAfterDate: new Date(Date.now() + 30 * 86_400_000),
});

export async function makeAuthority(): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: 'countersign-test-ca' }], {
    ...validity(),
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** A certificate for serving and for logging in: Kubernetes reads user and group from commonName and organization. */
export async function issue(authority: KeyPair, identity: Identity): Promise<KeyPair> {
  const subject = [{ name: 'commonName', value: identity.commonName }];
  if (identity.organization !== undefined) subject.push({ name: 'organizationName', value: identity.organization });
  const made = await generate(subject, {
    ...validity(),
    keyType: 'ec',
    algorithm: 'sha256',
    ca: authority,
    extensions: [
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: alternativeNames(identity) },
    ],
  });
  return { key: made.private, cert: made.cert };
}

function alternativeNames(identity: Identity): ({ type: 2; value: string } | { type: 7; ip: string })[] {
  const addresses = (identity.addresses ?? []).map((ip) => ({ type: 7 as const, ip }));
  const names = (identity.names ?? ['unused.invalid']).map((value) => ({ type: 2 as const, value }));
  return [...addresses, ...names];
}
