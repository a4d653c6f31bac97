/** DER by hand: tests have to build what no proper library would encode. X.690 */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), length(value.length), value]);
}

function length(size: number): Buffer {
  if (size < 0x80) return Buffer.from([size]);
  const hex = size.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => tlv(0x31, ...parts);
export const octets = (...parts: readonly Uint8Array[]): Buffer => tlv(0x04, ...parts);
export const bits = (bytes: Uint8Array, unused = 0): Buffer => tlv(0x03, Buffer.from([unused]), bytes);
export const text = (value: string): Buffer => tlv(0x0c, Buffer.from(value));
export const truth = (): Buffer => tlv(0x01, Buffer.from([0xff]));
export const nothing = (): Buffer => tlv(0x05);
/** Constructed, context-specific. */
export const tagged = (number: number, ...parts: readonly Uint8Array[]): Buffer => tlv(0xa0 + number, ...parts);
/** Primitive, context-specific. */
export const implicit = (number: number, bytes: Uint8Array): Buffer => tlv(0x80 + number, bytes);

export function integer(value: number | Buffer): Buffer {
  const hex = Buffer.isBuffer(value) ? value.toString('hex') : value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return tlv(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): readonly number[] {
  const high = Math.floor(arc / 128);
  return high === 0 ? [arc] : [...base128(high).map((byte) => byte | 0x80), arc % 128];
}

/** GeneralizedTime; `fraction` is written as given, with its dot. */
export function generalizedTime(date: Date, fraction = ''): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\..*$/g, '');
  return tlv(0x18, Buffer.from(`${digits}${fraction}Z`));
}
