/**
 * Keys of key services and code at addresses: looked up once when a policy names them, again every ten hours, and sooner
 * while they cannot be had. Policies wait for them a moment only; whatever comes later is told. What was read before and
 * cannot be read again is not decided here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { materialId, type MaterialRef } from '../../policy/wanted-materials.ts';
import type { Env } from '../cloud/exchange.ts';
import { kmsPublicKeys, type FetchPublicKey } from './kms/public-key.ts';
import { outage, type LookedUp } from './looked-up.ts';
import { remotePolicies, type FetchRemotePolicy, type RemotePolicySettings } from './remote-policies.ts';

export interface MaterialSources {
  readonly publicKey: FetchPublicKey;
  readonly remotePolicy: FetchRemotePolicy;
}

export function materialSources(env: Env, settings: RemotePolicySettings = {}): MaterialSources {
  return { publicKey: kmsPublicKeys(env), remotePolicy: remotePolicies(settings) };
}

/** Milliseconds. */
export interface MaterialTiming {
  /** For which policies wait for what was never looked up. */
  readonly patience: number;
  /** Of one look. */
  readonly deadline: number;
  readonly resync: number;
  /** After a look in vain, doubled each time. */
  readonly retry: { readonly first: number; readonly longest: number };
}

export const usualMaterialTiming: MaterialTiming = {
  patience: 3_000,
  deadline: 15_000,
  // policy-controller's --policy-resync-period
  resync: 10 * 3_600_000,
  retry: { first: 5_000, longest: 60_000 },
};

export interface FollowedMaterials {
  /** What is known of each, by id; of the others there is nothing. These and no others are followed from now on. */
  read(refs: readonly MaterialRef[]): Promise<ReadonlyMap<string, LookedUp>>;
  close(): void;
}

interface Followed {
  readonly id: string;
  readonly look: (signal: AbortSignal) => Promise<LookedUp>;
  latest: LookedUp | undefined;
  /** What `read` has told last. */
  told: LookedUp | undefined;
  inVain: number;
  due: number;
  flight: Promise<void> | undefined;
}

const parallel = 8;
const noAnswer = outage('there is no answer yet');

/** `changed` is called when one of them is not what `read` has told last. */
export function followMaterials(
  sources: MaterialSources | undefined,
  changed: () => void,
  timing: MaterialTiming = usualMaterialTiming,
): FollowedMaterials {
  let followed = new Map<string, Followed>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const oneOfFew = gate(parallel);

  function wanted(ref: MaterialRef): Followed | undefined {
    const id = materialId(ref);
    const look = lookUp(sources, ref);
    if (look === undefined) return undefined;
    return followed.get(id) ?? { id, look, latest: undefined, told: undefined, inVain: 0, due: 0, flight: undefined };
  }

  function begin(one: Followed): Promise<void> {
    one.flight ??= oneOfFew(async () => {
      if (isFollowed(one)) note(one, await lookedUp(one));
    }).finally(() => {
      one.flight = undefined;
      plan();
    });
    return one.flight;
  }

  /** Services write what they like; one that makes an adapter stumble must not end this program. */
  async function lookedUp({ look }: Followed): Promise<LookedUp> {
    try {
      return await look(AbortSignal.timeout(timing.deadline));
    } catch {
      return outage('its answer cannot be read');
    }
  }

  function isFollowed(one: Followed): boolean {
    return !closed && followed.get(one.id) === one;
  }

  function note(one: Followed, found: LookedUp): void {
    one.latest = found;
    one.inVain = found.ok ? 0 : one.inVain + 1;
    const pause = Math.min(timing.retry.first * 2 ** (one.inVain - 1), timing.retry.longest);
    one.due = Date.now() + (found.ok ? timing.resync : pause);
    if (one.told !== undefined && !isSame(one.told, found) && isFollowed(one)) changed();
  }

  function plan(): void {
    clearTimeout(timer);
    const next = Math.min(...[...followed.values()].map(({ due, flight }) => (flight === undefined ? due : Infinity)));
    if (closed || next === Infinity) return;
    timer = setTimeout(lookAgain, Math.max(next - Date.now(), 0)).unref();
  }

  function lookAgain(): void {
    for (const one of followed.values()) if (one.due <= Date.now()) void begin(one);
    plan();
  }

  return {
    async read(refs) {
      const now = refs.map(wanted).filter((one) => one !== undefined);
      followed = new Map(now.map((one) => [one.id, one]));
      const flights = now.filter(({ latest }) => latest === undefined).map(begin);
      const patience = new AbortController();
      const over = sleep(timing.patience, undefined, { signal: patience.signal }).catch(() => undefined);
      await Promise.race([Promise.all(flights), over]);
      patience.abort();
      for (const one of now) one.told = one.latest ?? noAnswer;
      plan();
      return new Map(now.map((one) => [one.id, one.told ?? noAnswer]));
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** At most so many at a time, first come, first served. */
function gate(limit: number): (work: () => Promise<void>) => Promise<void> {
  const queue: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => void queue.push(resolve));
    try {
      await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

function lookUp(sources: MaterialSources | undefined, ref: MaterialRef): Followed['look'] | undefined {
  if (sources === undefined) return undefined;
  if (ref.kind === 'kms') return (signal) => sources.publicKey(ref.uri, signal);
  if (ref.kind === 'remote') return (signal) => sources.remotePolicy(ref, signal);
  return undefined;
}

function isSame(a: LookedUp, b: LookedUp): boolean {
  if (a.ok !== b.ok) return false;
  if (a.ok) return b.ok && a.value === b.value;
  return !b.ok && a.failure.problem === b.failure.problem && a.failure.isGone === b.failure.isGone;
}
