/**
 * A serving certificate from files that somebody else replaces: cert-manager, a mounted Secret, an administrator. A pair
 * that does not belong together is half-written; the last good one stays until both parts are there.
 */
import { watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defined } from '../../kernel/defined.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CertificateSource, ServingCertificate } from '../../ports/certificates.ts';
import type { Logger } from '../../ports/logger.ts';
import { parseKeyPair } from './authority.ts';
import { Listeners } from './listeners.ts';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** What clients verify with; only handed on. */
  readonly caFile?: string;
  /** For file systems that tell nothing about changes. */
  readonly pollMs?: number;
}

/** Editors and kubelets write several files: look when they are done. */
const settleMs = 100;

export async function fileCertificates(
  ports: { readonly log: Logger },
  files: CertificateFiles,
): Promise<Result<CertificateSource, string>> {
  const first = await load(files);
  return first.ok ? ok(new WatchedFiles(ports.log, files, first.value)) : first;
}

class WatchedFiles implements CertificateSource {
  readonly #log: Logger;
  readonly #files: CertificateFiles;
  readonly #listeners = new Listeners();
  readonly #watchers: readonly FSWatcher[];
  readonly #poll: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;
  #current: ServingCertificate;
  #lastProblem: string | undefined;

  constructor(log: Logger, files: CertificateFiles, first: ServingCertificate) {
    this.#log = log;
    this.#files = files;
    this.#current = first;
    const look = (): void => void this.#reload();
    this.#poll = setInterval(look, files.pollMs ?? 30_000).unref();
    // Folders, because a replaced file is another file; Secrets are replaced by a symbolic link in theirs.
    const folders = new Set([files.certFile, files.keyFile].map((file) => dirname(file)));
    this.#watchers = [...folders].map((folder) => this.#watch(folder, look));
  }

  current(): ServingCertificate {
    return this.#current;
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers) watcher.close();
  }

  #watch(folder: string, look: () => void): FSWatcher {
    const watcher = watch(folder, { persistent: false }, () => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(look, settleMs).unref();
    });
    // Polling goes on.
    return watcher.on('error', (error) => this.#log.warn({ folder, err: error }, 'certificate folder is not watched'));
  }

  async #reload(): Promise<void> {
    const loaded = await load(this.#files);
    const problem = loaded.ok ? undefined : loaded.failure;
    if (problem !== undefined && problem !== this.#lastProblem) {
      this.#log.error({ problem }, 'serving certificate cannot be used; the one before it stays');
    }
    this.#lastProblem = problem;
    if (!loaded.ok || isSame(loaded.value, this.#current)) return;
    this.#current = loaded.value;
    this.#listeners.notify();
  }
}

async function load({ certFile, keyFile, caFile }: CertificateFiles): Promise<Result<ServingCertificate, string>> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
    const pair = parseKeyPair(cert, key);
    if (!pair.ok) return fail(`${certFile} and ${keyFile}: ${pair.failure}`);
    return ok({ cert: pair.value.cert, key: pair.value.key, ...defined('ca', ca) });
  } catch (error) {
    return fail(error instanceof Error ? error.message : `${certFile} cannot be read`);
  }
}

function isSame(one: ServingCertificate, other: ServingCertificate): boolean {
  return one.cert === other.cert && one.key === other.key && one.ca === other.ca;
}
