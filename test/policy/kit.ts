/** Policies, trust roots and images for the tests of this folder. */
import { generateKeyPairSync } from 'node:crypto';
import { parseImageReference, type ImageReference } from '../../src/kernel/image-reference.ts';
import { compilePolicy, noMaterials, type SecretLookup } from '../../src/policy/compile.ts';
import { buildSnapshot } from '../../src/policy/snapshot.ts';
import {
  publicTrustRoot,
  type ClusterImagePolicy,
  type NoMatchPolicy,
  type PolicySnapshot,
  type TrustRoot,
} from '../../src/policy/model.ts';
import { parseClusterImagePolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import type { PinnedImage } from '../../src/policy/question.ts';
import type { ObjectFacts } from '../../src/policy/subject.ts';

export function newPublicKey(namedCurve = 'P-256'): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve });
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

export const publicKey = newPublicKey();
export const byKey = { key: { data: publicKey } };
export const issuer = 'https://token.actions.githubusercontent.com';
export const subject = 'https://github.com/org/app/.github/workflows/release.yaml@refs/heads/main';
export const keyless = { keyless: { identities: [{ issuer, subject }] } };
export const pass = { static: { action: 'pass' } };
export const deny = { static: { action: 'fail', message: 'not here' } };

export function policyDocument(spec: unknown, name = 'p'): Readonly<Record<string, unknown>> {
  return { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', metadata: { name }, spec };
}

/** A valid specification with other members put in. */
export function specWith(members: object): unknown {
  return { images: [{ glob: 'ghcr.io/org/**' }], authorities: [pass], ...members };
}

export const noSecrets: SecretLookup = (name) => ({ ok: false, problem: `secret "${name}" is not there` });

export function policyOf(spec: unknown, name = 'p', secrets = noSecrets): ClusterImagePolicy {
  const parsed = parseClusterImagePolicy(policyDocument(spec, name));
  if (!parsed.ok) throw new Error(parsed.failure.join('\n'));
  return compilePolicy(parsed.value, { ...noMaterials, secret: secrets });
}

/** A policy for every image, of these authorities. */
export function policyFor(authorities: readonly unknown[], name = 'p', members: object = {}): ClusterImagePolicy {
  return policyOf({ images: [{ glob: '**' }], authorities, ...members }, name);
}

export function trustRoot(name: string, logUrls: readonly string[] = []): TrustRoot {
  const tlogs = logUrls.map((baseUrl) => ({ baseUrl }));
  return { name, generation: `generation of ${name}`, trustedRootJson: JSON.stringify({ tlogs }), notReady: [] };
}

export function brokenRoot(name: string): TrustRoot {
  return { name, generation: `generation of ${name}`, trustedRootJson: '', notReady: ['its keys are unreadable'] };
}

export const publicRoot = trustRoot(publicTrustRoot, ['https://rekor.sigstore.dev']);

export function snapshotOf(
  policies: readonly ClusterImagePolicy[],
  noMatch: NoMatchPolicy = 'deny',
  trustRoots: readonly TrustRoot[] = [publicRoot],
): PolicySnapshot {
  return buildSnapshot({ policies, trustRoots, noMatch });
}

export const digest = `sha256:${'1a'.repeat(32)}`;

export function imageOf(text: string): ImageReference {
  const parsed = parseImageReference(text);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
}

export function pinned(text: string): ImageReference & PinnedImage {
  const image = imageOf(`${text}@${digest}`);
  if (image.digest === undefined) throw new Error('not pinned');
  return { ...image, digest: image.digest };
}

export const pod: ObjectFacts = { group: '', version: 'v1', resource: 'pods', namespace: 'default', labels: {} };
