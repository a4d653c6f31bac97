/**
 * HTTP with registries and their token services: limited in time, size and redirects, retried where that is safe, and
 * every way in which it can fail is a coded failure. Knows nothing of OCI.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { hasRefusedAddress } from './addresses.ts';
import { createConnections } from './connections.ts';
import {
  invalid,
  problemOf,
  refusedAddress,
  retryAfterSeconds,
  throughProxy,
  timedOut,
  unreachable,
} from './failures.ts';
import type { HostRule, Hosts } from './hosts.ts';
import { send, type Answer, type Asked, type Sent } from './send.ts';

export interface Transport {
  /** Follows redirects; answers of any status, once retries are used up. */
  exchange(asked: Asked): Promise<Result<Answer>>;
  close(): Promise<void>;
}

const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);
const maxAttempts = 3;
const maxRetryWaitSeconds = 2;
const retriedStatus = new Set([429, 502, 503, 504]);

export function createTransport(hosts: Hosts, metrics: Pick<Metrics, 'registryRequest'>): Transport {
  const connections = createConnections();

  async function once(asked: Asked): Promise<Sent> {
    const { url } = asked;
    const rule = hosts.ruleFor(url);
    if (rule.kind === 'unknown') {
      const why = whyNot(url);
      if (why !== undefined) return { ok: false, failure: unreachable(url, why), again: false };
    }
    const started = performance.now();
    const answer = await sendBy(asked, rule);
    const outcome = answer.ok ? String(answer.value.status) : answer.failure.code;
    metrics.registryRequest(outcome, (performance.now() - started) / 1_000);
    return answer;
  }

  async function sendBy(asked: Asked, rule: HostRule): Promise<Sent> {
    const opened = open(asked.url, rule);
    if (!opened.ok) return { ...opened, again: false };
    const answer = await send(asked, opened.value);
    const proxy = rule.entry?.proxy;
    if (answer.ok || proxy === undefined) return answer;
    return { ...answer, failure: throughProxy(answer.failure, proxy.url) };
  }

  function open(url: URL, rule: HostRule): Result<Dispatcher> {
    try {
      return ok(connections.for(rule));
    } catch {
      return fail(unreachable(url, 'a file that --registry-config names for it cannot be read or is no PEM'));
    }
  }

  async function retried(asked: Asked): Promise<Result<Answer>> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await once(asked);
      const wait = attempt === maxAttempts ? undefined : retryWait(answer, attempt);
      if (wait === undefined || wait > maxRetryWaitSeconds) return answer.ok ? answer : fail(answer.failure);
      try {
        await sleep(wait * 1_000, undefined, { signal: asked.signal });
      } catch {
        // The registry did answer: what it said is worth more than that the time is up.
        const said = answer.ok ? problemOf(answer.value) : answer.failure;
        return fail(said ?? timedOut(asked.url));
      }
    }
  }

  return {
    async exchange(asked) {
      let current = asked;
      for (let hops = 0; hops <= maxRedirects; hops += 1) {
        const answer = await retried(current);
        const target = answer.ok && asked.body === undefined ? redirectTarget(answer.value) : undefined;
        if (target === undefined) return answer;
        current = { ...current, url: target, headers: headersFor(current, target) };
      }
      return fail(invalid(asked.url, `it redirects more than ${maxRedirects} times`));
    },
    close: () => connections.close(),
  };
}

/** Why a host that nobody configured may not be spoken to at this URL. */
function whyNot(url: URL): string | undefined {
  if (url.protocol !== 'https:') return 'it is not reached over HTTPS, and no --insecure-registry names it';
  return hasRefusedAddress(url) ? refusedAddress : undefined;
}

/** Seconds to wait before the next attempt; undefined when another attempt makes no sense. */
function retryWait(answer: Sent, attempt: number): number | undefined {
  const usual = 0.1 * 3 ** (attempt - 1);
  if (!answer.ok) return answer.again ? usual : undefined;
  if (!retriedStatus.has(answer.value.status)) return undefined;
  return Math.max(retryAfterSeconds(answer.value) ?? 0, usual);
}

function redirectTarget({ url, status, headers }: Answer): URL | undefined {
  const location = headers['location'];
  if (!redirects.has(status) || location === undefined) return undefined;
  return URL.canParse(location, url.href) ? new URL(location, url) : undefined;
}

/** Credentials are for the host they were given for. */
function headersFor({ url, headers }: Asked, target: URL): Readonly<Record<string, string>> {
  if (target.origin === url.origin) return headers;
  const { authorization: _dropped, ...rest } = headers;
  return rest;
}
