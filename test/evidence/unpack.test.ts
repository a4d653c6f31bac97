import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Unpack, type Compression } from '../../src/evidence/unpack.ts';

/** Takes `wanted` bytes at the most. */
class Target {
  readonly #chunks: Buffer[] = [];
  readonly #wanted: number;
  size = 0;

  constructor(wanted = Infinity) {
    this.#wanted = wanted;
  }

  get isDone(): boolean {
    return this.size >= this.#wanted;
  }

  push(chunk: Buffer): void {
    this.size += chunk.length;
    this.#chunks.push(Buffer.from(chunk));
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }
}

async function unpack(
  bytes: Buffer,
  options: { readonly declared?: Compression; readonly chunkSize?: number; readonly target?: Target } = {},
): Promise<{ readonly text: string; readonly problem: string | undefined }> {
  const { declared, chunkSize = 65_536, target = new Target() } = options;
  const unpacking = new Unpack(declared, target);
  for (let at = 0; at < bytes.length; at += chunkSize) await unpacking.write(bytes.subarray(at, at + chunkSize));
  const problem = await unpacking.end();
  return { text: target.text(), problem };
}

/** RFC 8878 §3.1.2 */
function skippable(content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a53, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

const part = fc.string({ maxLength: 300 }).map((text) => Buffer.from(text, 'latin1'));
const parts = fc.array(part, { minLength: 1, maxLength: 5 });
const chunkSize = fc.integer({ min: 1, max: 200 });

function textOf(all: readonly Buffer[]): string {
  return Buffer.concat(all).toString('latin1');
}

describe('what was packed comes out', () => {
  test('of gzip, in any number of members, cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(parts, chunkSize, async (all, size) => {
        const bytes = Buffer.concat(all.map((one) => gzipSync(one)));
        expect(await unpack(bytes, { declared: 'gzip', chunkSize: size })).toEqual({
          text: textOf(all),
          problem: undefined,
        });
      }),
    );
  });

  test('of zstd, in any number of frames, with others between that are to be skipped, cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.array(part, { maxLength: 5 }), chunkSize, async (all, between, size) => {
        const frames = all.flatMap((one, at) => [zstdCompressSync(one), ...between.slice(at, at + 1).map(skippable)]);
        const answer = await unpack(Buffer.concat(frames), { declared: 'zstd', chunkSize: size });
        expect(answer).toEqual({ text: textOf(all), problem: undefined });
      }),
    );
  });

  test.each<[string, Buffer, string]>([
    ['of nothing', Buffer.alloc(0), ''],
    ['of less than tells a format', Buffer.from('abc'), 'abc'],
    ['of what is not packed', Buffer.from('plain text'), 'plain text'],
    ['of gzip that nobody declared', gzipSync('text'), 'text'],
    ['of zstd that nobody declared', zstdCompressSync('text'), 'text'],
    [
      'of zstd that begins with what is to be skipped',
      Buffer.concat([skippable(Buffer.from('index')), zstdCompressSync('text')]),
      'text',
    ],
  ])('%s', async (_name, bytes, text) => {
    expect(await unpack(bytes)).toEqual({ text, problem: undefined });
    expect(await unpack(bytes, { chunkSize: 1 })).toEqual({ text, problem: undefined });
  });
});

describe('a problem is told', () => {
  const gzip = gzipSync('text');
  const zstd = zstdCompressSync('text');
  const junk = Buffer.from('junk behind it');

  test.each<[string, Compression | undefined, Buffer, RegExp]>([
    ['gzip that is plain', 'gzip', Buffer.from('plain text'), /says gzip/],
    ['gzip that is zstd', 'gzip', zstd, /says gzip/],
    ['gzip that is empty', 'gzip', Buffer.alloc(0), /says gzip/],
    ['zstd that is gzip', 'zstd', gzip, /says zstd/],
    ['gzip without its end', 'gzip', gzip.subarray(0, -1), /cannot be unpacked/],
    [
      'gzip with a wrong checksum',
      'gzip',
      Buffer.concat([gzip.subarray(0, -8), Buffer.alloc(8)]),
      /cannot be unpacked/,
    ],
    ['gzip before junk', 'gzip', Buffer.concat([gzip, junk]), /cannot be unpacked/],
    ['gzip before zeros', 'gzip', Buffer.concat([gzip, Buffer.alloc(100)]), /cannot be unpacked/],
    ['gzip before half of more', 'gzip', Buffer.concat([gzip, gzip.subarray(0, 5)]), /cannot be unpacked/],
    ['gzip before zstd', 'gzip', Buffer.concat([gzip, zstd]), /cannot be unpacked/],
    ['zstd without its end', 'zstd', zstd.subarray(0, -1), /cannot be unpacked/],
    ['zstd before junk', 'zstd', Buffer.concat([zstd, junk]), /cannot be unpacked/],
    ['zstd before zeros', 'zstd', Buffer.concat([zstd, Buffer.alloc(100)]), /cannot be unpacked/],
    ['zstd before gzip', 'zstd', Buffer.concat([zstd, gzip]), /cannot be unpacked/],
    ['undeclared gzip without its end', undefined, gzip.subarray(0, -1), /cannot be unpacked/],
  ])('%s', async (_name, declared, bytes, problem) => {
    for (const size of [1, 7, 65_536]) {
      const answer = await unpack(bytes, { ...(declared === undefined ? {} : { declared }), chunkSize: size });
      expect(answer.problem, `chunks of ${size}`).toMatch(problem);
    }
  });
});

describe('once no more is wanted', () => {
  test.each([
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['zstd', zstdCompressSync(Buffer.alloc(50_000_000))],
  ])('little more is unpacked: %s', async (_name, bytes) => {
    const target = new Target(100_000);
    expect(await unpack(bytes, { target })).toMatchObject({ problem: undefined });
    expect(target.size).toBeLessThan(1_000_000);
  });

  test('what follows does not matter, not even damage', async () => {
    const bytes = Buffer.concat([gzipSync('1234567890'), Buffer.from('junk')]);
    expect(await unpack(bytes, { target: new Target(10), chunkSize: 30 })).toEqual({
      text: '1234567890',
      problem: undefined,
    });
  });
});
