/** The ways in which cosign signs here. */
import { attachBundles, imageStatement, signBundleKeyless } from '../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacyKeyless, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import type { TokenRequest } from '../../src/demo/sigstore/identity-token.ts';
import { must } from './cosign.ts';
import type { KeyName } from './keys.ts';
import type { Lab, LabImage } from './lab.ts';

export type Format = 'legacy' | 'bundle';

/** With a key, in no log. */
export async function signWithKey(
  lab: Lab,
  image: LabImage,
  format: Format,
  key: KeyName = 'p256',
  more: readonly string[] = [],
): Promise<void> {
  const unlogged = ['--use-signing-config=false', '--tlog-upload=false', `--new-bundle-format=${format === 'bundle'}`];
  await must(lab.cosign, ['sign', '--key', lab.privateKey(key), ...unlogged, ...more, image.reference]);
}

export async function signWithLoggedKey(
  lab: Lab,
  image: LabImage,
  format: Format,
  name: KeyName = 'p256',
): Promise<void> {
  const { rekorUrl } = lab.sigstore;
  const how =
    format === 'bundle'
      ? ['--signing-config', lab.file('rekor1.json')]
      : ['--use-signing-config=false', '--new-bundle-format=false', '--rekor-url', rekorUrl];
  const key = ['--key', lab.privateKey(name)];
  await must(lab.cosign, ['sign', ...key, ...how, '--trusted-root', lab.file('root.json'), image.reference]);
}

export async function signWithTimestampedKey(lab: Lab, image: LabImage, format: Format): Promise<void> {
  const how =
    format === 'bundle'
      ? ['--signing-config', lab.file('tsa.json')]
      : ['--use-signing-config=false', '--tlog-upload=false', '--new-bundle-format=false'];
  const stamp = format === 'bundle' ? [] : ['--timestamp-server-url', lab.sigstore.tsaUrl];
  const key = ['--key', lab.privateKey('p256'), '--trusted-root', lab.file('root.json')];
  await must(lab.cosign, ['sign', ...key, ...how, ...stamp, image.reference]);
}

export type Signer = 'release' | 'stranger';
export type Services = 'rekor1' | 'rekor1-tsa' | 'rekor2-tsa' | 'tsa';

export async function signKeyless(
  lab: Lab,
  image: LabImage,
  services: Services,
  signer: Signer,
  sigstore: 'own' | 'another' = 'own',
): Promise<void> {
  const file = (name: string): string => lab.file(sigstore === 'own' ? name : `another-${name}`);
  const how = ['--signing-config', file(`${services}.json`), '--trusted-root', file('root.json')];
  await must(lab.cosign, ['sign', ...how, '--identity-token', lab.file(`${signer}.token`), image.reference]);
}

export async function signKeylessLegacy(
  lab: Lab,
  image: LabImage,
  signer: Signer,
  with_: { readonly log: boolean; readonly timestamp: boolean },
): Promise<void> {
  const { fulcioUrl, rekorUrl, tsaUrl } = lab.sigstore;
  const how = ['--use-signing-config=false', '--new-bundle-format=false', '--fulcio-url', fulcioUrl];
  const log = with_.log ? ['--rekor-url', rekorUrl] : ['--tlog-upload=false'];
  const timestamp = with_.timestamp ? ['--timestamp-server-url', tsaUrl] : [];
  const who = ['--identity-token', lab.file(`${signer}.token`), '--trusted-root', lab.file('root.json')];
  await must(lab.cosign, ['sign', ...how, ...log, ...timestamp, ...who, image.reference]);
}

/** Without cosign, which refuses to sign with a certificate that is over. */
export async function signKeylessByHand(
  { registry, sigstore }: Lab,
  image: LabImage,
  format: Format,
  identity: TokenRequest,
): Promise<void> {
  const signer = { sigstore, identity };
  if (format === 'bundle') {
    attachBundles(registry, image, [await signBundleKeyless(imageStatement(image.digest), signer)]);
    return;
  }
  attachLegacy(registry, image, [await signLegacyKeyless(simpleSigningPayload(registry.host, image), signer)]);
}

/** A statement about the image that is no signature of it. */
export async function attest(lab: Lab, image: LabImage, format: Format): Promise<void> {
  const unlogged = ['--use-signing-config=false', '--tlog-upload=false', `--new-bundle-format=${format === 'bundle'}`];
  const what = ['--predicate', lab.file('nothing.json'), '--type', 'custom'];
  await must(lab.cosign, ['attest', '--key', lab.privateKey('p256'), ...unlogged, ...what, image.reference]);
}
