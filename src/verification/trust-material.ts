/**
 * TrustRoots as the library wants them, compiled once per root: certificate chains are parsed and remember what they
 * have verified, keys are KeyObjects. What cannot be trusted as configured is left out or refused here.
 */
import { createPublicKey, X509Certificate as NodeCertificate } from 'node:crypto';
import { TrustedRoot, type TransparencyLogInstance } from '@sigstore/protobuf-specs';
import { toTrustMaterial, type TrustMaterial } from '@sigstore/verify';
import type { TrustRoot } from '../policy/model.ts';
import { MemoizingCertificate } from './memoizing-certificate.ts';
import { Rejection } from './rejection.ts';
import { checkExtensions } from './signer-certificate.ts';

type CertAuthority = TrustMaterial['certificateAuthorities'][number];

const compiled = new WeakMap<TrustRoot, TrustMaterial>();

export function trustMaterialOf(root: TrustRoot): TrustMaterial {
  const known = compiled.get(root);
  if (known !== undefined) return known;
  const material = compile(root);
  compiled.set(root, material);
  return material;
}

/** Compiles a root before it is asked for, so that the first image does not wait. What is wrong with it is told when it is asked for. */
export function prepareTrustRoot(root: TrustRoot): void {
  try {
    trustMaterialOf(root);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
  }
}

function compile(root: TrustRoot): TrustMaterial {
  const [problem] = root.notReady;
  if (problem !== undefined) throw new Rejection('TRUST_ROOT_UNAVAILABLE', `trust root ${root.name}: ${problem}`);
  try {
    const read = TrustedRoot.fromJSON(JSON.parse(root.trustedRootJson));
    const logs = { tlogs: read.tlogs.map(withLibraryKey), ctlogs: read.ctlogs.map(withLibraryKey) };
    const material = toTrustMaterial({ ...read, ...logs }, noKeys);
    return {
      ...material,
      certificateAuthorities: material.certificateAuthorities.map(withMemory),
      // RFC 3161 §2.3: the signer's certificate is for time stamping and nothing else
      timestampAuthorities: material.timestampAuthorities.filter(isForTimestamps).map(withMemory),
    };
  } catch (error) {
    const why = error instanceof Rejection ? `: ${error.message}` : '';
    throw new Rejection('TRUST_ROOT_UNAVAILABLE', `trust root ${root.name} cannot be used${why}`);
  }
}

/** The library takes every RSA key for PKCS #1. protobuf-specs sigstore_common.proto: those named PKIX are SPKI. */
function withLibraryKey(log: TransparencyLogInstance): TransparencyLogInstance {
  const { publicKey } = log;
  const pkcs1 = publicKey?.rawBytes === undefined ? undefined : pkcs1Of(publicKey.rawBytes);
  return publicKey === undefined || pkcs1 === undefined
    ? log
    : { ...log, publicKey: { ...publicKey, rawBytes: pkcs1 } };
}

/** Undefined for what is no RSA key in SPKI: another key, or PKCS #1 already. */
function pkcs1Of(spki: Buffer): Buffer | undefined {
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'rsa' ? key.export({ type: 'pkcs1', format: 'der' }) : undefined;
  } catch {
    return undefined;
  }
}

export function noKeys(): never {
  throw new Rejection('KEY_MISMATCH', 'signed with a key, but the policy asks for a certificate');
}

function withMemory(authority: CertAuthority): CertAuthority {
  const certChain = authority.certChain.map((certificate) => MemoizingCertificate.fromDer(certificate.root.toDER()));
  for (const certificate of certChain) checkExtensions(certificate);
  return { ...authority, certChain };
}

const timeStamping = '1.3.6.1.5.5.7.3.8';

function isForTimestamps({ certChain: [signer] }: CertAuthority): boolean {
  if (signer === undefined) return false;
  const { keyUsage } = new NodeCertificate(signer.root.toDER());
  return keyUsage?.length === 1 && keyUsage.includes(timeStamping);
}
