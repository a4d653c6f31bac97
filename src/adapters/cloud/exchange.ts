/**
 * One exchange with a service of a cloud, or with an address that a policy names: limited in time and size, and never
 * redirected, since what is sent may be a credential. It does not log, and its sentences hold nothing that was sent.
 */
import { Agent, request, type Dispatcher } from 'undici';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { readAtMost } from '../read-at-most.ts';
import { AddressRefused, hasRefusedAddress, lookupAllowed } from '../registry/addresses.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface Asked {
  /** For sentences, e.g. "the token service of AWS". */
  readonly what: string;
  readonly url: URL;
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * named: whoever runs Countersign named it, or it is the metadata service of the machine's own cloud. Everything else is
   * reached over HTTPS only, and not at addresses of this machine or of metadata services.
   */
  readonly place: 'public' | 'named';
  /** PEM; the only CAs that count. */
  readonly ca?: string;
  readonly maxBytes?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** Of one exchange, whatever its caller has left. */
const exchangeMs = 10_000;
const usualMaxBytes = 64 * 1024;

/** Answers of any status; the failure is one sentence. */
export async function exchange(asked: Asked, signal: AbortSignal): Promise<Result<Reply, string>> {
  const { what, url, place, maxBytes = usualMaxBytes } = asked;
  const whyNot = place === 'named' ? undefined : refusal(url);
  if (whyNot !== undefined) return fail(sentence(asked, whyNot));
  const agent = newAgent(asked);
  try {
    const got = await request(url, {
      method: asked.method ?? 'GET',
      // Compressed answers could be small on the way and large in memory.
      headers: { 'user-agent': 'countersign', 'accept-encoding': 'identity', ...asked.headers },
      ...(asked.body === undefined ? {} : { body: asked.body }),
      dispatcher: agent,
      signal: AbortSignal.any([signal, AbortSignal.timeout(exchangeMs)]),
    });
    const body = await readAtMost(got.body, maxBytes);
    if (body === undefined) return fail(`${what} at ${quoted(url.host)} answered with more than ${maxBytes} bytes`);
    return ok({ status: got.statusCode, headers: firstOf(got.headers), body });
  } catch (error) {
    return fail(sentence(asked, reasonOf(error)));
  } finally {
    await agent.destroy();
  }
}

function sentence({ what, url }: Asked, why: string): string {
  return `${what} at ${quoted(url.host)} cannot be reached: ${why}`;
}

function refusal(url: URL): string | undefined {
  if (url.protocol !== 'https:') return 'only HTTPS is spoken with it';
  return hasRefusedAddress(url) ? refusedAddress : undefined;
}

const refusedAddress = 'its address belongs to this machine or to a metadata service';

/** One for each exchange: there are a few of them in ten hours, and nothing has to be closed later. */
function newAgent({ place, ca }: Asked): Agent {
  return new Agent({
    maxHeaderSize: 32_768,
    allowH2: false,
    connect: {
      timeout: 5_000,
      ...(place === 'public' ? { lookup: lookupAllowed } : {}),
      ...(ca === undefined ? {} : { ca }),
    },
  });
}

function firstOf(headers: Dispatcher.ResponseData['headers']): Reply['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error instanceof AddressRefused) return refusedAddress;
  const code = codeOf(error);
  if (code.includes('TIMEOUT') || isTimeUp(error)) return 'it did not answer in time';
  if (code.includes('CERT') || code.includes('SIGNATURE')) return `its certificate is not trusted (${code})`;
  return plainWords.get(code) ?? `the connection broke (${code})`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? quoted(error.code, 64) : '';
}

function isTimeUp(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}

const plainWords = new Map([
  ['', 'the connection broke'],
  ['UND_ERR_SOCKET', 'the connection broke'],
  ['ECONNRESET', 'the connection broke'],
  ['ECONNREFUSED', 'it refuses connections'],
  ['ENOTFOUND', 'its name is not known'],
  ['EAI_AGAIN', 'its name cannot be resolved now'],
]);
