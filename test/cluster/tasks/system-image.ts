/** The image of the init containers as the Dockerfile makes it, in the registry of a gate and signed. */
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../../src/demo/images/legacy.ts';
import type { SigningKey } from '../../../src/demo/images/signing-key.ts';
import type { DemoRegistry } from '../../../src/demo/registry/serve.ts';
import { buildSystemImage } from '../../image/build-image.ts';
import { pushTo, readLayout } from '../../image/layout.ts';

/** Gives its name with its tag. */
export async function pushSystemImage({
  registry,
  key,
}: {
  readonly registry: DemoRegistry;
  readonly key: SigningKey;
}): Promise<string> {
  const repository = 'agents/system';
  const layout = readLayout((await buildSystemImage()).layout);
  const signable = { repository, digest: pushTo(registry, repository, layout, '1.0') };
  attachLegacy(registry, signable, [signLegacy(simpleSigningPayload(registry.host, signable), key)]);
  return `${registry.host}/${repository}:1.0`;
}
