/** The thread that unpacks, checks and compiles the engines; it ends when that is done. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { brotliDecompressSync } from 'node:zlib';
import { withMemoryLimit } from './memory-limit.ts';

export interface LoadRequest {
  readonly file: string;
  readonly sha256: string;
  readonly maxPages: number;
}

export type Loaded =
  { readonly ok: true; readonly module: WebAssembly.Module } | { readonly ok: false; readonly problem: string };

const maxBytes = 128 << 20;

function load({ file, sha256, maxPages }: LoadRequest): Loaded {
  try {
    const program = brotliDecompressSync(readFileSync(file), { maxOutputLength: maxBytes });
    const found = createHash('sha256').update(program).digest('hex');
    if (found !== sha256) return { ok: false, problem: `its sha256 is ${found} and not ${sha256}` };
    return { ok: true, module: new WebAssembly.Module(withMemoryLimit(program, maxPages)) };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : 'it cannot be read' };
  }
}

parentPort?.postMessage(load(workerData as LoadRequest));
