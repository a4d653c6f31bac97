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
    size: numberAt(block, 124, 136),
  };
}

/** Up to the first NUL. */
function textAt(block: Buffer, start: number, end: number): string {
  const text = block.toString('latin1', start, end);
  const nul = text.indexOf('\0');
  return nul === -1 ? text : text.slice(0, nul);
}

function prefixOf(block: Buffer): string {
  const magic = block.toString('latin1', 257, 265);
  if (magic === 'ustar\u000000') {
    // star keeps times behind a shorter prefix.
    return textAt(block, 345, block.toString('latin1', 508, 512) === 'tar\0' ? 476 : 500);
  }
  // GNU has times there; Go before 1.8 wrote a prefix all the same. golang.org/issue/12594
  const isGnu = magic === 'ustar  \0';
  return isGnu && !isNumber(block, 345, 357) ? textAt(block, 345, 500) : '';
}

const octal = /^[ \0]*([0-7]*)[ \0]*$/;

function isNumber(block: Buffer, start: number, end: number): boolean {
  return isBinary(block, start) || octal.test(block.toString('latin1', start, end));
}

/** Octal; GNU writes large ones as binary with the highest bit set. */
function numberAt(block: Buffer, start: number, end: number): number {
  if (isBinary(block, start)) return binaryAt(block, start, end);
  const [, digits] = octal.exec(block.toString('latin1', start, end)) ?? [];
  if (digits === undefined) throw new MalformedLayer('an entry has no readable size');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function isBinary(block: Buffer, start: number): boolean {
  return block.readUInt8(start) >= 0x80;
}

function binaryAt(block: Buffer, start: number, end: number): number {
  const unused = block.subarray(start, end - 6);
  const isSmall = unused.every((byte, index) => byte === (index === 0 ? 0x80 : 0));
  if (!isSmall) throw new MalformedLayer('an entry has an impossible size');
  return block.readUIntBE(end - 6, 6);
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
  return written === unsigned || written === unsigned - 256 * high;
}
