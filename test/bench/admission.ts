/**
 * Warm admissions over TLS, decision log on, beside a webhook that does nothing. Both have a process of their own, take
 * turns, and are asked by the same client.
 */
import type { Child } from './child.ts';
import type { Load, LoadResult } from './load-process.ts';
import type { RequestCount } from './registry-process.ts';
import { atLeast, milliseconds, perSecond, type Row, type Section } from './report.ts';
import { withScene } from './scene.ts';
import { median, pairOf } from './statistics.ts';

const target = 0.4;
const rounds = 7;
const roundMs = 2_000;
const warmUpMs = 3_000;
/** Enough to keep a webhook busy all the time. */
const busy = 32;
const distinctRequests = 256;

type Contest = Omit<Load, 'connections' | 'milliseconds'>;
interface Round {
  readonly ours: LoadResult;
  readonly theirs: LoadResult;
}

export function measureAdmission(): Promise<Section> {
  return withScene(0, async ({ ca, stock, registry, startCountersign, startNoOp, startClient }) => {
    const [{ port }, other, client] = await Promise.all([startCountersign(), startNoOp(), startClient()]);
    const request = (image: string): Contest => ({
      ca,
      port,
      path: '/validate',
      images: Array.from({ length: distinctRequests }, () => image),
      expected: ['"allowed":true'],
    });
    const validate = request(stock.pinnedKeyImage);
    const mutate: Contest = {
      ...request(stock.keyImage),
      path: '/mutate',
      expected: ['"allowed":true', '"patchType":"JSONPatch"'],
    };
    const noOpContest = { ...validate, port: other.port };

    for (const contest of [validate, mutate, noOpContest]) await load(client, contest, busy, warmUpMs);
    const before = await registry.ask<RequestCount>({});
    const validated = await compare(client, validate, noOpContest, busy);
    const single = await compare(client, validate, noOpContest, 1);
    const after = await registry.ask<RequestCount>({});
    if (after.requests > before.requests) throw new Error('a warm admission asked the registry');
    const mutated = await compare(client, mutate, noOpContest, busy);
    return {
      name: 'admission',
      figures: { validated, single, mutated },
      rows: [
        throughput('Pods validated', validated),
        throughput('Pods mutated, tag to digest', mutated),
        latency(`${busy} at a time, validate`, validated),
        latency(`${busy} at a time, mutate`, mutated),
        latency('one at a time, validate', single),
      ],
    };
  });
}

async function compare(client: Child, ours: Contest, theirs: Contest, connections: number): Promise<readonly Round[]> {
  const all: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    all.push({
      theirs: await load(client, theirs, connections, roundMs),
      ours: await load(client, ours, connections, roundMs),
    });
  }
  return all;
}

function load(client: Child, contest: Contest, connections: number, durationMs: number): Promise<LoadResult> {
  const question: Load = { ...contest, connections, milliseconds: durationMs };
  return client.ask<LoadResult>(question);
}

function throughput(what: string, all: readonly Round[]): Row {
  const pair = pairOf(all.map(({ ours, theirs }) => ({ ours: ours.perSecond, theirs: theirs.perSecond })));
  return {
    what: `${what} (beside: express that does nothing)`,
    ours: perSecond(pair.ours),
    beside: perSecond(pair.theirs),
    target: atLeast(pair.ratio, target),
  };
}

function latency(what: string, all: readonly Round[]): Row {
  const text = (who: keyof Round): string => {
    const middle = (key: 'p50Ms' | 'p99Ms'): string => milliseconds(median(all.map((round) => round[who][key])));
    return `${middle('p50Ms')}, ${middle('p99Ms')}`;
  };
  return { what: `p50, p99 with ${what}`, ours: text('ours'), beside: text('theirs') };
}
