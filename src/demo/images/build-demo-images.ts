/**
 * The images of the demo: every way in which an image is signed well, and every way in which it only looks so, each with
 * the verdict that it must get. They are made anew on each run, in a registry and with a Sigstore of this process.
 */
import type { Bench, DemoImage } from './bench.ts';
import * as byKey from './key-images.ts';
import * as byIdentity from './keyless-images.ts';

const builders: readonly ((bench: Bench) => DemoImage | Promise<DemoImage>)[] = [
  byKey.unsigned,
  byKey.keyLegacy,
  byKey.keyBundle,
  byKey.wrongKey,
  byKey.wrongKeyBundle,
  byKey.signatureOfAnotherImage,
  byKey.tamperedPayload,
  byKey.twoSignaturesOneGood,
  byKey.foreignBundleBesideGoodSignature,
  byKey.attestationOnly,
  byKey.signedIndex,
  byKey.indexWithSignedPlatform,
  byIdentity.keylessBundle,
  byIdentity.keylessLegacy,
  byIdentity.wrongIdentity,
  byIdentity.unlogged,
  byIdentity.loggedAfterExpiry,
  byIdentity.timestamped,
  byIdentity.timestampedLegacy,
  byIdentity.notTimestamped,
  byIdentity.freshCertificate,
  byIdentity.expiredCertificate,
];

export function buildDemoImages(bench: Bench): Promise<readonly DemoImage[]> {
  return Promise.all(builders.map(async (build) => build(bench)));
}
