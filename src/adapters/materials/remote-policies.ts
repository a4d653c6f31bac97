/**
 * Policy code at an address: over HTTPS, at most as long as policy code may be, and only the text whose SHA-256 the policy
 * names. Redirects are not followed: the hash says what is wanted, so the address may as well be the last one.
 */
import { createHash } from 'node:crypto';
import { ok } from '../../kernel/result.ts';
import { quoted } from '../../kernel/failure.ts';
import { exchange } from '../cloud/exchange.ts';
import { maxCodeBytes } from '../../policy/compile.ts';
import { outage, type LookedUp } from './looked-up.ts';

export interface RemotePolicy {
  readonly url: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

export type FetchRemotePolicy = (remote: RemotePolicy, signal: AbortSignal) => Promise<LookedUp>;

export interface RemotePolicySettings {
  /** host or host:port that may be on this machine, and be reached without TLS; nothing of that by default. */
  readonly localHosts?: readonly string[];
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Every failure is an outage: which text is wanted is known by its hash, so that one read before is still the one. */
export function remotePolicies({ localHosts = [] }: RemotePolicySettings = {}): FetchRemotePolicy {
  return async ({ url, sha256 }, signal) => {
    if (!URL.canParse(url)) return outage(`${quoted(url)} is no address`);
    const address = new URL(url);
    const what = 'the policy';
    // What stands before an @ would be sent as a password.
    if (address.username !== '' || address.password !== '') return outage(`${what} is at an address with a password`);
    const place = localHosts.includes(address.host) ? 'named' : 'public';
    const got = await exchange({ what, url: address, place, maxBytes: maxCodeBytes }, signal);
    if (!got.ok) return outage(got.failure);
    const { status, body } = got.value;
    const from = `${what} at ${quoted(address.host)}`;
    if (status >= 300 && status < 400)
      return outage(`${from} is somewhere else (${status}): name the address it is at`);
    if (status !== 200) return outage(`${from} cannot be had: the answer was ${status}`);
    const found = createHash('sha256').update(body).digest('hex');
    if (found !== sha256) return outage(`${from} has another sha256sum than the policy demands: ${found}`);
    try {
      return ok(utf8.decode(body));
    } catch {
      return outage(`${from} is not UTF-8`);
    }
  };
}
