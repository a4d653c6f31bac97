/** TUF repositories over HTTP: few small files, all within one time, from addresses that may be spoken to. */
import { Agent, request, type Dispatcher } from 'undici';
import { readAtMost } from '../read-at-most.ts';
import { hasRefusedAddress, lookupAllowed } from '../registry/addresses.ts';
import { RepositoryProblem } from './tuf-problem.ts';
import type { FetchFile } from './tuf-repository.ts';

/** `any`: for commands, which reach no further than whoever runs them. `no-local`: never this host, nor metadata services. */
export type Addresses = 'any' | 'no-local';

export interface MirrorOptions {
  /** Without a slash at its end. */
  readonly mirror: string;
  readonly addresses: Addresses;
  /** Milliseconds for everything together. */
  readonly timeoutMs: number;
}

const maxRedirects = 3;
const redirects = new Set([301, 302, 303, 307, 308]);
const gone = new Set([403, 404, 410]);
const headers = { 'user-agent': 'countersign', 'accept-encoding': 'identity' };

/** For one look at the repository; to be closed after it. */
export function openMirror(options: MirrorOptions): { readonly fetch: FetchFile; close(): Promise<void> } {
  const { mirror, addresses, timeoutMs } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const dispatcher = new Agent({
    maxHeaderSize: 32_768,
    connections: 4,
    allowH2: false,
    connect: { timeout: timeoutMs, ...(addresses === 'no-local' ? { lookup: lookupAllowed } : {}) },
  });

  async function ask(url: URL): Promise<Dispatcher.ResponseData> {
    if (!['http:', 'https:'].includes(url.protocol) || (addresses === 'no-local' && hasRefusedAddress(url)))
      throw new RepositoryProblem(`${named(url)} is at an address that is not spoken to`);
    return request(url, { headers, dispatcher, signal });
  }

  async function follow(url: URL, left: number): Promise<Dispatcher.ResponseData> {
    const answer = await ask(url);
    const { location } = answer.headers;
    if (!redirects.has(answer.statusCode) || typeof location !== 'string') return answer;
    await answer.body.dump({ limit: maxErrorBytes });
    if (left === 0) throw new RepositoryProblem(`${named(url)} redirects more than ${maxRedirects} times`);
    if (!URL.canParse(location, url.href)) throw new RepositoryProblem(`${named(url)} redirects to no address`);
    return follow(new URL(location, url), left - 1);
  }

  return {
    async fetch(path, maxBytes) {
      const url = new URL(`${mirror}/${path.split('/').map(encodeSegment).join('/')}`);
      try {
        const answer = await follow(url, maxRedirects);
        if (answer.statusCode === 200) {
          const body = await readAtMost(answer.body, maxBytes);
          if (body === undefined) throw new RepositoryProblem(`${named(url)} is larger than ${maxBytes} bytes`);
          return body;
        }
        await answer.body.dump({ limit: maxErrorBytes });
        if (gone.has(answer.statusCode)) return undefined;
        throw new RepositoryProblem(`${named(url)} answers with status ${answer.statusCode}`);
      } catch (error) {
        throw error instanceof RepositoryProblem ? error : unreachable(url, error, signal, timeoutMs);
      }
    },
    close: () => dispatcher.destroy(),
  };
}

const maxErrorBytes = 16_384;

/** Without what may be a password or a signature: it becomes a status that many may read. */
function named({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

/** Roles and targets are named by whoever signs them: none of them leads out of the mirror. */
function encodeSegment(segment: string): string {
  // URLs read "%2e" there as the dot that it stands for.
  if (/^(?:\.|%2e){1,2}$/i.test(segment)) throw new RepositoryProblem(`a file is named "${segment}"`);
  // A percent sign is there because a name was encoded already.
  return encodeURIComponent(segment).replaceAll('%25', '%');
}

function unreachable(url: URL, error: unknown, signal: AbortSignal, timeoutMs: number): RepositoryProblem {
  if (signal.aborted)
    return new RepositoryProblem(`${url.origin} did not answer with everything within ${timeoutMs} ms`);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return new RepositoryProblem(`${named(url)} cannot be read (${code})`);
}
