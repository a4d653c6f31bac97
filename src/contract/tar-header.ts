/** One block of a tar file that begins an entry: ustar, star, GNU and the seventh edition's, as Go's archive/tar reads them. */

/** Where the layer stops making sense; caught where a layer is searched. */
export class MalformedLayer extends Error {}

export interface TarHeader {
  /** As written, with its prefix. */
  readonly name: string;
  /** One character. */
  readonly type: string;
  readonly size: number;
}

export const blockSize = 512;

export function parseTarHeader(block: Buffer): TarHeader {
  if (!hasGoodSum(block)) throw new MalformedLayer('it is no tar file, or a damaged one: the sum of an entry is wrong');
  const prefix = prefixOf(block);
  const name = textAt(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: block.toString('latin1', 156, 157),
    size: sizeIn(block),
  };
}

/** Up to the first NUL. */
function textAt(block: Buffer, start: number, end: number): string {
  const text = block.toString('latin1', start, end);
  const nul = text.indexOf('\0');
  return nul === -1 ? text : text.slice(0, nul);
}

function prefixOf(block: Buffer): string {
  if (block.toString('latin1', 257, 263) === 'ustar\0') {
    // star keeps times behind a shorter prefix.
    return textAt(block, 345, block.toString('latin1', 508, 512) === 'tar\0' ? 476 : 500);
  }
  const isGnu = block.toString('latin1', 257, 265) === 'ustar  \0';
  return isGnu && !hasTimes(block) ? asciiOnly(textAt(block, 345, 500)) : '';
}

/** GNU has two times where others have the prefix; Go before 1.8 wrote one all the same. golang.org/issue/12594 */
function hasTimes(block: Buffer): boolean {
  return [345, 357].every((at) => block.readUInt8(at) === 0 || numberAt(block, at, at + 12) !== undefined);
}

function asciiOnly(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : '';
}

function sizeIn(block: Buffer): number {
  const size = numberAt(block, 124, 136);
  if (size === undefined) throw new MalformedLayer('an entry has an impossible size');
  return size;
}

const octal = /^[ \0]*([0-7]*)[ \0]*$/;

/** Octal; GNU writes large ones as binary with the highest bit set, of which 48 bits are plenty. */
function numberAt(block: Buffer, start: number, end: number): number | undefined {
  const first = block.readUInt8(start);
  if (first >= 0x80) {
    const isSmall = first === 0x80 && block.subarray(start + 1, end - 6).every((byte) => byte === 0);
    return isSmall ? block.readUIntBE(end - 6, 6) : undefined;
  }
  const [, digits] = octal.exec(block.toString('latin1', start, end)) ?? [];
  return digits === undefined ? undefined : Number.parseInt(`0${digits}`, 8);
}

/** Over all bytes, the sum's own taken as blanks; some old writers took bytes as signed. */
function hasGoodSum(block: Buffer): boolean {
  let [unsigned, high] = [0, 0];
  for (let at = 0; at < blockSize; at += 1) {
    // Within the block by construction; undefined would make the sum wrong.
    const byte = at >= 148 && at < 156 ? 0x20 : (block[at] ?? Number.NaN);
    unsigned += byte;
    if (byte >= 0x80) high += 1;
  }
  const written = numberAt(block, 148, 156);
  return written !== undefined && (written === unsigned || written === unsigned - 256 * high);
}
