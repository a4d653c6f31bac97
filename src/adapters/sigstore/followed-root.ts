/**
 * One TrustRoot of a TUF repository: read at once, again once a day, and earlier when its metadata expires. A refusal
 * changes nothing about what is in force, and is told: docs/decisions/0019-trust-roots.md says what stays and why.
 */
import { quoted } from '../../kernel/failure.ts';
import type { TrustRoot } from '../../policy/model.ts';
import type { ParsedTrustRoot } from '../../policy/parse-trust-root.ts';
import type { TrustRootSource } from '../../policy/parse-trust-root-source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { PolicyProblem } from '../../ports/policies.ts';
import type { Addresses } from './mirror.ts';
import { readTrustRoot, type ReadTrustRoot } from './read-trust-root.ts';
import { loadKnown, saveKnown } from './tuf-cache.ts';
import type { KnownMetadata } from './tuf-repository.ts';

export interface FollowOptions {
  /** Absent: this host's. */
  readonly clock?: Clock;
  readonly log: Logger;
  readonly addresses: Addresses;
  /** Keeps what was verified, against older repositories after a restart. Absent: memory alone. */
  readonly cacheFolder?: string;
  readonly timing?: Partial<FollowTiming>;
}

/** Milliseconds. */
export interface FollowTiming {
  /** Between looks that go well. */
  readonly resync: number;
  /** Of one look. */
  readonly timeout: number;
  /** After the first failure; doubled after each that follows, up to `longestPause`. */
  readonly firstPause: number;
  readonly longestPause: number;
}

const systemClock: Clock = { now: () => new Date() };
const day = 24 * 60 * 60 * 1_000;
const usualTiming: FollowTiming = {
  resync: day,
  timeout: 30_000,
  firstPause: 5_000,
  longestPause: 60_000,
};
/** Nobody brings new metadata into an object but its author, who is told so long before. */
const warningTime = 7 * day;
const shortestWait = 1_000;
/** Timers take no more. */
const longestWait = 2 ** 31 - 1;

export interface FollowedRoot {
  readonly parsed: ParsedTrustRoot;
  readonly source: TrustRootSource;
  readonly known: KnownMetadata;
  /** Settled once it was looked at for the first time, whatever came of it. */
  readonly first: Promise<void>;
  inForce(): TrustRoot | undefined;
  problem(): PolicyProblem | undefined;
  close(): void;
}

export interface Former {
  readonly root: TrustRoot;
  readonly known: KnownMetadata;
  /** It has the same initial root.json: it may stay for as long as the new one is refused. */
  readonly isTrusted: boolean;
}

export function followRoot(
  parsed: ParsedTrustRoot & { readonly source: TrustRootSource },
  former: Former | undefined,
  { clock = systemClock, log, addresses, cacheFolder, timing }: FollowOptions,
  changed: () => void,
): FollowedRoot {
  const { name, source } = parsed;
  const { resync, timeout, firstPause, longestPause } = { ...usualTiming, ...timing };
  const known: KnownMetadata = former?.isTrusted === true ? former.known : new Map();
  let root = former?.root;
  let expires: Date | undefined;
  let refusal: string | undefined;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function look(): Promise<void> {
    if (cacheFolder !== undefined && known.size === 0) await loadKnown(cacheFolder, parsed, known);
    const read = await readTrustRoot(name, source, { addresses, timeoutMs: timeout, known });
    if (closed) return;
    if (cacheFolder !== undefined) await saveKnown(cacheFolder, parsed, known, log);
    if (read.ok) accept(read.value);
    else refuse(read.failure.message);
    if (closed) return;
    lookAgainIn(waitFor(read.ok));
    changed();
  }

  function accept(read: ReadTrustRoot): void {
    if (read.root.generation !== root?.generation || refusal !== undefined)
      log.info({ trustRoot: name, generation: read.root.generation, expires: read.expires }, 'trust root read');
    root = read.root;
    expires = read.expires;
    refusal = undefined;
    failures = 0;
  }

  function refuse(why: string): void {
    // Under another initial root.json the former keys are what its author wanted to be rid of.
    if (former?.isTrusted === false && expires === undefined) root = undefined;
    if (refusal !== why) log.warn({ trustRoot: name, reason: why }, 'trust root not read');
    refusal = why;
    failures += 1;
  }

  function waitFor(isGood: boolean): number {
    const left = expires === undefined ? resync : expires.getTime() - clock.now().getTime();
    const wanted = isGood ? Math.min(resync, left / 2) : Math.min(longestPause, firstPause * 2 ** (failures - 1));
    return Math.min(Math.max(wanted, Math.min(shortestWait, resync)), longestWait);
  }

  /** Never rejected: whoever is told of a change may fail, and the next look is due all the same. */
  async function again(): Promise<void> {
    try {
      await look();
    } catch (error) {
      log.error({ trustRoot: name, err: error }, 'trust root could not be looked at');
      if (!closed) lookAgainIn(longestPause);
    }
  }

  function lookAgainIn(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => void again(), ms).unref();
  }

  function problem(): PolicyProblem | undefined {
    const of = `TrustRoot/${name}`;
    if (refusal !== undefined) return { where: of, message: refusal, consequence: consequence(), of };
    if (source.kind === 'remote' || expires === undefined) return undefined;
    if (expires.getTime() - clock.now().getTime() > warningTime) return undefined;
    const message = `the TUF metadata in spec.repository.mirrorFS expires at ${expires.toISOString()}: put newer metadata there`;
    const rest = 'Until then it is in force; after that, until the next restart.';
    return { where: of, message, consequence: rest, of, isWarning: true };
  }

  function consequence(): string {
    return root === undefined
      ? 'Policies that name it refuse every image they match.'
      : 'What was read before stays in force.';
  }

  return {
    parsed,
    source,
    known,
    first: again(),
    inForce: () => root,
    problem,
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

export function notRead(parsed: ParsedTrustRoot, problem: string | undefined): TrustRoot {
  const { name, generation, trustedRootJson, notReady } = parsed;
  return { name, generation, trustedRootJson, notReady: problem === undefined ? notReady : [quoted(problem, 1_024)] };
}
