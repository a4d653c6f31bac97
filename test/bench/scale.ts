/**
 * Ten thousand policies beside ten, read from an API server: a hundred thousand warm admissions over TLS with the decision
 * log on, memory, and how long it takes until policies are in force. Both webhooks have a process of their own and take
 * turns.
 */
import type { Deafness } from './event-loop-probe.ts';
import type { Child } from './child.ts';
import type { Load, LoadResult } from './load-process.ts';
import type { RequestCount } from './registry-process.ts';
import { megabytes, milliseconds, perSecond, type Row, type Section, type Target } from './report.ts';
import { withScene, type Cluster, type Scene, type Server } from './scene.ts';
import { median } from './statistics.ts';
import type { Memory } from './webhook-process.ts';

const sizes = { many: 10_000, few: 10 };
const images = 1_000;
const rounds = 10;
const decisionsPerRound = 10_000;
const changes = 5;
const busy = 32;
/** What an installation is given. */
const targets = { rss: 384 * 1024 * 1024, p99Ratio: 2, loadMs: 10_000, changeMs: 2_000, workMs: 50 };

interface Contestant {
  readonly server: Server;
  readonly cluster: Cluster;
  /** From the start of the process until the first Pod was admitted. */
  readonly loadMs: number;
  readonly memory: Memory;
}

interface Round {
  readonly many: LoadResult;
  readonly few: LoadResult;
}

interface Changed {
  readonly tookMs: number;
  readonly deafness: Deafness;
}

export function measureScale(): Promise<Section> {
  return withScene({ keyed: images }, async (scene) => {
    const client = await scene.startClient();
    const few = await contestant(scene, client, sizes.few);
    const many = await contestant(scene, client, sizes.many);
    const load = {
      ...commonLoad(scene),
      images: repeated(scene.stock.keyImages, decisionsPerRound),
      connections: busy,
    };
    const ask = ({ server }: Contestant): Promise<LoadResult> => client.ask({ ...load, port: server.port });
    for (const one of [few, many]) await ask(one);
    const before = await scene.registry.ask<RequestCount>({});
    const all: Round[] = [];
    for (let round = 0; round < rounds; round += 1) all.push({ few: await ask(few), many: await ask(many) });
    const after = await scene.registry.ask<RequestCount>({});
    if (after.requests > before.requests) throw new Error('a warm admission asked the registry');
    const memory = { few: await memoryOf(few.server), many: await memoryOf(many.server) };
    const changed: Changed[] = [];
    for (let change = 0; change < changes; change += 1) changed.push(await changeOne(scene, client, many));
    return {
      name: 'scale',
      figures: { loaded: { few: few.memory, many: many.memory }, memory, rounds: all, changed },
      rows: rowsOf(few, many, all, memory, changed),
    };
  });
}

async function contestant(scene: Scene, client: Child, size: number): Promise<Contestant> {
  const cluster = await scene.startCluster(size);
  const policies = Object.entries(scene.stock.policies).filter(([name]) => name.endsWith('.yaml'));
  // JSON is YAML, and what is in there is JSON.
  await cluster.process.ask({ about: 'add', policies: policies.map(([, text]): unknown => JSON.parse(text)) });
  const started = performance.now();
  const server = await scene.startCountersign(cluster);
  await until(scene, client, server, '"allowed":true');
  return { server, cluster, loadMs: performance.now() - started, memory: await memoryOf(server) };
}

/** Asks about one image until the answer has this in it; gives the milliseconds that it took. */
async function until(scene: Scene, client: Child, { port }: Server, part: string): Promise<number> {
  const [image = ''] = scene.stock.keyImages;
  const load: Load = { ...commonLoad(scene), port, images: [image], connections: 1, expected: [], until: part };
  const { tookMs } = await client.ask<LoadResult>(load);
  return tookMs;
}

function commonLoad({ ca }: Scene): Pick<Load, 'ca' | 'path' | 'expected'> {
  return { ca, path: '/validate', expected: ['"allowed":true'] };
}

function repeated(names: readonly string[], count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => names[index % names.length] ?? '');
}

function memoryOf({ process }: Server): Promise<Memory> {
  return process.ask<Memory>({ about: 'memory' });
}

/** One of ten thousand policies says something else, and then nothing again. */
async function changeOne(scene: Scene, client: Child, { server, cluster }: Contestant): Promise<Changed> {
  const [image = ''] = scene.stock.keyImages;
  await server.process.ask({ about: 'begin listening' });
  await cluster.process.ask({ about: 'refuse', image });
  const refused = await until(scene, client, server, 'STATIC_FAIL');
  await cluster.process.ask({ about: 'admit', image });
  const admitted = await until(scene, client, server, '"allowed":true');
  return { tookMs: Math.max(refused, admitted), deafness: await server.process.ask<Deafness>({ about: 'deafness' }) };
}

function rowsOf(
  few: Contestant,
  many: Contestant,
  all: readonly Round[],
  memory: { readonly few: Memory; readonly many: Memory },
  changed: readonly Changed[],
): readonly Row[] {
  const ratio = median(all.map((round) => round.many.p99Ms / round.few.p99Ms));
  const middle = (who: keyof Round, key: keyof LoadResult): number => median(all.map((round) => round[who][key]));
  const latency = (who: keyof Round): string =>
    `${milliseconds(middle(who, 'p50Ms'))}, ${milliseconds(middle(who, 'p99Ms'))}`;
  const decisions = (rounds * decisionsPerRound).toLocaleString('en');
  const times = (value: number): string => `${value.toFixed(2)} x`;
  const changeMs = Math.max(...changed.map(({ tookMs }) => tookMs));
  const work = Math.max(...changed.map(({ deafness }) => deafness.longestWorkMs));
  return [
    {
      what: `10,000 policies, ${decisions} decisions: p50, p99 warm (beside: 10 policies)`,
      ours: latency('many'),
      beside: latency('few'),
      target: { demanded: `<= ${times(targets.p99Ratio)}`, reached: times(ratio), isMet: ratio <= targets.p99Ratio },
    },
    {
      what: 'decisions with 10,000 policies',
      ours: perSecond(middle('many', 'perSecond')),
      beside: perSecond(middle('few', 'perSecond')),
    },
    {
      what: 'memory (RSS) after them',
      ours: megabytes(memory.many.rss),
      beside: megabytes(memory.few.rss),
    },
    {
      what: 'memory (RSS) at most, reading of policies included',
      ours: megabytes(memory.many.peak),
      beside: megabytes(memory.few.peak),
      target: atMost(memory.many.peak, targets.rss, megabytes),
    },
    {
      what: 'from the start of the process until the first Pod was admitted',
      ours: milliseconds(many.loadMs),
      beside: milliseconds(few.loadMs),
      target: atMost(many.loadMs, targets.loadMs, milliseconds),
    },
    {
      what: 'one policy of 10,000 changed, until in force',
      ours: milliseconds(changeMs),
      beside: '',
      target: atMost(changeMs, targets.changeMs, milliseconds),
    },
    {
      what: 'longest work at a stretch meanwhile, processor time',
      ours: milliseconds(work),
      beside: '',
      target: atMost(work, targets.workMs, milliseconds),
    },
  ];
}

function atMost(value: number, limit: number, unit: (value: number) => string): Target {
  return { demanded: `<= ${unit(limit)}`, reached: unit(value), isMet: value <= limit };
}
