/** Images that are judged by who signed them, with a certificate of ten minutes. */
import { admit, bareImage, demoImage, keylessSigner, refuse, type Bench, type DemoImage } from './bench.ts';
import { attachBundles, imageStatement, signBundleKeyless } from './bundle.ts';
import type { KeylessSigner } from './keyless.ts';
import { attachLegacy, signLegacyKeyless, simpleSigningPayload, type Signable } from './legacy.ts';

export async function keylessBundle(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'keyless', 'bundle');
  await withBundle(bench, image, keylessSigner(bench));
  return demoImage(bench, image, admit('signed by the release workflow, cosign 3 bundle'));
}

export async function keylessLegacy(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'keyless', 'legacy');
  await withLegacy(bench, image, keylessSigner(bench));
  return demoImage(bench, image, admit('signed by the release workflow, cosign 2 format'));
}

export async function wrongIdentity(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'keyless', 'wrong-identity');
  await withBundle(bench, image, keylessSigner(bench, { identity: bench.strangerIdentity }));
  return demoImage(bench, image, refuse('signed by the workflow of another repository', 'IDENTITY_MISMATCH'));
}

export async function unlogged(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'keyless', 'unlogged');
  await withLegacy(bench, image, keylessSigner(bench, { log: false }));
  return demoImage(bench, image, refuse('signed by the release workflow, but in no log', 'TLOG_MISSING'));
}

/** Logged when the certificate was long over: whoever finds an old key can do that. */
export async function loggedAfterExpiry(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'keyless', 'logged-late');
  await withLegacy(bench, image, keylessSigner(bench, { identity: anHourOld(bench) }));
  return demoImage(bench, image, refuse('signed after its certificate had expired', 'CERTIFICATE_EXPIRED'));
}

export async function timestamped(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'timestamped', 'bundle');
  await withBundle(bench, image, keylessSigner(bench, { log: false, timestamp: true }));
  return demoImage(bench, image, admit('signed by the release workflow, with a timestamp'));
}

export async function timestampedLegacy(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'timestamped', 'legacy');
  await withLegacy(bench, image, keylessSigner(bench, { timestamp: true }));
  return demoImage(bench, image, admit('cosign 2 format, with log entry and timestamp'));
}

export async function notTimestamped(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'timestamped', 'without');
  await withBundle(bench, image, keylessSigner(bench));
  return demoImage(bench, image, refuse('in a log, but the policy wants a timestamp', 'TIMESTAMP_MISSING'));
}

export async function freshCertificate(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'current-time', 'fresh');
  await withLegacy(bench, image, keylessSigner(bench, { log: false }));
  return demoImage(bench, image, admit('certificate without timestamp, still valid'));
}

export async function expiredCertificate(bench: Bench): Promise<DemoImage> {
  const image = bareImage(bench, 'current-time', 'expired');
  await withLegacy(bench, image, keylessSigner(bench, { log: false, identity: anHourOld(bench) }));
  return demoImage(bench, image, refuse('expired certificate without timestamp', 'CERTIFICATE_EXPIRED'));
}

function anHourOld({ identity }: Bench): Bench['identity'] {
  return { ...identity, issuedAt: new Date(Date.now() - 60 * 60 * 1_000) };
}

async function withBundle(
  { registry }: Bench,
  image: ReturnType<typeof bareImage>,
  signer: KeylessSigner,
): Promise<void> {
  attachBundles(registry, image, [await signBundleKeyless(imageStatement(image.digest), signer)]);
}

async function withLegacy({ registry }: Bench, image: Signable, signer: KeylessSigner): Promise<void> {
  attachLegacy(registry, image, [await signLegacyKeyless(simpleSigningPayload(registry.host, image), signer)]);
}
