/** The reader against GNU tar: what it writes in each of its formats, and what it lists of files that were made here. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FedSteps } from '../../src/contract/fed-steps.ts';
import { readEntries, type TarEntry } from '../../src/contract/tar-entries.ts';
import { entry, gnu, longName, pax, posix, tar, v7 } from './tar-kit.ts';

const version = versionOfTar();
const isMissing = !version.startsWith('tar (GNU tar)');
if (isMissing && process.env['CI'] === 'true') throw new Error('the machine has no GNU tar');
if (isMissing) process.stderr.write('SKIPPED: comparison with GNU tar, which is not here\n');

function versionOfTar(): string {
  try {
    return execFileSync('tar', ['--version'], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function entriesOf(bytes: Buffer): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  const steps = new FedSteps(
    readEntries((found) => {
      entries.push(found);
      return undefined;
    }),
  );
  steps.push(bytes);
  steps.end();
  return entries;
}

describe.skipIf(isMissing)('what GNU tar writes', () => {
  let folder: string;
  const deep = Array.from({ length: 7 }, (_, at) => `directory-${at}`).join('/');
  const long = 'n'.repeat(120);
  const sizes = { 'action-contract.yaml': 5, empty: 0, [`${deep}/file`]: 1_000, 'ünï côdé': 512 };
  const longer = { ...sizes, [`${deep}/${deep}/${long}`]: 513, [long]: 700 };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tar-entries-'));
    mkdirSync(join(folder, deep, deep), { recursive: true });
    for (const [name, size] of Object.entries(longer)) writeFileSync(join(folder, name), Buffer.alloc(size, name));
    symlinkSync('action-contract.yaml', join(folder, 'link'));
    symlinkSync(long.repeat(2), join(folder, 'long link'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['v7', sizes, ['link']],
    ['ustar', sizes, ['link']],
    ['oldgnu', longer, ['link', 'long link']],
    ['gnu', longer, ['link', 'long link']],
    ['posix', longer, ['link', 'long link']],
  ])('in format %s', (format, files, links) => {
    const names = [...Object.keys(files), ...links];
    const bytes = execFileSync('tar', [
      `--format=${format}`,
      '-C',
      folder,
      '-cf',
      '-',
      '--',
      ...names.map((name) => `./${name}`),
    ]);
    expect(entriesOf(bytes)).toEqual([
      ...Object.entries(files).map(([path, size]) => ({
        path: Buffer.from(path).toString('latin1'),
        type: 'file',
        size,
      })),
      ...links.map((path) => ({ path, type: 'symbolic link', size: 0 })),
    ]);
  });
});

describe.skipIf(isMissing)('what GNU tar lists', () => {
  const names = fc.constantFrom('a', 'b/c', './d', 'action-contract.yaml', '.wh.action-contract.yaml', 'x/../y');
  const longNames = fc
    .tuple(fc.constantFrom('p/', 'q/../'), fc.integer({ min: 30, max: 200 }))
    .map(([part, times]) => `${part.repeat(times)}z`);
  const file = fc.record({
    name: names,
    prefix: fc.constantFrom('', '', 'dir', 'some/where'),
    type: fc.constantFrom('0', '0', '\0', '2', '5', '6'),
    magic: fc.constantFrom(posix, posix, gnu, v7),
    length: fc.constantFrom(0, 1, 511, 512, 513, 5_000),
  });
  const before = fc.option(
    fc.oneof(
      longNames.map(longName),
      longNames.map((path) => pax({ path, mtime: '1' })),
    ),
  );
  const parts = fc.tuple(before, file).map(([extension, { length, prefix, ...spec }]) => {
    const content = spec.type === '0' || spec.type === '\0' ? 'c'.repeat(length) : '';
    const own = entry({ ...spec, content, link: 'to', ...(spec.magic === posix ? { prefix } : {}) });
    return extension === null ? own : Buffer.concat([extension, own]);
  });

  test('is what is read', () => {
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 8 }), (all) => {
        const bytes = tar(...all);
        expect(entriesOf(bytes)).toEqual(listed(bytes));
      }),
      { numRuns: 100 },
    );
  });

  function listed(bytes: Buffer): readonly TarEntry[] {
    const args = ['-tvPf', '-', '--full-time', '--numeric-owner', '--quoting-style=literal', '--utc'];
    const lines = execFileSync('tar', args, { input: bytes, encoding: 'latin1' }).trimEnd().split('\n');
    return lines.map((line) => {
      const [, letter = '', size = '', rest = ''] = /^(.)\S+ \S+ +(\d+) \S+ \S+ (.*)$/.exec(line) ?? [];
      const path = join('/', rest.replace(/ -> to$/, '')).replace(/^\/|\/$/g, '');
      return { path, type: types[letter] ?? 'thing of unknown type', size: Number(size) };
    });
  }

  const types: Readonly<Record<string, TarEntry['type']>> = {
    '-': 'file',
    d: 'directory',
    l: 'symbolic link',
    p: 'pipe',
  };
});
