/**
 * What the compiled engines see of the machine: a clock, random numbers, and a place for the last words of Go. There are
 * no files, no sockets, no arguments and no environment: the calls for them exist, and answer that they do not.
 * (WASI snapshot preview 1.)
 */
import { randomFillSync } from 'node:crypto';

const success = 0;
const badDescriptor = 8;
const notSupported = 52;
const realTime = 0;
const keptWords = 4096;

export interface Sandbox {
  readonly imports: WebAssembly.Imports;
  /** The instance's memory exists after its imports. */
  attach(memory: WebAssembly.Memory): void;
}

type Call = (...args: readonly never[]) => number;

export function createSandbox(module: WebAssembly.Module): Sandbox {
  let memory = new WebAssembly.Memory({ initial: 0 });
  let words = '';
  const view = (): DataView => new DataView(memory.buffer);
  const nothing = (count: number, size: number): number => {
    view().setUint32(count, 0, true);
    view().setUint32(size, 0, true);
    return success;
  };
  const calls: Readonly<Record<string, Call>> = {
    args_sizes_get: nothing,
    environ_sizes_get: nothing,
    args_get: () => success,
    environ_get: () => success,
    sched_yield: () => success,
    clock_time_get(clock: number, _precision: bigint, out: number) {
      const time = clock === realTime ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint();
      view().setBigUint64(out, time, true);
      return success;
    },
    random_get(at: number, length: number) {
      randomFillSync(new Uint8Array(memory.buffer, at, length));
      return success;
    },
    // Go writes why it ends, and nothing else.
    fd_write(descriptor: number, vectors: number, count: number, out: number) {
      if (descriptor !== 1 && descriptor !== 2) return badDescriptor;
      const written = textOf(memory.buffer, vectors, count);
      words += written.beginning.slice(0, keptWords - words.length);
      view().setUint32(out, written.length, true);
      return success;
    },
    // Go's scheduler asks when it has nothing to do; every event has happened.
    poll_oneoff(subscriptions: number, events: number, count: number, out: number) {
      for (let index = 0; index < count; index += 1) {
        const [from, to] = [subscriptions + 48 * index, events + 32 * index];
        view().setBigUint64(to, view().getBigUint64(from, true), true);
        view().setUint16(to + 8, success, true);
        view().setUint8(to + 10, view().getUint8(from + 8));
      }
      view().setUint32(out, count, true);
      return success;
    },
    proc_exit() {
      throw new WebAssembly.RuntimeError(words.split('\n', 1)[0] ?? '');
    },
  };
  return {
    imports: importsOf(module, calls),
    attach: (given) => {
      memory = given;
    },
  };
}

/** What a list of vectors (address and length) holds. */
function textOf(memory: ArrayBuffer, vectors: number, count: number): { beginning: string; length: number } {
  const view = new DataView(memory);
  let [beginning, length] = ['', 0];
  for (let at = vectors; at < vectors + 8 * count; at += 8) {
    const [from, bytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (beginning.length < keptWords)
      beginning += Buffer.from(memory, from, Math.min(bytes, keptWords)).toString('latin1');
    length += bytes;
  }
  return { beginning, length };
}

function importsOf(module: WebAssembly.Module, calls: Readonly<Record<string, Call>>): WebAssembly.Imports {
  const imports: Record<string, Record<string, Call>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const refused = name.startsWith('fd_') ? badDescriptor : notSupported;
    (imports[from] ??= {})[name] = calls[name] ?? (() => refused);
  }
  return imports;
}
