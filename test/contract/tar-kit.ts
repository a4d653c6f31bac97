/** Makes tar files byte by byte, good ones and others. */

export interface EntrySpec {
  readonly name?: string;
  readonly prefix?: string;
  /** One character; default: a regular file. */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  /** What is written, when it is not the content's length. */
  readonly size?: number | Uint8Array | string;
  readonly link?: string;
  readonly magic?: string;
  /** Overwrites bytes before the sum is made. */
  readonly patch?: Readonly<Record<number, string>>;
  readonly sum?: number;
}

export const posix = 'ustar\u000000';
export const gnu = 'ustar  \0';
export const v7 = '\0'.repeat(8);

export function entry(spec: EntrySpec): Buffer {
  const content = Buffer.from(spec.content ?? '');
  return Buffer.concat([header(spec, content.length), content, Buffer.alloc(-content.length & 511)]);
}

function header(spec: EntrySpec, length: number): Buffer {
  const { name = '', prefix = '', type = '0', size = length, link = '', magic = posix, patch = {} } = spec;
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, 'latin1');
  block.write('0000644\0' + '0000000\0' + '0000000\0', 100, 'latin1');
  if (typeof size === 'number') block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  else Buffer.from(size).copy(block, 124);
  block.write('00000000000\0' + ' '.repeat(8) + type, 136, 'latin1');
  block.write(link, 157, 100, 'latin1');
  block.write(magic, 257, 'latin1');
  block.write(prefix, 345, 155, 'latin1');
  for (const [at, text] of Object.entries(patch)) block.write(text, Number(at), 'latin1');
  const sum = spec.sum ?? block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export function pax(records: Readonly<Record<string, string>> | string, type = 'x'): Buffer {
  const content =
    typeof records === 'string'
      ? records
      : Object.entries(records)
          .map(([key, value]) => paxRecord(`${key}=${value}`))
          .join('');
  return entry({ name: 'PaxHeaders/0', type, content });
}

export function paxRecord(text: string): string {
  const rest = Buffer.byteLength(text) + 2;
  let length = rest + 1;
  while (String(length).length + rest !== length) length += 1;
  return `${length} ${text}\n`;
}

export function longName(name: string): Buffer {
  return entry({ name: '././@LongLink', type: 'L', magic: gnu, content: `${name}\0` });
}

export const end = Buffer.alloc(1024);

export function tar(...parts: readonly (Buffer | EntrySpec)[]): Buffer {
  return Buffer.concat([...parts.map((part) => (Buffer.isBuffer(part) ? part : entry(part))), end]);
}
