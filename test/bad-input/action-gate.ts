/** Images in the repository `actions/app`, which need a contract and are signed whatever it is. */
import type { DemoRegistry } from '../../src/demo/registry/serve.ts';
import type { Digest } from '../../src/kernel/digest.ts';
import { push, type LayeredImage } from '../evidence/layered-images.ts';
import { nameOf, podOf, sign, type Gate, type Question } from './gate.ts';

const repository = 'actions/app';

/** Puts everything where the policies ask for contracts. */
export function actionsOf({ registry }: Pick<Gate, 'registry'>): Pick<DemoRegistry, 'putBlob' | 'putManifest'> {
  return {
    putBlob: (_repository, bytes) => registry.putBlob(repository, bytes),
    putManifest: (_repository, manifest, tag) => registry.putManifest(repository, manifest, tag),
  };
}

/** Asks about a Pod of it. */
export function pushAction(gate: Gate, image: LayeredImage): Question {
  return { body: podOf(pushActionImage(gate, image)) };
}

export function pushActionImage(gate: Gate, image: LayeredImage): string {
  return signedAction(gate, push(actionsOf(gate), image).digest);
}

/** Its name. */
export function signedAction(gate: Gate, digest: Digest): string {
  sign(gate, { repository, digest });
  return nameOf(gate, { repository, digest });
}
