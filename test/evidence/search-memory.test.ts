/** What the largest layers cost: time that is told, and memory that is bounded. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync, constants } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { entry, tar } from '../contract/tar-kit.ts';
import { contractEntry, gzipLayer, ociLayer, plainLayer, push, type Layer } from './layered-images.ts';
import type { Measured } from './search-process.ts';

let registry: DemoRegistry;
beforeAll(async () => {
  registry = await startRegistry({ maxBytes: 512 * 1024 * 1024 });
});
afterAll(() => registry.close());

async function measure(layers: readonly Layer[]): Promise<Measured> {
  const program = join(import.meta.dirname, 'search-process.ts');
  const warmUp = push(registry, {
    layers: [gzipLayer({ name: 'x', content: randomBytes(5_000_000) }, contractEntry())],
  });
  const args = [program, registry.host, warmUp.digest, push(registry, { layers }).digest];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 50_000 });
  // Written by search-process.ts.
  const [measured] = JSON.parse(stdout) as readonly Measured[];
  if (measured === undefined) throw new Error('nothing was measured');
  process.stderr.write(
    `${expect.getState().currentTestName}: ${measured.mebibytes.toFixed(1)} MiB more, ${measured.seconds.toFixed(2)} s\n`,
  );
  return measured;
}

const million = 1024 * 1024;
/** A file of 4 GiB begins; what follows is zeros without end. */
const begin = entry({ name: 'zeros', size: 4 * 1024 * million });
const zeros = Buffer.alloc(16 * million);
const gzip = `${ociLayer}+gzip`;
const zstd = `${ociLayer}+zstd`;

function repeated(part: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => part));
}

function wideZeros(): Buffer {
  const params = { [constants.ZSTD_c_windowLog]: 24, [constants.ZSTD_c_contentSizeFlag]: 0 };
  return zstdCompressSync(Buffer.concat([begin, Buffer.alloc(64 * million)]), { params });
}

test.each<[string, () => Layer, string]>([
  [
    'a bomb of gzip',
    () => ({ mediaType: gzip, bytes: Buffer.concat([gzipSync(begin), repeated(gzipSync(zeros), 70)]) }),
    'more bytes',
  ],
  [
    'a bomb of zstd',
    () => ({ mediaType: zstd, bytes: Buffer.concat([zstdCompressSync(begin), repeated(zstdCompressSync(zeros), 70)]) }),
    'more bytes',
  ],
  [
    '10⁵ frames of zstd',
    () => ({ mediaType: zstd, bytes: repeated(zstdCompressSync(''), 100_000) }),
    'more than 20000 parts',
  ],
  ['the widest window of zstd', () => ({ mediaType: zstd, bytes: wideZeros() }), 'middle of an entry'],
  [
    '10⁶ entries',
    () => ({ mediaType: gzip, bytes: repeated(gzipSync(repeated(entry({ name: 'f' }), 10_000)), 100) }),
    'more entries',
  ],
  [
    '10⁶ long names',
    () => ({ mediaType: gzip, bytes: repeated(gzipSync(repeated(entry({ type: 'K', content: 'x' }), 10_000)), 100) }),
    'contradict',
  ],
  ['a file that is said to be huge', () => plainLayer({ ...contractEntry(), size: 2 ** 32 }), 'larger than 262144'],
])('%s', async (_name, make, why) => {
  const { answer, mebibytes } = await measure([make()]);
  expect(answer).toMatch(/^CONTRACT_INVALID .*layer 1 of 1/);
  expect(answer).toContain(why);
  expect(mebibytes).toBeLessThan(64);
});

test('a layer of 200 MB with a contract in it', async () => {
  const bytes = tar({ name: 'large', content: randomBytes(200 * 1_000_000) }, contractEntry());
  const { answer, mebibytes } = await measure([{ mediaType: ociLayer, bytes }]);
  expect(answer).toBe('git-clone');
  expect(mebibytes).toBeLessThan(64);
});
