import { existsSync } from 'node:fs';
import { parseRegistrySettings, type RegistryFlags } from '../config.ts';
import { defaultSearchLimits } from '../evidence/contract-in-layers.ts';
import { contractOfImage, type ImageContract } from '../evidence/contract-of-image.ts';
import type { Digest } from '../kernel/digest.ts';
import { parseImageReference, repositoryName } from '../kernel/image-reference.ts';
import { ok, type Result } from '../kernel/result.ts';
import { createEvidenceAdapters, readDockerConfig } from './evidence.ts';
import { noMetrics } from './no-metrics.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export interface ContractInImage {
  /** By digest. */
  readonly image: string;
  readonly found: ImageContract | undefined;
}

const deadlineMs = 60_000;

/** Files are what is there, and what is written like a file; everything else names an image. */
export function isFile(text: string): boolean {
  return text === '-' || /^\.{0,2}\/|\.(?:ya?ml|json)$/i.test(text) || existsSync(text);
}

/** What the image says about itself. Who signed it is not looked at: that is what `verify` is for. */
export async function contractFromImage(
  text: string,
  flags: RegistryFlags,
  terminal: Terminal,
): Promise<Result<ContractInImage>> {
  const settings = parseRegistrySettings(flags);
  if (!settings.ok) throw new UsageError(settings.failure);
  const image = parseImageReference(text);
  if (!image.ok) throw new UsageError(`there is no file ${text}, and as an image: ${image.failure.message}`);
  const { credentials } = readDockerConfig(flags.dockerConfig, (message) => terminal.err(`${message}\n`));
  const { registry } = createEvidenceAdapters(settings.value, noMetrics);
  try {
    const options = { credentials, signal: AbortSignal.timeout(deadlineMs) };
    const { digest, tag = '' } = image.value;
    const resolved: Result<Digest> =
      digest === undefined ? await registry.resolve(image.value, tag, options) : ok(digest);
    if (!resolved.ok) return resolved;
    const pinned = { ...image.value, digest: resolved.value };
    const found = await contractOfImage(registry, pinned, options, defaultSearchLimits);
    return found.ok ? ok({ image: `${repositoryName(pinned)}@${pinned.digest}`, found: found.value }) : found;
  } finally {
    await registry.close();
  }
}
