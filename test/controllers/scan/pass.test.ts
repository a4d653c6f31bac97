import { expect, test } from 'vitest';
import { createPodAuditor } from '../../../src/controllers/scan/audit-pod.ts';
import { beginPass, type Pass } from '../../../src/controllers/scan/pass.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import { away, Cluster, Reports, runningPod, unreachable, unsigned, World } from './kit.ts';

const fast = { imagesPerSecond: 100_000, removesOthers: true };
const never = new AbortController().signal;

interface Scene {
  readonly world: World;
  readonly pods: Cluster;
  readonly reports: Reports;
  readonly pass: (settings?: typeof fast) => Pass;
}

function scene(): Scene {
  const world = new World();
  const [pods, reports] = [new Cluster(), new Reports()];
  const { clock, log } = world.ports;
  const ports = { pods, reports, auditor: createPodAuditor(world.ports), clock, log };
  return { world, pods, reports, pass: (settings = fast) => beginPass(ports, settings) };
}

test('each namespace gets a report of its own, and the whole is counted', async () => {
  const { world, pods, reports, pass } = scene();
  world.facts.set('ghcr.io/acme/bad', unsigned);
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'), runningPod('shop', 'bad', 'ghcr.io/acme/bad'));
  pods.add(runningPod('bank', 'web', 'ghcr.io/acme/web'));
  const walk = pass();
  expect(await walk.run(never)).toEqual(ok('complete'));
  expect(reports.told('shop')).toEqual(['fail bad signed SIGNATURE_MISSING', 'pass web signed -']);
  expect(reports.told('bank')).toEqual(['pass web signed -']);
  expect(walk.progress()).toEqual({
    namespaces: { done: 2, total: 2 },
    pods: 3,
    images: 2,
    summary: { pass: 2, fail: 1, warn: 0, error: 0, skip: 0 },
  });
  expect(walk.matched()).toEqual(new Map([['ClusterImagePolicy/signed', 2]]));
});

test('a second pass over the same writes nothing', async () => {
  const { world, pods, reports, pass } = scene();
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'));
  await pass().run(never);
  world.now = new Date('2026-03-03T10:00:00Z');
  await pass().run(never);
  expect(reports.written).toEqual(['write shop']);
});

test('a report that somebody deleted or changed comes back', async () => {
  const { pods, reports, pass } = scene();
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'));
  await pass().run(never);
  const written = reports.report('shop');
  reports.stored.delete('shop');
  await pass().run(never);
  expect(reports.report('shop')).toEqual(written);
  reports.stored.set('shop', {
    kind: 'ours',
    version: '1',
    report: { summary: { pass: 7, fail: 0, warn: 0, error: 0, skip: 0 }, results: [], leftOut: 0 },
  });
  await pass().run(never);
  expect(reports.report('shop')).toEqual(written);
});

test('a namespace with nothing to report keeps no report, nor does one that is looked at no more', async () => {
  const { pods, reports, pass } = scene();
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'), runningPod('bank', 'web', 'ghcr.io/acme/web'));
  await pass().run(never);
  pods.pages.set('shop', []);
  pods.pages.delete('bank');
  await pass({ ...fast, removesOthers: false }).run(never);
  expect([...reports.stored.keys()]).toEqual(['bank']);
  await pass().run(never);
  expect([...reports.stored.keys()]).toEqual([]);
});

test("somebody else's report of our name is left alone, everywhere", async () => {
  const { world, pods, reports, pass } = scene();
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'));
  reports.stored.set('shop', { kind: 'foreign' });
  reports.stored.set('gone', { kind: 'foreign' });
  expect(await pass().run(never)).toEqual(ok('complete'));
  expect(reports.written).toEqual([]);
  expect(world.logged).toHaveLength(1);
});

test('a namespace whose Pods cannot all be read keeps its report, the others get theirs, and only it is tried again', async () => {
  const { world, pods, reports, pass } = scene();
  pods.add(runningPod('bank', 'web', 'ghcr.io/acme/web'), runningPod('shop', 'web', 'ghcr.io/acme/web'));
  await pass().run(never);
  world.facts.set('ghcr.io/acme/web', unsigned);
  pods.unreadable.add('bank');
  const walk = pass();
  expect(await walk.run(never)).toEqual(fail(away));
  expect(reports.told('bank')).toEqual(['pass web signed -']);
  expect(reports.told('shop')).toEqual(['fail web signed SIGNATURE_MISSING']);
  pods.unreadable.clear();
  pods.read.length = 0;
  expect(await walk.run(never)).toEqual(ok('complete'));
  expect(pods.read).toEqual(['bank']);
  expect(reports.told('bank')).toEqual(['fail web signed SIGNATURE_MISSING']);
  expect(walk.progress()).toMatchObject({ pods: 2, summary: { pass: 0, fail: 2 } });
});

test('an outage of a registry takes no verdict away', async () => {
  const { world, pods, reports, pass } = scene();
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'), runningPod('shop', 'api', 'ghcr.io/acme/api'));
  world.facts.set('ghcr.io/acme/web', unsigned);
  await pass().run(never);
  world.facts.set('ghcr.io/acme/web', unreachable);
  pods.add(runningPod('shop', 'new', 'ghcr.io/acme/web'));
  await pass().run(never);
  expect(reports.told('shop')).toEqual([
    'fail web signed SIGNATURE_MISSING',
    'error new signed REGISTRY_UNREACHABLE',
    'pass api signed -',
  ]);
});

test('broken off, it writes nothing of the namespace it is in, and goes on there', async () => {
  const { pods, reports, pass } = scene();
  for (let index = 0; index < 5; index += 1) {
    pods.add(runningPod('a', `a-${index}`, `ghcr.io/acme/a-${index}`));
    pods.add(runningPod('b', `b-${index}`, `ghcr.io/acme/b-${index}`));
  }
  const walk = pass({ ...fast, imagesPerSecond: 50 });
  const told = new AbortController();
  const until = setInterval(() => {
    if (walk.progress().pods >= 7) told.abort();
  }, 1);
  expect(await walk.run(told.signal)).toEqual(ok('broken-off'));
  clearInterval(until);
  expect(reports.written).toEqual(['write a']);
  pods.read.length = 0;
  expect(await walk.run(never)).toEqual(ok('complete'));
  expect(pods.read).toEqual(['b']);
  expect(walk.progress()).toMatchObject({ pods: 10, images: 10 });
});

test('new images come no faster than they may, and those that were met before do not wait', async () => {
  const { pods, pass } = scene();
  for (let index = 0; index < 200; index += 1) pods.add(runningPod('a', `a-${index}`, `ghcr.io/acme/a-${index % 6}`));
  const walk = pass({ ...fast, imagesPerSecond: 50 });
  const began = performance.now();
  await walk.run(never);
  const took = performance.now() - began;
  expect(walk.progress()).toMatchObject({ pods: 200, images: 6 });
  // Five waits of 20 ms each; a timer may fire a moment early.
  expect(took).toBeGreaterThan(95);
  expect(took).toBeLessThan(2_000);
});

test('without policies nothing is said of anything', async () => {
  const { world, pods, reports, pass } = scene();
  pods.add(runningPod('shop', 'web', 'ghcr.io/acme/web'));
  world.snapshot = undefined;
  expect(await pass().run(never)).toMatchObject({ ok: false, failure: { code: 'POLICIES_UNAVAILABLE' } });
  expect(reports.written).toEqual([]);
});
