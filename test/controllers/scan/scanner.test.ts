import { afterEach, expect, test, vi } from 'vitest';
import { createPodAuditor } from '../../../src/controllers/scan/audit-pod.ts';
import { startScanner, type Scanner, type ScanSettings } from '../../../src/controllers/scan/scanner.ts';
import type { Leadership } from '../../../src/ports/leadership.ts';
import { policy, snapshotOf } from '../../admission/bench.ts';
import { Cluster, Reports, runningPod, World } from './kit.ts';
import { untilHolds } from '../../until-holds.ts';

class Election implements Leadership {
  #leads = true;
  readonly #listeners = new Set<() => void>();

  isLeader(): boolean {
    return this.#leads;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  elect(leads: boolean): void {
    this.#leads = leads;
    for (const listener of this.#listeners) listener();
  }
}

const settings: ScanSettings = { intervalMs: 60_000, imagesPerSecond: 100_000, settleMs: 5, retryMs: 10 };
let scanner: Scanner | undefined;
afterEach(() => scanner?.close());

interface Scene {
  readonly world: World;
  readonly pods: Cluster;
  readonly reports: Reports;
  readonly leadership: Election;
  readonly start: (changes?: Partial<ScanSettings>) => Scanner;
}

function scene(): Scene {
  const world = new World();
  // Time goes by.
  const clock = { now: () => new Date() };
  const [pods, reports, leadership] = [new Cluster(), new Reports(), new Election()];
  const { log, policies } = world.ports;
  const ports = {
    pods,
    reports,
    auditor: createPodAuditor({ ...world.ports, clock }),
    clock,
    log,
    policies,
    leadership,
  };
  const start = (changes: Partial<ScanSettings> = {}): Scanner => {
    scanner = startScanner(ports, { ...settings, ...changes });
    return scanner;
  };
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'));
  return { world, pods, reports, leadership, start };
}

function finished(of: Scanner): Promise<void> {
  return untilHolds(() => {
    expect(of.progress().finishedAt).toBeDefined();
  });
}

/** Long enough for a scan that should not begin. */
const aWhile = (): Promise<void> => new Promise((done) => setTimeout(done, 60));

test('scans once policies are in force, then waits for its time', async () => {
  const { pods, reports, start } = scene();
  const running = start();
  expect(running.matchedImages()).toBeUndefined();
  await finished(running);
  expect(reports.told('shop')).toEqual(['pass web signed -']);
  expect(running.matchedImages()).toEqual(new Map([['ClusterImagePolicy/signed', 1]]));
  expect(running.progress()).toMatchObject({ state: 'waiting', pods: 1, summary: { pass: 1 } });
  await aWhile();
  expect(pods.read).toEqual(['shop']);
});

test('does not begin before policies have been the same for a while', async () => {
  const { pods, world, start } = scene();
  start({ settleMs: 80 });
  for (let change = 0; change < 5; change += 1) {
    world.snapshot = snapshotOf([policy(`p${change}`, '**')]);
    await new Promise((done) => setTimeout(done, 40));
  }
  expect(pods.read).toEqual([]);
  await untilHolds(() => {
    expect(pods.read).toEqual(['shop']);
  });
});

test('scans again at its time, and soon after policies have changed', async () => {
  const { pods, world, reports, start } = scene();
  const running = start();
  await finished(running);
  world.snapshot = snapshotOf([policy('other', '**'), policy('idle', 'quay.io/**')]);
  await untilHolds(() => {
    expect(reports.told('shop')).toEqual(['pass web other -']);
  });
  expect(running.matchedImages()?.get('ClusterImagePolicy/idle')).toBe(0);
  await running.close();
  const before = pods.read.length;
  start({ intervalMs: 20 });
  await untilHolds(() => {
    expect(pods.read.length).toBeGreaterThan(before + 2);
  });
});

test.each([
  ['before there are policies', ({ world }: Scene) => void (world.snapshot = undefined)],
  ['while another replica leads', ({ leadership }: Scene) => leadership.elect(false)],
])('does nothing %s', async (_when, prepare) => {
  const set = scene();
  prepare(set);
  set.start();
  await aWhile();
  expect(set.pods.read).toEqual([]);
  set.world.snapshot = snapshotOf([policy('signed', '**')]);
  set.leadership.elect(true);
  await untilHolds(() => {
    expect(set.reports.told('shop')).toEqual(['pass web signed -']);
  });
});

test('stops as soon as another replica leads, and goes on when it leads again', async () => {
  const { pods, reports, leadership, start } = scene();
  for (let index = 0; index < 20; index += 1) pods.add(runningPod('zoo', `z-${index}`, `ghcr.io/acme/z-${index}`));
  const running = start({ imagesPerSecond: 50 });
  await untilHolds(() => {
    expect(running.progress().pods).toBeGreaterThan(3);
  });
  leadership.elect(false);
  await untilHolds(() => {
    expect(running.progress().state).toBe('waiting');
  });
  expect(reports.written).toEqual(['write shop']);
  expect(running.matchedImages()).toBeUndefined();
  leadership.elect(true);
  await finished(running);
  expect(pods.read).toEqual(['shop', 'zoo', 'zoo']);
});

test('without any kind of report it counts, and says so once', async () => {
  const { world, reports, start } = scene();
  reports.isServed = false;
  const running = start({ intervalMs: 10 });
  await finished(running);
  await aWhile();
  expect(reports.written).toEqual([]);
  expect(running.matchedImages()?.get('ClusterImagePolicy/signed')).toBe(1);
  expect(world.logged.filter((line) => line.includes('no report is written'))).toHaveLength(1);
});

test('an API server that is away is told of once, and tried again', async () => {
  const { world, reports, start } = scene();
  reports.isAway = true;
  const running = start();
  await untilHolds(() => {
    expect(running.progress().problem).toBe('the API server is away');
  });
  await aWhile();
  expect(world.logged.filter((line) => line.includes('tried again'))).toHaveLength(1);
  reports.isAway = false;
  await finished(running);
  expect(running.progress().problem).toBeUndefined();
});

test('what is thrown ends no process', async () => {
  const { pods, world, reports, start } = scene();
  const read = vi.spyOn(pods, 'namespaces').mockRejectedValueOnce(new Error('a bug'));
  const running = start();
  await finished(running);
  expect(read.mock.calls.length).toBeGreaterThan(1);
  expect(world.logged).toContain('scan failed unexpectedly');
  expect(reports.told('shop')).toEqual(['pass web signed -']);
});

test('closed in the middle of a scan, it is over at once', async () => {
  const { pods, start } = scene();
  for (let index = 0; index < 50; index += 1) pods.add(runningPod('zoo', `z-${index}`, `ghcr.io/acme/z-${index}`));
  const running = start({ imagesPerSecond: 1 });
  await untilHolds(() => {
    expect(running.progress().state).toBe('scanning');
  });
  const began = performance.now();
  await running.close();
  expect(performance.now() - began).toBeLessThan(5_000);
});
