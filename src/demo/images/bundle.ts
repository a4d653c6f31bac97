/**
 * Signatures as cosign writes them since version 3: Sigstore bundles with an in-toto statement, each in a manifest whose
 * subject is the image. sigstore/cosign specs/BUNDLE_SPEC.md
 */
import { hexOf, type Digest } from '../../kernel/digest.ts';
import type { BundleSignature } from '../../policy/facts.ts';
import { signStatement, type KeylessSigner } from './keyless.ts';
import type { Pushes, Signable } from './legacy.ts';
import type { SigningKey } from './signing-key.ts';

const signPredicate = 'https://sigstore.dev/cosign/sign/v1';
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const payloadType = 'application/vnd.in-toto+json';

export interface Statement {
  readonly predicateType: string;
  readonly json: Buffer;
}

export function imageStatement(digest: Digest, predicateType = signPredicate, annotations: object = {}): Statement {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: hexOf(digest) }, annotations }],
    predicateType,
    predicate: {},
  };
  return { predicateType, json: Buffer.from(JSON.stringify(statement)) };
}

export type SignedStatement = BundleSignature & Pick<Statement, 'predicateType'>;

export function signBundle({ json, predicateType }: Statement, key: SigningKey): SignedStatement {
  const sig = key.sign(preAuthenticationEncoding(json)).toString('base64');
  const bundle = {
    mediaType: bundleType,
    verificationMaterial: { publicKey: { hint: key.hint } },
    dsseEnvelope: { payload: json.toString('base64'), payloadType, signatures: [{ sig }] },
  };
  return { format: 'bundle', predicateType, bundle: Buffer.from(JSON.stringify(bundle)) };
}

export async function signBundleKeyless(
  { json, predicateType }: Statement,
  signer: KeylessSigner,
): Promise<SignedStatement> {
  const bundle = await signStatement(signer, json);
  return { format: 'bundle', predicateType, bundle: Buffer.from(JSON.stringify(bundle)) };
}

/** secure-systems-lab/dsse protocol.md */
function preAuthenticationEncoding(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
}

/** Listed by the referrers API, and by the fallback tag where a registry has no such API. OCI dist-spec 1.1 */
export function attachBundles(
  registry: Pushes,
  image: Signable & { readonly size: number },
  signed: readonly SignedStatement[],
): void {
  const { repository, digest, size } = image;
  const emptyConfig = Buffer.from('{}');
  const manifests = signed.map(({ bundle, predicateType }) => {
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: {
          mediaType: 'application/vnd.oci.empty.v1+json',
          size: emptyConfig.length,
          digest: registry.putBlob(repository, emptyConfig),
          artifactType: bundleType,
        },
        layers: [{ mediaType: bundleType, size: bundle.length, digest: registry.putBlob(repository, bundle) }],
        annotations: annotationsOf(predicateType),
        subject: { mediaType: manifestType, size, digest },
        artifactType: bundleType,
      }),
    );
    return {
      mediaType: manifestType,
      size: manifest.length,
      digest: registry.putManifest(repository, manifest),
      annotations: annotationsOf(predicateType),
      artifactType: bundleType,
    };
  });
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  registry.putManifest(repository, index, `sha256-${hexOf(digest)}`);
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

function annotationsOf(predicateType: string): Record<string, string> {
  return {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': predicateType,
  };
}
