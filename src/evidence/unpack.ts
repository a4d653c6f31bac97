/** Unpacks a layer as a stream, in bounded memory, and tells why it cannot when it cannot. */
import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';

export type Compression = 'gzip' | 'zstd' | 'none';

/** Where unpacked bytes go. */
export interface Unpacked {
  /** True: no more are wanted. */
  readonly isDone: boolean;
  /** The bytes are gone afterwards. */
  push(chunk: Buffer): void;
}

const outputBytes = 64 * 1024;
/** 16 MiB; decoders should do 8, which is what usual builders keep to. RFC 8878 §3.1.1.1.2 */
const maxWindowLog = 24;
/** Each takes a new engine; zstd:chunked has one for every file. */
const maxFrames = 20_000;

export class Unpack {
  readonly #declared: Compression | undefined;
  readonly #target: Unpacked;
  /** The first bytes, until they tell the format. */
  #start = Buffer.alloc(0);
  #format: Compression | undefined;
  #engine: Engine | undefined;
  #engines = 0;
  #problem: string | undefined;

  /** Runtimes look at the bytes and not at what is declared; a layer where the two differ is refused. */
  constructor(declared: Compression | undefined, target: Unpacked) {
    this.#declared = declared;
    this.#target = target;
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.#format !== undefined) return this.#unpack(chunk);
    this.#start = Buffer.concat([this.#start, chunk]);
    if (this.#start.length >= magicBytes) await this.#begin();
  }

  /** What is wrong with it, after all was written. */
  async end(): Promise<string | undefined> {
    if (this.#format === undefined) await this.#begin();
    if (!this.#isOver) this.#problem = await this.#engine?.end();
    this.#engine?.close();
    return this.#problem;
  }

  get #isOver(): boolean {
    return this.#problem !== undefined || this.#target.isDone;
  }

  async #begin(): Promise<void> {
    this.#format = formatOf(this.#start);
    if (this.#declared !== undefined && this.#declared !== this.#format) {
      this.#problem = `its type says ${this.#declared}, but its bytes are not`;
    }
    await this.#unpack(this.#start);
  }

  async #unpack(chunk: Buffer): Promise<void> {
    if (this.#isOver) return;
    if (this.#format === 'none') this.#target.push(chunk);
    else await this.#decompress(chunk);
  }

  /** Layers may be several compressed parts, one behind the other; what is no such part ends in an error. */
  async #decompress(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (rest.length > 0 && !this.#isOver) {
      this.#engine ??= this.#newEngine();
      const written = await this.#engine.write(rest);
      this.#problem = written.problem;
      rest = written.rest;
      if (written.isOver) {
        this.#engine.close();
        this.#engine = undefined;
        if (this.#engines === maxFrames) this.#problem ??= `it is packed in more than ${maxFrames} parts`;
      }
    }
  }

  #newEngine(): Engine {
    this.#engines += 1;
    return new Engine(this.#format === 'gzip' ? createGunzip(gzip) : createZstdDecompress(zstd), this.#target);
  }
}

const gzip = { chunkSize: outputBytes };
const zstd = { chunkSize: outputBytes, params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog } };

const magicBytes = 4;

/** As containerd tells them apart. */
function formatOf(start: Buffer): Compression {
  if (start.length >= 3 && start.readUIntBE(0, 3) === 0x1f8b08) return 'gzip';
  if (start.length < magicBytes) return 'none';
  const magic = start.readUInt32LE();
  // RFC 8878 §3.1.1, §3.1.2
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : 'none';
}

interface Written {
  readonly problem: string | undefined;
  /** What the engine did not take, because its part ended before. */
  readonly rest: Buffer;
  readonly isOver: boolean;
}

/** One of zlib's streams, which ends at the end of a compressed part and may leave bytes behind. */
class Engine {
  readonly #stream: Gunzip | ZstdDecompress;
  /** Settles at its end, whichever. */
  readonly #over: Promise<'over'>;
  #isOver = false;
  #written = 0;
  #problem: string | undefined;

  constructor(stream: Gunzip | ZstdDecompress, target: Unpacked) {
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<'over'>();
    this.#over = promise;
    const finish = (): void => {
      this.#isOver = true;
      resolve('over');
    };
    stream.on('data', (chunk: Buffer) => {
      if (target.isDone) stream.destroy();
      else target.push(chunk);
      free(chunk);
    });
    stream.once('end', finish).once('close', finish);
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#problem = `it cannot be unpacked (${error.code ?? 'unknown error'})`;
      finish();
    });
  }

  async write(chunk: Buffer): Promise<Written> {
    this.#written += chunk.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stream.write(chunk, () => {
      resolve();
    });
    await Promise.race([promise, this.#over]);
    const left = this.#isOver ? this.#written - this.#stream.bytesWritten : 0;
    return { problem: this.#problem, rest: chunk.subarray(chunk.length - left), isOver: this.#isOver };
  }

  async end(): Promise<string | undefined> {
    this.#stream.end();
    await this.#over;
    return this.#problem;
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** At once: layers unpack faster than garbage is collected. What fills its memory is not written to again. */
function free({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
