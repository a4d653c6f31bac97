/**
 * Looks for the contract in one layer of an image while the layer's unpacked bytes go by. A layer adds files to those
 * below it, replaces them, and hides them: OCI image-spec 1.1 layer.md §whiteouts. Only the root directory matters.
 * What two container runtimes may take differently is refused, for a contract must not depend on the node.
 */
import { contractFile } from './contract-places.ts';
import { FedSteps } from './fed-steps.ts';
import { maxContractBytes } from './parse-contract.ts';
import { readEntries, type OnContent, type TarEntry } from './tar-entries.ts';
import { MalformedLayer } from './tar-header.ts';

export type LayerAnswer =
  | { readonly kind: 'found'; readonly bytes: Uint8Array }
  /** Lower layers may have one; this one takes it away. */
  | { readonly kind: 'hidden' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly why: string };

export interface LayerLimits {
  /** Unpacked. */
  readonly bytes: number;
  readonly entries: number;
}

const whiteout = `.wh.${contractFile}`;
const opaqueWhiteout = '.wh..wh..opq';
/** They would hide the root itself. */
const senselessWhiteouts = new Set(['.wh.', '.wh..', '.wh...']);

export class LayerSearch {
  readonly #limits: LayerLimits;
  readonly #steps: FedSteps;
  #bytes = 0;
  #entries = 0;
  #contract: Uint8Array | undefined;
  #hides: 'file' | 'everything' | undefined;
  #refused: string | undefined;

  constructor(limits: LayerLimits) {
    this.#limits = limits;
    this.#steps = new FedSteps(readEntries((entry) => this.#visit(entry)));
  }

  /** What of the limits was used. */
  get used(): LayerLimits {
    return { bytes: this.#bytes, entries: this.#entries };
  }

  /** Nothing that follows can change the answer. */
  get isDone(): boolean {
    return this.#refused !== undefined || this.#steps.isDone;
  }

  push(chunk: Buffer): void {
    if (this.isDone) return;
    this.#bytes += chunk.length;
    this.#guarded(() => {
      if (this.#bytes > this.#limits.bytes) throw new MalformedLayer(tooMuch('bytes'));
      this.#steps.push(chunk);
    });
  }

  /** After the last chunk. */
  end(): LayerAnswer {
    if (!this.isDone) this.#guarded(() => this.#steps.end());
    if (this.#contract !== undefined && this.#hides === 'file') {
      this.#refused ??= `it both has and hides /${contractFile}`;
    }
    if (this.#refused !== undefined) return { kind: 'refused', why: this.#refused };
    if (this.#contract !== undefined) return { kind: 'found', bytes: this.#contract };
    return { kind: this.#hides === undefined ? 'absent' : 'hidden' };
  }

  #guarded(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof MalformedLayer)) throw error;
      this.#refused = error.message;
    }
  }

  #visit(entry: TarEntry): OnContent | undefined {
    if (this.#entries === this.#limits.entries) throw new MalformedLayer(tooMuch('entries'));
    this.#entries += 1;
    const { path, type } = entry;
    if (path === contractFile) return this.#visitContract(entry);
    if (path === '' && type !== 'directory') throw new MalformedLayer(`its root is a ${type}`);
    if (senselessWhiteouts.has(path)) throw new MalformedLayer('it hides the root directory');
    if (path.startsWith(`${contractFile}/`)) throw new MalformedLayer(`/${contractFile} is a directory`);
    if (path === opaqueWhiteout) this.#hides ??= 'everything';
    if (path === whiteout) this.#hides = 'file';
    return undefined;
  }

  #visitContract({ type, size }: TarEntry): OnContent {
    if (type !== 'file') throw new MalformedLayer(`/${contractFile} is a ${type}, not a regular file`);
    if (size > maxContractBytes) throw new MalformedLayer(`/${contractFile} is larger than ${maxContractBytes} bytes`);
    if (this.#contract !== undefined) throw new MalformedLayer(`it has /${contractFile} twice`);
    return (content) => {
      // A copy: the chunk that it stands in is larger, and not ours.
      this.#contract = Buffer.from(content);
    };
  }
}

function tooMuch(what: keyof LayerLimits): string {
  return `with the layers above it there are more ${what} than are searched through`;
}
