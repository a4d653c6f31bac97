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
import type { Identities } from './identities.ts';
import type { Transport } from './transport.ts';

export interface Authorization {
  /** A header known to have worked lately, so that most requests need no challenge. */
  known(repository: Repository, options: CallOptions): string | undefined;
  answer(challenge: Challenge, repository: Repository, options: CallOptions): Promise<Result<Authorized>>;
}

export interface Authorized {
  /** Absent: there are no credentials to answer the challenge with. */
  readonly header?: string;
  /** For whoever reads a refusal. */
  readonly tried: string;
}

const maxTokenBytes = 64 * 1024;
const defaultTokenSeconds = 60;

export function createAuthorization(hosts: Hosts, transport: Transport, identities: Identities): Authorization {
  const headers = new LRUCache<string, string>({ max: 5_000 });
  // Nobody's token serves anybody else: the key names whose credentials were used.
  const keyOf = ({ registry, repository }: Repository, { credentials }: CallOptions): string => {
    return JSON.stringify([registry, repository, credentials.id]);
  };

  return {
    known: (repository, options) => headers.get(keyOf(repository, options)),
    async answer(challenge, repository, options) {
      const found = await credentialsFor(repository, options);
      if (!found.ok) return found;
      const { credentials, tried } = found.value;
      if (challenge.scheme === 'basic') {
        if (credentials === undefined) return ok({ tried });
        const header = basic(credentials);
        headers.set(keyOf(repository, options), header, { ttl: defaultTokenSeconds * 1_000 });
        return ok({ header, tried });
      }
      const token = await fetchToken(hosts, transport, challenge, repository, found.value, options);
      if (!token.ok) return token;
      const header = `Bearer ${token.value.token}`;
      // A little early: the token must still be good when it arrives.
      headers.set(keyOf(repository, options), header, { ttl: Math.max(token.value.seconds - 5, 1) * 1_000 });
      return ok({ header, tried });
    },
  };

  /** What the workload brings comes first, as with the kubelet. */
  async function credentialsFor(
    { registry, repository }: Repository,
    { credentials, signal }: CallOptions,
  ): Promise<Result<Tried>> {
    const own = await credentials.forHost(registry, repository, signal);
    if (!own.ok) return own;
    if (own.value !== undefined) return ok({ credentials: own.value, tried: 'the pull secret or --docker-config' });
    const identified = await identities.forHost(registry, signal);
    return identified.ok ? ok({ tried: 'no credentials', ...identified.value }) : identified;
  }
}

interface Tried {
  readonly credentials?: BasicCredentials;
  readonly tried: string;
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
  { credentials, tried }: Tried,
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
  const refused = problemOf({ ...answer.value, tried });
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
