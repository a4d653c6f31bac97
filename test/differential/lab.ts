/**
 * One registry and one Sigstore on loopback that the real cosign signs with and against; keys of every kind in files.
 */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import type { TokenRequest } from '../../src/demo/sigstore/identity-token.ts';
import { startSigstore, type Sigstore } from '../../src/demo/sigstore/sigstore.ts';
import type { Digest } from '../../src/kernel/digest.ts';
import { findCosign, must, type Cosign } from './cosign.ts';
import { keyNames, type KeyName } from './keys.ts';
import type { Place } from './ours.ts';

export const release: TokenRequest = {
  subject: 'https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
};
export const stranger: TokenRequest = { ...release, subject: 'https://github.com/evil/app/.github/workflows/x@main' };

export interface LabImage {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
  /** As commands name it. */
  readonly reference: string;
}

export interface Lab extends Place {
  readonly folder: string;
  readonly registry: DemoRegistry;
  readonly sigstore: Sigstore;
  readonly cosign: Cosign;
  /** A new image in a repository of its own, whose name is that of the scene; where the registry has that API if asked. */
  image(repository: string, referrersApi?: boolean): LabImage;
  privateKey(name: KeyName): string;
  publicKey(name: KeyName): string;
  /** Signs with a key by hand what cosign would not; ECDSA and SHA-256. */
  signBytes(name: KeyName, bytes: Uint8Array): Buffer;
  close(): Promise<void>;
}

export async function startLab(): Promise<Lab | undefined> {
  const cosignIn = await findCosign();
  if (cosignIn === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cosign-'));
  const cosign = cosignIn(folder);
  const registries = [startRegistry({ referrersApi: false }), startRegistry()] as const;
  const [registry, modern] = await Promise.all(registries);
  const [sigstore, another] = await Promise.all([startSigstore(), startSigstore()]);
  writeTrust(folder, '', sigstore);
  writeTrust(folder, 'another-', another);
  const keys = await makeKeys(folder, cosign);
  const file = (name: string): string => join(folder, name);
  return {
    folder,
    registry,
    sigstore,
    cosign,
    file,
    image(repository, referrersApi = false) {
      const where = referrersApi ? modern : registry;
      const { digest, size } = pushImage(where, { repository, tag: 'v1' });
      return { repository, digest, size, reference: `${where.host}/${repository}@${digest}` };
    },
    privateKey: (name) => file(`${name}.key`),
    publicKey: (name) => file(`${name}.pub`),
    publicKeyPem: (name) => readFileSync(file(`${name}.pub`), 'utf8'),
    signBytes: (name, bytes) => sign('sha256', bytes, keys[name]),
    async close() {
      await Promise.all([registry.close(), modern.close(), sigstore.close(), another.close()]);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Trusted roots, configurations to sign with, named after what they use, and identity tokens. */
function writeTrust(folder: string, prefix: string, sigstore: Sigstore): void {
  const { fulcioUrl, rekorUrl, rekorV2Url, tsaUrl } = sigstore;
  const service = (url: string, majorApiVersion: number): object => ({
    url,
    majorApiVersion,
    validFor: { start: '2020-01-01T00:00:00Z' },
    operator: 'test',
  });
  const config = (rekorTlogUrls: readonly object[], tsaUrls: readonly object[]): string =>
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: [service(fulcioUrl, 1)],
      oidcUrls: [],
      rekorTlogUrls,
      tsaUrls,
      rekorTlogConfig: { selector: 'ANY' },
      tsaConfig: { selector: 'ANY' },
    });
  const files = {
    'root.json': sigstore.trustedRootJson,
    'root-without-log.json': sigstore.trustedRootWithoutLogJson,
    'rekor1.json': config([service(rekorUrl, 1)], []),
    'rekor1-tsa.json': config([service(rekorUrl, 1)], [service(tsaUrl, 1)]),
    'rekor2-tsa.json': config([service(rekorV2Url, 2)], [service(tsaUrl, 1)]),
    'tsa.json': config([], [service(tsaUrl, 1)]),
    'nothing.json': config([], []),
    'release.token': sigstore.identityToken(release),
    'stranger.token': sigstore.identityToken(stranger),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, prefix + name), text);
}

async function makeKeys(folder: string, cosign: Cosign): Promise<Readonly<Record<KeyName, KeyObject>>> {
  const keys = {
    p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    other: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    ed25519: generateKeyPairSync('ed25519').privateKey,
  };
  for (const name of keyNames) {
    const pem = join(folder, `${name}.pem`);
    writeFileSync(pem, keys[name].export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await must(cosign, ['import-key-pair', '--key', pem, '--output-key-prefix', join(folder, name)]);
  }
  return keys;
}
