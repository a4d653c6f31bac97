/** One entry of a tar archive: a file with content, or a symbolic link. */
export type TarEntry =
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly executable?: boolean }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number };

/** A ustar archive. Times and owners are zero, so that equal entries make equal bytes. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const end = Buffer.alloc(1024);
  return Buffer.concat([...entries.flatMap((entry) => [header(entry), padded(contentOf(entry))]), end]);
}

const contentOf = (entry: TarEntry): Uint8Array => (entry.kind === 'file' ? entry.content : Buffer.alloc(0));

function padded(content: Uint8Array): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

// POSIX.1-1988 ustar: field, offset, length
function header(entry: TarEntry): Buffer {
  const block = Buffer.alloc(512);
  block.write(entry.path, 0, 100);
  writeOctal(block, modeOf(entry), 100, 8);
  writeOctal(block, 0, 108, 8);
  writeOctal(block, 0, 116, 8);
  writeOctal(block, contentOf(entry).length, 124, 12);
  writeOctal(block, 0, 136, 12);
  block.fill(' ', 148, 156);
  block.write({ file: '0', link: '2', folder: '5' }[entry.kind], 156, 1);
  if (entry.kind === 'link') block.write(entry.target, 157, 100);
  block.write('ustar\u000000', 257, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  writeOctal(block, sum, 148, 8);
  return block;
}

function modeOf(entry: TarEntry): number {
  if (entry.kind === 'folder') return entry.mode;
  if (entry.kind === 'link') return 0o777;
  return entry.executable === true ? 0o755 : 0o644;
}

function writeOctal(block: Buffer, value: number, offset: number, length: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\u0000`, offset, length);
}
