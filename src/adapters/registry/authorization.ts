/** Answers a registry's challenge: basic credentials, or a token that is kept until it expires. */
import { LRUCache } from 'lru-cache';
import { defined } from '../../kernel/defined.ts';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { BasicCredentials, CallOptions, Repository } from '../../ports/registry.ts';
import type { Challenge } from './challenge.ts';
import { invalid, problemOf } from './failures.ts';
import type { Hosts } from './hosts.ts';
import type { Transport } from './transport.ts';

export interface Authorization {
  /** A header known to have worked lately, so that most requests need no challenge. */
  known(repository: Repository, options: CallOptions): string | undefined;
  /** A header for the challenge; undefined when there are no credentials to answer it with. */
  answer(challenge: Challenge, repository: Repository, options: CallOptions): Promise<Result<string | undefined>>;
}

const maxTokenBytes = 64 * 1024;
const defaultTokenSeconds = 60;

export function createAuthorization(hosts: Hosts, transport: Transport): Authorization {
  const headers = new LRUCache<string, string>({ max: 5_000 });
  // Nobody's token serves anybody else: the key names whose credentials were used.
  const keyOf = ({ registry, repository }: Repository, { credentials }: CallOptions): string => {
    return JSON.stringify([registry, repository, credentials.id]);
  };

  return {
    known: (repository, options) => headers.get(keyOf(repository, options)),
    async answer(challenge, repository, options) {
      const found = await options.credentials.forHost(repository.registry, repository.repository, options.signal);
      if (!found.ok) return found;
      if (challenge.scheme === 'basic') {
        if (found.value === undefined) return ok(undefined);
        const header = basic(found.value);
        headers.set(keyOf(repository, options), header, { ttl: defaultTokenSeconds * 1_000 });
        return ok(header);
      }
      const token = await fetchToken(hosts, transport, challenge, repository, found.value, options);
      if (!token.ok) return token;
      const header = `Bearer ${token.value.token}`;
      // A little early: the token must still be good when it arrives.
      headers.set(keyOf(repository, options), header, { ttl: Math.max(token.value.seconds - 5, 1) * 1_000 });
      return ok(header);
    },
  };
}

function basic({ username, password }: BasicCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** distribution spec: https://distribution.github.io/distribution/spec/auth/token/ */
async function fetchToken(
  hosts: Hosts,
  transport: Transport,
  challenge: Extract<Challenge, { scheme: 'bearer' }>,
  { registry, repository }: Repository,
  credentials: BasicCredentials | undefined,
  { signal }: CallOptions,
): Promise<Result<{ readonly token: string; readonly seconds: number }>> {
  const url = new URL(challenge.realm);
  if (url.protocol !== 'https:' && !hosts.isInsecure(registry)) {
    const message = `registry ${quoted(registry)} names a token service without HTTPS, to which no credentials are sent`;
    return fail(failure('REGISTRY_DENIED', message));
  }
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  // Read access to this repository, whatever wider scope the challenge names.
  url.searchParams.set('scope', `repository:${repository}:pull`);
  const headers = { accept: 'application/json', ...defined('authorization', credentials && basic(credentials)) };
  const answer = await transport.exchange({ method: 'GET', url, headers, maxBytes: maxTokenBytes, signal });
  if (!answer.ok) return answer;
  const refused = problemOf(answer.value);
  if (refused !== undefined) return fail(refused);
  const token = readToken(answer.value.body);
  return token === undefined ? fail(invalid(answer.value.url, 'it sent no token')) : ok(token);
}

function readToken(body: Uint8Array): { readonly token: string; readonly seconds: number } | undefined {
  const json = parseStrictJson(body);
  const { token, access_token: accessToken, expires_in: expiresIn } = asRecord(json.ok ? json.value : undefined) ?? {};
  const text = [token, accessToken].find(isToken);
  if (text === undefined) return undefined;
  const seconds = typeof expiresIn === 'number' && expiresIn > 0 ? Math.min(expiresIn, 3_600) : defaultTokenSeconds;
  return { token: text, seconds };
}

/** Visible ASCII only: it becomes a header. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value);
}
