import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { digestOf } from '../../kernel/digest.ts';
import type { Caller } from '../../ports/access.ts';
import type { Clock } from '../../ports/clock.ts';

/** `__Host-`: only ever set by this very host, over TLS, for all its paths. RFC 6265bis §4.1.3.2 */
const cookieName = '__Host-countersign';
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const idleMs = 15 * 60_000;
const longestMs = 8 * 60 * 60_000;
const idBytes = 32;
const idForm = /^[A-Za-z0-9_-]{43}$/;

interface Session {
  readonly caller: Caller;
  readonly ends: number;
  seen: number;
}

/** Browsers that have shown a token. The token itself is not kept, only whose it was; ids are kept as hashes. */
export class Sessions {
  readonly #clock: Clock;
  readonly #sessions: LRUCache<string, Session>;

  /** With more than `max`, the one that was used least recently ends. */
  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#sessions = new LRUCache({ max });
  }

  /** Always under a new id, whatever the browser brought along. Gives the cookie to set. */
  begin(caller: Caller): string {
    const id = randomBytes(idBytes).toString('base64url');
    const now = this.#clock.now().getTime();
    const ends = Math.min(now + longestMs, caller.expires === undefined ? Infinity : Date.parse(caller.expires));
    this.#sessions.set(digestOf(id), { caller, ends, seen: now });
    return `${cookieName}=${id}; ${attributes}`;
  }

  find(cookies: string | undefined): Caller | undefined {
    const key = keyIn(cookies);
    const session = key === undefined ? undefined : this.#sessions.get(key);
    if (key === undefined || session === undefined) return undefined;
    const now = this.#clock.now().getTime();
    if (now >= session.ends || now >= session.seen + idleMs) {
      this.#sessions.delete(key);
      return undefined;
    }
    session.seen = now;
    return session.caller;
  }

  /** Gives the cookie that takes the browser's away. */
  end(cookies: string | undefined): string {
    const key = keyIn(cookies);
    if (key !== undefined) this.#sessions.delete(key);
    return `${cookieName}=; Max-Age=0; ${attributes}`;
  }
}

/** Two cookies of this name are one too many to know which is ours. */
function keyIn(cookies: string | undefined): string | undefined {
  const ours = (cookies ?? '').split(';').flatMap((pair) => {
    const [name = '', value = ''] = pair.split('=', 2);
    return name.trim() === cookieName ? [value.trim()] : [];
  });
  const [id, ...others] = ours;
  return id !== undefined && others.length === 0 && idForm.test(id) ? digestOf(id) : undefined;
}
