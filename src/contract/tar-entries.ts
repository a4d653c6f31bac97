/**
 * Reads tar as a stream, in constant memory: whoever holds the bytes gives them when they come. It reads as Go's
 * archive/tar does, with which container runtimes unpack layers, and refuses what other readers take differently.
 */
import {
  checkGlobalPax,
  maxExtensionBytes,
  parseLongName,
  parsePax,
  sparse,
  type TarExtension,
} from './tar-extensions.ts';
import { blockSize, MalformedLayer, parseTarHeader, type TarHeader } from './tar-header.ts';

export type EntryType =
  'file' | 'directory' | 'hard link' | 'symbolic link' | 'device' | 'pipe' | 'thing of unknown type';

export interface TarEntry {
  /** From the root, normalised: no slash at either end, no empty, "." or ".." parts. Empty: the root itself. */
  readonly path: string;
  readonly type: EntryType;
  readonly size: number;
}

/** What is done with an entry's content, when it is wanted: all of it at once. */
export type OnContent = (content: Buffer) => void;
export type Visit = (entry: TarEntry) => OnContent | undefined;

/** What is needed next; the answer is the bytes, or how the stream ended instead: between two entries, or in one. */
export type Need = { readonly take: number } | { readonly skip: number };
export type Given = Buffer | 'end' | 'cut';
export type Steps<T> = Generator<Need, T, Given>;

export function* readEntries(visit: Visit): Steps<void> {
  let before: Extensions = none;
  for (;;) {
    const block = yield { take: blockSize };
    if (block === 'end' && before.types === '') return;
    if (typeof block === 'string') throw cut();
    if (isEmpty(block)) {
      if (before.types !== '') throw cut();
      return yield* readEnd();
    }
    const header = parseTarHeader(block);
    if (extensionTypes.includes(header.type)) {
      before = joined(before, header.type, yield* readExtension(header));
    } else {
      yield* readEntry(header, before, visit);
      before = none;
    }
  }
}

/** What stands before an entry. */
interface Extensions extends TarExtension {
  readonly types: string;
}

const none: Extensions = { types: '' };
const extensionTypes = 'xgLK';

/** Two empty blocks; what follows them is nobody's. */
function* readEnd(): Steps<void> {
  const block = yield { take: blockSize };
  if (block === 'end') return;
  if (typeof block === 'string' || !isEmpty(block)) throw new MalformedLayer('it goes on after half of its end');
}

function cut(): MalformedLayer {
  return new MalformedLayer('it ends in the middle of an entry');
}

function* readExtension({ type, size }: TarHeader): Steps<TarExtension> {
  if (size > maxExtensionBytes)
    throw new MalformedLayer(`an extended header is larger than ${maxExtensionBytes} bytes`);
  const bytes = yield* takeContent(size);
  if (type === 'x') return parsePax(bytes);
  if (type === 'L') return parseLongName(bytes);
  // Long names of link targets matter to nobody here.
  if (type === 'g') checkGlobalPax(bytes);
  return {};
}

/** Of two that say the same, and of one with a global header behind it, Go forgets what others apply. */
function joined(before: Extensions, type: string, more: TarExtension): Extensions {
  if (type === 'g' && before.types === '') return none;
  const isTwice = before.path !== undefined && more.path !== undefined;
  if (type === 'g' || isTwice || before.types.includes(type)) {
    throw new MalformedLayer('two extended headers contradict each other');
  }
  return { ...before, ...more, types: before.types + type };
}

function* readEntry(header: TarHeader, before: TarExtension, visit: Visit): Steps<void> {
  const { path = header.name, size = header.size } = before;
  const type = typeOf(header.type, path);
  const hasContent = type === 'file' || type === 'thing of unknown type';
  if (!hasContent && size > 0) throw new MalformedLayer(`a ${type} in it has content`);
  const onContent = visit({ path: normalised(path), type, size });
  if (onContent === undefined) yield* skip(padded(size));
  else onContent(yield* takeContent(size));
}

function typeOf(flag: string, path: string): EntryType {
  if (flag === 'S') throw sparse();
  const isSlashed = path.endsWith('/');
  // Before POSIX a directory was a file with a slash behind its name.
  if (flag === '\0') return isSlashed ? 'directory' : 'file';
  if (flag === '0') return isSlashed ? 'thing of unknown type' : 'file';
  return types[flag] ?? 'thing of unknown type';
}

const types: Readonly<Record<string, EntryType>> = {
  1: 'hard link',
  2: 'symbolic link',
  3: 'device',
  4: 'device',
  5: 'directory',
  6: 'pipe',
};

/** As seen from the root, which nothing leads out of. */
function normalised(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function* takeContent(size: number): Steps<Buffer> {
  if (size === 0) return Buffer.alloc(0);
  const bytes = yield { take: size };
  if (typeof bytes === 'string') throw cut();
  yield* skip(padded(size) - size);
  return bytes;
}

function* skip(size: number): Steps<void> {
  if (size === 0) return;
  const given = yield { skip: size };
  if (typeof given === 'string') throw cut();
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

function isEmpty(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
