/**
 * Warm admissions over TLS, decision log on, beside a webhook that does nothing. Both have a process of their own, take
 * turns, and are asked by the same client.
 */
import type { Child, Work } from './child.ts';
import type { Load, LoadResult } from './load-process.ts';
import type { RequestCount } from './registry-process.ts';
import { atLeast, milliseconds, perSecond, type Row, type Section } from './report.ts';
import { withScene, type Server } from './scene.ts';
import { median, pairOf } from './statistics.ts';

const target = 0.4;
const targetWithContract = 0.35;
const rounds = 7;
const roundMs = 2_000;
const warmUpMs = 3_000;
/** Enough to keep a webhook busy all the time. */
const busy = 32;
const distinctRequests = 256;

/** Who is asked, and for what. */
interface Contestant {
  readonly server: Server;
  readonly load: Omit<Load, 'connections' | 'milliseconds'>;
}

interface Measured extends LoadResult {
  /** Processor time of the server, all its threads. */
  readonly workMsPerRequest: number;
}

interface Round {
  readonly ours: Measured;
  readonly theirs: Measured;
}

export function measureAdmission(): Promise<Section> {
  return withScene({}, async ({ ca, stock, registry, startCountersign, startNoOp, startClient }) => {
    const [server, noOp, client] = await Promise.all([startCountersign(), startNoOp(), startClient()]);
    const { port } = server;
    const images = (image: string): readonly string[] => Array.from({ length: distinctRequests }, () => image);
    const pods = { ca, port, path: '/validate', images: images(stock.pinnedKeyImage), expected: ['"allowed":true'] };
    const validate: Contestant = { server, load: pods };
    const mutate: Contestant = {
      server,
      load: {
        ...pods,
        path: '/mutate',
        images: images(stock.keyImage),
        expected: ['"allowed":true', '"patchType":"JSONPatch"'],
      },
    };
    const { action } = stock;
    const validateAction: Contestant = {
      server,
      load: { ...pods, images: images(action.pinnedImage), bound: action.bound },
    };
    const nothing: Contestant = { server: noOp, load: { ...pods, port: noOp.port } };

    for (const contestant of [validate, validateAction, mutate, nothing]) await ask(client, contestant, busy, warmUpMs);
    const before = await registry.ask<RequestCount>({});
    const validated = await compare(client, validate, nothing, busy);
    const bound = await compare(client, validateAction, nothing, busy);
    const single = await compare(client, validate, nothing, 1);
    const after = await registry.ask<RequestCount>({});
    if (after.requests > before.requests) throw new Error('a warm admission asked the registry');
    const mutated = await compare(client, mutate, nothing, busy);
    return {
      name: 'admission',
      figures: { validated, bound, single, mutated },
      rows: [
        throughput('Pods validated', validated, target),
        throughput('Pods validated within a contract', bound, targetWithContract),
        throughput('Pods mutated, tag to digest', mutated, target),
        latency(`${busy} at a time, validate`, validated),
        latency(`${busy} at a time, mutate`, mutated),
        latency(`${busy} at a time, within a contract`, bound),
        latency('one at a time, validate', single),
        work('validated', validated),
        work('validated within a contract', bound),
        work('mutated', mutated),
      ],
    };
  });
}

async function compare(
  client: Child,
  ours: Contestant,
  theirs: Contestant,
  connections: number,
): Promise<readonly Round[]> {
  const all: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    all.push({
      theirs: await ask(client, theirs, connections, roundMs),
      ours: await ask(client, ours, connections, roundMs),
    });
  }
  return all;
}

async function ask(
  client: Child,
  { server, load }: Contestant,
  connections: number,
  durationMs: number,
): Promise<Measured> {
  const question: Load = { ...load, connections, milliseconds: durationMs };
  const before = await server.process.ask<Work>({ about: 'work' });
  const result = await client.ask<LoadResult>(question);
  const after = await server.process.ask<Work>({ about: 'work' });
  return { ...result, workMsPerRequest: (after.ms - before.ms) / result.requests };
}

function throughput(what: string, all: readonly Round[], least: number): Row {
  const pair = pairOf(all.map(({ ours, theirs }) => ({ ours: ours.perSecond, theirs: theirs.perSecond })));
  return {
    what: `${what} (beside: express that does nothing)`,
    ours: perSecond(pair.ours),
    beside: perSecond(pair.theirs),
    target: atLeast(pair.ratio, least),
  };
}

function latency(what: string, all: readonly Round[]): Row {
  const text = (who: keyof Round): string => `${middle(all, who, 'p50Ms')}, ${middle(all, who, 'p99Ms')}`;
  return { what: `p50, p99 with ${what}`, ours: text('ours'), beside: text('theirs') };
}

function work(done: string, all: readonly Round[]): Row {
  const text = (who: keyof Round): string => middle(all, who, 'workMsPerRequest');
  return { what: `processor time per Pod ${done}`, ours: text('ours'), beside: text('theirs') };
}

function middle(all: readonly Round[], who: keyof Round, key: keyof Measured): string {
  return milliseconds(median(all.map((round) => round[who][key])));
}
