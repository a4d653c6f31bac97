/**
 * Signatures as cosign wrote them before version 3: a payload per layer of a manifest that is found by its tag, and all
 * else in annotations. Byte for byte what cosign pushes. sigstore/cosign specs/SIGNATURE_SPEC.md
 */
import { digestOf, hexOf, type Digest } from '../../kernel/digest.ts';
import type { LegacySignature } from '../../policy/facts.ts';
import type { DemoRegistry } from '../registry/serve.ts';
import { signBytes, type KeylessSigner, type SerializedBundle } from './keyless.ts';
import type { SigningKey } from './signing-key.ts';

export type Pushes = Pick<DemoRegistry, 'host' | 'putBlob' | 'putManifest'>;

/** An image where it is, by digest. */
export interface Signable {
  readonly repository: string;
  readonly digest: Digest;
}

export function simpleSigningPayload(
  host: string,
  image: Signable,
  optional: Record<string, unknown> | null = null,
): Buffer {
  const critical = {
    identity: { 'docker-reference': `${host}/${image.repository}` },
    image: { 'docker-manifest-digest': image.digest },
    type: 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional }));
}

export function signLegacy(payload: Buffer, key: SigningKey): LegacySignature {
  const signature = key.sign(payload).toString('base64');
  return { format: 'legacy', payload, annotations: { 'dev.cosignproject.cosign/signature': signature } };
}

export async function signLegacyKeyless(payload: Buffer, signer: KeylessSigner): Promise<LegacySignature> {
  const bundle = await signBytes(signer, payload);
  return { format: 'legacy', payload, annotations: annotationsOf(bundle) };
}

function annotationsOf({ messageSignature, verificationMaterial }: SerializedBundle): Record<string, string> {
  const { certificate, x509CertificateChain, tlogEntries, timestampVerificationData } = verificationMaterial;
  // The package puts the certificate of a signature over bytes into a chain, that of an attestation beside it.
  const signedBy = certificate ?? x509CertificateChain?.certificates[0];
  // Serialised without a log entry there is no list, whatever its type says.
  const [entry] = tlogEntries ?? [];
  const [timestamp] = timestampVerificationData?.rfc3161Timestamps ?? [];
  return {
    'dev.cosignproject.cosign/signature': messageSignature?.signature ?? '',
    ...(entry === undefined ? {} : { 'dev.sigstore.cosign/bundle': JSON.stringify(rekorBundle(entry)) }),
    'dev.sigstore.cosign/certificate': pem(signedBy?.rawBytes ?? ''),
    // cosign leaves it empty when the certificate authority signs with its root.
    'dev.sigstore.cosign/chain': '',
    ...(timestamp === undefined
      ? {}
      : {
          'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({ SignedRFC3161Timestamp: timestamp.signedTimestamp }),
        }),
  };
}

function rekorBundle(entry: SerializedBundle['verificationMaterial']['tlogEntries'][number]): object {
  return {
    SignedEntryTimestamp: entry.inclusionPromise?.signedEntryTimestamp,
    Payload: {
      body: entry.canonicalizedBody,
      integratedTime: Number(entry.integratedTime),
      logIndex: Number(entry.logIndex),
      logID: Buffer.from(entry.logId?.keyId ?? '', 'base64').toString('hex'),
    },
  };
}

function pem(der: string): string {
  const lines = der.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** All signatures of an image are layers of one manifest. */
export function attachLegacy(registry: Pushes, image: Signable, signatures: readonly LegacySignature[]): void {
  const { repository, digest } = image;
  const layers = signatures.map(({ payload, annotations }) => ({
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    size: payload.length,
    digest: registry.putBlob(repository, payload),
    annotations,
  }));
  const config = Buffer.from(
    JSON.stringify({
      architecture: '',
      created: '0001-01-01T00:00:00Z',
      history: signatures.map(() => ({ created: '0001-01-01T00:00:00Z' })),
      os: '',
      rootfs: { type: 'layers', diff_ids: signatures.map(({ payload }) => digestOf(payload)) },
      config: {},
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      size: config.length,
      digest: registry.putBlob(repository, config),
    },
    layers,
  };
  registry.putManifest(repository, manifest, `sha256-${hexOf(digest)}.sig`);
}
