/**
 * A process that looks for contracts and tells how much memory that took: by itself, because who serves the layers has
 * them in memory. Arguments: registry host, a small image to warm up with, and the images to measure.
 */
import { anonymous } from '../../src/adapters/registry/docker-config.ts';
import { createOciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { defaultSearchLimits } from '../../src/evidence/contract-in-layers.ts';
import { contractOfImage } from '../../src/evidence/contract-of-image.ts';
import { parseDigest } from '../../src/kernel/digest.ts';

export interface Measured {
  /** A failure's code and message, or what was found. */
  readonly answer: string;
  /** More than before, at the most. */
  readonly mebibytes: number;
  readonly seconds: number;
}

const [host = '', warmUp, ...digests] = process.argv.slice(2);
const registry = createOciRegistry({ insecure: [host], ca: new Map(), metrics: { registryRequest: () => undefined } });

async function look(text: string | undefined): Promise<Measured> {
  const digest = parseDigest(text);
  if (digest === undefined) throw new Error('no digest');
  const [before, started] = [process.resourceUsage().maxRSS, performance.now()];
  const options = { credentials: anonymous, signal: AbortSignal.timeout(60_000) };
  const found = await contractOfImage(
    registry,
    { registry: host, repository: 'app', digest },
    options,
    defaultSearchLimits,
  );
  return {
    answer: found.ok ? (found.value?.contract.name ?? 'none') : `${found.failure.code} ${found.failure.message}`,
    mebibytes: (process.resourceUsage().maxRSS - before) / 1024,
    seconds: (performance.now() - started) / 1000,
  };
}

await look(warmUp);
const measured: Measured[] = [];
for (const digest of digests) measured.push(await look(digest));
await registry.close();
process.stdout.write(JSON.stringify(measured));
