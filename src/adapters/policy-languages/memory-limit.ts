/**
 * Go declares no maximum for its memory, so an instance could take 4 GiB, and the limits of a worker thread do not count
 * WebAssembly. This gives the one memory of a module a maximum (WebAssembly core 1 §5.5.8).
 */
const headerBytes = 8;
const memorySection = 5;
const hasMaximum = 1;

export function withMemoryLimit(program: Uint8Array, maxPages: number): Uint8Array<ArrayBuffer> {
  for (let at = headerBytes; at < program.length;) {
    const size = readUnsigned(program, at + 1);
    const end = size.next + size.value;
    if (program[at] === memorySection) {
      const limited = limitedSection(program.subarray(size.next, end), maxPages);
      const section = Uint8Array.from([memorySection, ...unsigned(limited.length), ...limited]);
      return joined(program.subarray(0, at), section, program.subarray(end));
    }
    at = end;
  }
  throw new Error('the program has no memory section');
}

/** Of a vector with one memory: count, flags, minimum and, by the flags, maximum. */
function limitedSection(section: Uint8Array, maxPages: number): readonly number[] {
  const [count, flags] = section;
  if (count !== 1 || (flags !== 0 && flags !== hasMaximum)) throw new Error('the program has no plain memory');
  return [1, hasMaximum, ...unsigned(readUnsigned(section, 2).value), ...unsigned(maxPages)];
}

/** LEB128. */
function readUnsigned(bytes: Uint8Array, from: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let [at, shift] = [from, 0]; at < bytes.length && shift < 32; at += 1, shift += 7) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  throw new Error('the program is cut');
}

function unsigned(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(Math.floor(value / 0x80))];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
