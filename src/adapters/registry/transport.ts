/**
 * One HTTP exchange with a registry or its token service: limited in time, size and redirects, retried where that is
 * safe, and every way in which it can fail is a coded failure. Knows nothing of OCI.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { AddressRefused, isRefused, lookupAllowed } from './addresses.ts';

export interface TransportSettings {
  /** Hosts (with port) spoken to over plain HTTP, at whatever address. */
  readonly insecure: readonly string[];
  /** PEM certificates per host (with port). */
  readonly ca: ReadonlyMap<string, string>;
  readonly metrics: Pick<Metrics, 'registryRequest'>;
}

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Transport {
  /** Follows redirects; answers of any status, once retries are used up. */
  exchange(exchange: Exchange): Promise<Result<Answer>>;
  /** "https:" or, for hosts configured as insecure, "http:". */
  schemeOf(host: string): 'https:' | 'http:';
  close(): Promise<void>;
}

const maxRedirects = 5;
const maxAttempts = 3;
const maxRetryWaitSeconds = 2;
const retriedStatus = new Set([429, 502, 503, 504]);

export function createTransport(settings: TransportSettings): Transport {
  const insecure = new Set(settings.insecure);
  const agents = new Map<string, Agent>();
  const common = {
    keepAliveTimeout: 30_000,
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
    maxHeaderSize: 32_768,
    connections: 32,
  };

  function agentFor(host: string): Agent {
    const key = insecure.has(host) || settings.ca.has(host) ? host : '';
    const known = agents.get(key);
    if (known !== undefined) return known;
    const ca = settings.ca.get(host);
    const connect = {
      timeout: 5_000,
      ...(insecure.has(host) ? {} : { lookup: lookupAllowed }),
      ...(ca === undefined ? {} : { ca }),
    };
    const agent = new Agent({ ...common, connect });
    agents.set(key, agent);
    return agent;
  }

  async function once(exchange: Exchange): Promise<Result<Answer>> {
    const { url } = exchange;
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (!insecure.has(url.host)) {
      if (url.protocol !== 'https:')
        return fail(unreachable(url, 'plain HTTP is used only with hosts that are configured as insecure'));
      if (/^[\d.]+$|:/.test(literal) && isRefused(literal))
        return fail(unreachable(url, 'its address is not one that may be spoken to'));
    }
    const started = performance.now();
    const answer = await send(exchange, agentFor(url.host));
    settings.metrics.registryRequest(
      answer.ok ? String(answer.value.status) : answer.failure.code,
      (performance.now() - started) / 1_000,
    );
    return answer;
  }

  async function retried(exchange: Exchange): Promise<Result<Answer>> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await once(exchange);
      const wait = retryWait(answer, attempt);
      if (wait === undefined || attempt === maxAttempts) return answer;
      if (wait > maxRetryWaitSeconds) return answer.ok ? fail(busy(exchange.url, answer.value.status, wait)) : answer;
      try {
        await sleep(wait * 1_000, undefined, { signal: exchange.signal });
      } catch {
        return fail(timedOut(exchange.url));
      }
    }
  }

  return {
    schemeOf: (host) => (insecure.has(host) ? 'http:' : 'https:'),
    async exchange(exchange) {
      let current = exchange;
      for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
        const answer = await retried(current);
        const target = answer.ok ? redirectTarget(answer.value, current.url) : undefined;
        if (target === undefined) return answer;
        current = { ...current, url: target, headers: headersFor(current, target) };
      }
      return fail(
        failure('REGISTRY_RESPONSE_INVALID', `${exchange.url.host} redirects more than ${maxRedirects} times`),
      );
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}

async function send(
  { method, url, headers, body, maxBytes, signal }: Exchange,
  dispatcher: Dispatcher,
): Promise<Result<Answer>> {
  try {
    const answer = await request(url, { method, headers, body: body ?? null, dispatcher, signal });
    const flat = flatten(answer.headers);
    const bytes = await readBody(answer.body, method === 'HEAD' ? 0 : declaredLength(flat), maxBytes);
    if (bytes === undefined) {
      return fail(failure('REGISTRY_RESPONSE_TOO_LARGE', `${url.host} answered with more than ${maxBytes} bytes`));
    }
    return ok({ status: answer.statusCode, headers: flat, body: bytes });
  } catch (error) {
    return fail(failureOf(error, url, signal));
  }
}

function declaredLength(headers: Readonly<Record<string, string>>): number {
  return Number(headers['content-length'] ?? 0);
}

/** Undefined when it is larger than allowed; the rest is then not read. */
async function readBody(
  body: Dispatcher.ResponseData['body'],
  declared: number,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (declared <= maxBytes) {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
    if (size <= maxBytes) return Buffer.concat(chunks);
  }
  // The connection goes with it: reading on to keep it would be what the limit forbids.
  body.on('error', () => undefined);
  body.destroy();
  return undefined;
}

function flatten(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')] as const,
  );
  return Object.fromEntries(entries);
}

/** Seconds to wait before the next attempt; undefined when another attempt makes no sense. */
function retryWait(answer: Result<Answer>, attempt: number): number | undefined {
  const usual = 0.1 * 3 ** (attempt - 1);
  if (!answer.ok) return answer.failure.code === 'REGISTRY_UNREACHABLE' ? usual : undefined;
  if (!retriedStatus.has(answer.value.status)) return undefined;
  const asked = retryAfterSeconds(answer.value.headers['retry-after']);
  return asked === undefined ? usual : Math.max(asked, usual);
}

/** RFC 9110 §10.2.3; dates are not worth a clock here: registries send seconds. */
export function retryAfterSeconds(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header.trim()) ? Number(header) : undefined;
}

function redirectTarget(answer: Answer, from: URL): URL | undefined {
  const location = answer.headers['location'];
  if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return undefined;
  return URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

/** Credentials are for the host they were given for. */
function headersFor(exchange: Exchange, target: URL): Readonly<Record<string, string>> {
  if (target.host === exchange.url.host && target.protocol === exchange.url.protocol) return exchange.headers;
  const { authorization: _dropped, ...rest } = exchange.headers;
  return rest;
}

function failureOf(error: unknown, url: URL, signal: AbortSignal): Failure {
  if (signal.aborted) return timedOut(url);
  if (error instanceof AddressRefused) return unreachable(url, 'its address is not one that may be spoken to');
  // undici's errors carry codes; the texts are for people only.
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.includes('TIMEOUT')) return timedOut(url);
  return unreachable(url, code === '' ? 'the connection failed' : code);
}

function timedOut(url: URL): Failure {
  return failure('REGISTRY_TIMEOUT', `registry ${quoted(url.host)} did not answer in time`, 2);
}

function unreachable(url: URL, why: string): Failure {
  return failure('REGISTRY_UNREACHABLE', `registry ${quoted(url.host)} cannot be reached: ${quoted(why)}`, 2);
}

export function busy(url: URL, status: number, seconds: number): Failure {
  const code = status === 429 ? 'REGISTRY_RATE_LIMITED' : 'REGISTRY_UNREACHABLE';
  return failure(code, `registry ${quoted(url.host)} answered ${status} and asks to wait ${seconds} s`, seconds);
}
