/**
 * Who gets in. With tokens: whoever the cluster knows and lets `get` the path, or `post` to it; a browser shows its token
 * once and gets a session. Without: whoever reaches a port that only listens on the loopback, which the cluster guards as
 * port-forward. Only a token that comes with the request lets it write: a browser sends cookies for pages of others, too;
 * but for the forms of our own pages, which are known by where they come from.
 */
import type { IncomingMessage } from 'node:http';
import { ok, type Result } from '../../kernel/result.ts';
import type { Access, Caller, ObjectRight } from '../../ports/access.ts';
import type { Clock } from '../../ports/clock.ts';
import { Attempts } from './attempts.ts';
import { rememberedAccess } from './remembered-access.ts';
import { Sessions } from './sessions.ts';

/** `local` is for a listener on the loopback alone. */
export type AccessMode = { readonly kind: 'local' } | { readonly kind: 'token'; readonly access: Access };

export type Verb = 'get' | 'post';

export type Denial =
  /** Neither token nor session. */
  | { readonly kind: 'unknown' }
  /** A token that is nobody's. */
  | { readonly kind: 'rejected' }
  | { readonly kind: 'forbidden'; readonly user: string; readonly path: string; readonly verb: Verb }
  /** Nobody is known here who could be asked for. */
  | { readonly kind: 'only-reading' }
  | { readonly kind: 'too-many'; readonly retryAfterSeconds: number }
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'foreign-host' };

/** Without a caller: nobody knows who it is. */
export type Entry = { readonly kind: 'in'; readonly caller?: Caller } | Denial;
export type Login = { readonly kind: 'session'; readonly cookie: string } | Denial;

export interface Guard {
  readonly mode: AccessMode['kind'];
  enter(request: IncomingMessage, path: string): Promise<Entry>;
  /** For a form of ours, which whoever calls has made sure that it is: whoever may look at the path may send it. */
  enterWithForm(request: IncomingMessage, path: string): Promise<Entry>;
  /** What a caller may do in the cluster; nobody in particular may do nothing. */
  may(caller: Caller | undefined, right: ObjectRight): Promise<Result<boolean>>;
  login(request: IncomingMessage, token: string): Promise<Login>;
  /** Gives the cookie to set. */
  logout(request: IncomingMessage): string;
}

const maxSessions = 1_000;
const failuresPerMinute = 20;
/** What whoever logs in has to be allowed to see. */
const firstPath = '/console';

export function createGuard(mode: AccessMode, clock: Clock): Guard {
  return mode.kind === 'local' ? new LocalGuard() : new TokenGuard(mode.access, clock);
}

/** A page of somebody else's whose name was made to mean 127.0.0.1 comes with its own name: DNS rebinding. */
class LocalGuard implements Guard {
  readonly mode = 'local';

  enter({ headers, method }: IncomingMessage): Promise<Entry> {
    const isOurs = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(headers.host ?? '');
    if (!isOurs) return Promise.resolve({ kind: 'foreign-host' });
    return Promise.resolve(method === 'POST' ? { kind: 'only-reading' } : { kind: 'in' });
  }

  enterWithForm(): Promise<Entry> {
    return Promise.resolve({ kind: 'only-reading' });
  }

  may(): Promise<Result<boolean>> {
    return Promise.resolve(ok(false));
  }

  login(): Promise<Login> {
    return Promise.resolve({ kind: 'unknown' });
  }

  logout(): string {
    return '';
  }
}

class TokenGuard implements Guard {
  readonly mode = 'token';
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #sessions: Sessions;
  readonly #attempts: Attempts;

  constructor(access: Access, clock: Clock) {
    this.#access = rememberedAccess(access, clock);
    this.#clock = clock;
    this.#sessions = new Sessions(clock, maxSessions);
    this.#attempts = new Attempts(clock, failuresPerMinute);
  }

  /** A token that is shown counts, also beside a session. */
  async enter(request: IncomingMessage, path: string): Promise<Entry> {
    const verb = request.method === 'POST' ? 'post' : 'get';
    return this.#enter(request, path, verb, verb === 'get');
  }

  enterWithForm(request: IncomingMessage, path: string): Promise<Entry> {
    return this.#enter(request, path, 'get', true);
  }

  async may(caller: Caller | undefined, right: ObjectRight): Promise<Result<boolean>> {
    return caller === undefined ? ok(false) : this.#access.may(caller, right);
  }

  async #enter(request: IncomingMessage, path: string, verb: Verb, withSession: boolean): Promise<Entry> {
    const { authorization, cookie } = request.headers;
    if (authorization !== undefined) {
      const found = await this.#identify(request, /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '');
      return 'kind' in found ? found : this.#allow(found, path, verb);
    }
    const caller = withSession ? this.#sessions.find(cookie) : undefined;
    return caller === undefined ? { kind: 'unknown' } : this.#allow(caller, path, verb);
  }

  async login(request: IncomingMessage, token: string): Promise<Login> {
    const found = await this.#identify(request, token);
    if ('kind' in found) return found;
    const entry = await this.#allow(found, firstPath, 'get');
    if (entry.kind !== 'in') return entry;
    this.#sessions.end(request.headers.cookie);
    return { kind: 'session', cookie: this.#sessions.begin(found) };
  }

  logout(request: IncomingMessage): string {
    return this.#sessions.end(request.headers.cookie);
  }

  async #identify({ socket }: IncomingMessage, token: string): Promise<Caller | Denial> {
    const address = socket.remoteAddress ?? '';
    const wait = this.#attempts.wait(address);
    if (wait !== undefined) return { kind: 'too-many', retryAfterSeconds: wait };
    const found = looksLikeToken(token) ? await this.#access.identify(token) : undefined;
    if (found?.ok === false) return { kind: 'unavailable', message: found.failure.message };
    const caller = found?.value;
    if (caller !== undefined && !this.#isOver(caller)) return caller;
    this.#attempts.fail(address);
    return { kind: 'rejected' };
  }

  async #allow(caller: Caller, path: string, verb: Verb): Promise<Entry> {
    const { user } = caller;
    const allowed = await (verb === 'get' ? this.#access.mayGet(caller, path) : this.#access.mayPost(caller, path));
    if (!allowed.ok) return { kind: 'unavailable', message: allowed.failure.message };
    return allowed.value ? { kind: 'in', caller } : { kind: 'forbidden', user, path, verb };
  }

  /** The cluster's word may be older than the end of the token. */
  #isOver({ expires }: Caller): boolean {
    return expires !== undefined && Date.parse(expires) <= this.#clock.now().getTime();
  }
}

/** Anything else is no header that a client could have sent, and not worth a call. RFC 6750 §2.1 */
function looksLikeToken(token: string): boolean {
  return token.length <= 16_384 && /^[\w.~+/-]+=*$/.test(token);
}
