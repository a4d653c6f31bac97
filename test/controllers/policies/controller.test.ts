import { afterEach, expect, test, vi } from 'vitest';
import { startPolicyController, type PolicyControllerPorts } from '../../../src/controllers/policies/controller.ts';
import type { Change } from '../../../src/controllers/policies/decide.ts';
import { parsePolicyValue } from '../../../src/policy/parse-documents.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import type { Leadership } from '../../../src/ports/leadership.ts';
import type { PolicyObject } from '../../../src/ports/policy-objects.ts';
import type { PolicyStatus, StatusWritten } from '../../../src/ports/policy-statuses.ts';
import { untilHolds } from '../../until-holds.ts';

const timing = { look: 100_000, retry: 20, truce: 60_000, batch: 10, pause: 1 };

/** A cluster in which statuses come back with the watch. */
class Cluster {
  readonly objects = new Map<string, PolicyObject>();
  readonly writes: string[] = [];
  readonly told: ClusterEvent[] = [];
  readonly warnings: string[] = [];
  readonly listeners = new Set<() => void>();
  readonly leading = new Set<() => void>();
  isLeader = true;
  isAlone = false;
  /** What becomes of a write; statuses that are written come back unless somebody undoes them. */
  outcome: StatusWritten = { kind: 'written' };
  isUndone = false;
  closers: (() => Promise<void>)[] = [];

  put(name: string, spec: object, generation = 1, status?: PolicyStatus): void {
    const metadata = { name, uid: name, generation, resourceVersion: '1' };
    const object = { apiVersion: 'countersign.dev/v1alpha1', kind: 'ActionPolicy', metadata, spec, status };
    const [document] = parsePolicyValue(object, name);
    if (document === undefined) throw new Error('no document');
    const inForce = document.kind === 'problem' ? 'refuses' : 'as-written';
    this.objects.set(name, { kind: 'ActionPolicy', name, object, document, inForce });
    for (const listener of this.listeners) listener();
  }

  start(ports: Partial<PolicyControllerPorts> = {}, more: Partial<typeof timing> = {}): void {
    const log = {
      info: vi.fn(),
      error: vi.fn(),
      warn: (fields: object) => void this.warnings.push(JSON.stringify(fields)),
    };
    const controller = startPolicyController(
      {
        policies: {
          objects: () => [...this.objects.values()],
          current: () => undefined,
          onChange: (listener) => {
            this.listeners.add(listener);
            return () => this.listeners.delete(listener);
          },
        },
        statuses: { write: async ({ name }, status) => this.#write(name, status) },
        events: { tell: (event) => void this.told.push(event) },
        ...(this.isAlone ? {} : { leadership: this.#leadership() }),
        clock: { now: () => new Date('2026-06-01T00:00:00Z') },
        log,
        ...ports,
      },
      { ...timing, ...more },
    );
    this.closers.push(() => controller.close());
  }

  #leadership(): Leadership {
    return {
      isLeader: () => this.isLeader,
      onChange: (listener) => {
        this.leading.add(listener);
        return () => this.leading.delete(listener);
      },
    };
  }

  async #write(name: string, status: Change['status']): Promise<StatusWritten> {
    this.writes.push(name);
    await new Promise((done) => setImmediate(done));
    const before = this.objects.get(name);
    if (this.outcome.kind === 'written' && before !== undefined) {
      const { spec, metadata } = before.object as { spec: object; metadata: { generation: number } };
      this.put(name, spec, metadata.generation, this.isUndone ? undefined : status);
    }
    return this.outcome;
  }
}

let cluster: Cluster;
const good = { images: [{ glob: 'a.example/**' }] };
const broken = { ...good, mode: 'x' };
const quiet = (): Promise<void> => new Promise((done) => void setTimeout(done, 60));

afterEach(async () => {
  for (const close of cluster.closers) await close();
});

test('writes each status once, and nothing after a restart', async () => {
  cluster = new Cluster();
  for (let index = 0; index < 35; index += 1) cluster.put(`p${index}`, good);
  cluster.start();
  await untilHolds(() => {
    expect(new Set(cluster.writes).size).toBe(35);
  });
  await quiet();
  expect(cluster.writes).toHaveLength(35);
  for (const close of cluster.closers.splice(0)) await close();
  cluster.start();
  await quiet();
  expect(cluster.writes).toHaveLength(35);
  expect(cluster.told).toEqual([]);
});

test('writes what is broken first, and tells of it once', async () => {
  cluster = new Cluster();
  for (let index = 0; index < 30; index += 1) cluster.put(`p${index}`, good);
  cluster.put('broken', broken);
  cluster.start();
  await untilHolds(() => {
    expect(cluster.writes.length).toBe(31);
  });
  expect(cluster.writes[0]).toBe('broken');
  await quiet();
  expect(cluster.told.map(({ reason, about }) => [reason, about.name])).toEqual([['PolicyInvalid', 'broken']]);
});

test('follows changes, within moments', async () => {
  cluster = new Cluster();
  cluster.start();
  await quiet();
  cluster.put('p', broken);
  await untilHolds(() => expect(cluster.writes).toEqual(['p']));
  cluster.put('p', good, 2);
  await untilHolds(() => expect(cluster.writes).toEqual(['p', 'p']));
});

test('whoever does not lead writes nothing, until it does', async () => {
  cluster = new Cluster();
  cluster.isLeader = false;
  cluster.put('p', broken);
  cluster.start();
  await quiet();
  expect([cluster.writes, cluster.told]).toEqual([[], []]);
  cluster.isLeader = true;
  for (const listener of cluster.leading) listener();
  await untilHolds(() => expect(cluster.writes).toEqual(['p']));
});

test('one process without anybody to lead writes', async () => {
  cluster = new Cluster();
  cluster.put('p', good);
  cluster.isAlone = true;
  cluster.isLeader = false;
  cluster.start();
  await untilHolds(() => expect(cluster.writes).toEqual(['p']));
});

test('somebody else who undoes what is written is not fought', async () => {
  cluster = new Cluster();
  cluster.isUndone = true;
  cluster.put('p', broken);
  cluster.start();
  await quiet();
  expect(cluster.writes).toEqual(['p']);
  cluster.put('p', good, 2);
  await quiet();
  expect(cluster.writes).toEqual(['p', 'p']);
});

test('while nothing can be written it waits, says so once, and tells nothing; then it goes on', async () => {
  cluster = new Cluster();
  cluster.outcome = { kind: 'unavailable', reason: 'permission is missing' };
  cluster.put('p', broken);
  cluster.start();
  await quiet();
  expect(cluster.writes.length).toBeGreaterThan(1);
  expect(cluster.writes.length).toBeLessThan(6);
  expect([cluster.warnings, cluster.told]).toEqual([['{"reason":"permission is missing"}'], []]);
  cluster.outcome = { kind: 'written' };
  await untilHolds(() => expect(cluster.told).toHaveLength(1));
});

test('a status that is not accepted keeps no other one waiting, and is not tried in a loop', async () => {
  cluster = new Cluster();
  cluster.outcome = { kind: 'not-accepted', reason: 'its schema is another one' };
  cluster.put('p', broken);
  cluster.start();
  await quiet();
  expect(cluster.writes).toEqual(['p']);
  cluster.outcome = { kind: 'written' };
  cluster.put('q', good);
  await untilHolds(() => expect(cluster.writes).toEqual(['p', 'q']));
});

test('looks again without a change: exceptions expire', async () => {
  cluster = new Cluster();
  let now = new Date('2026-06-01T00:00:00Z');
  const exceptions = [{ images: ['a.example/b@*'], reason: 'r', owner: 'o', expires: '2026-06-02T00:00:00Z' }];
  cluster.put('p', { ...good, exceptions });
  cluster.start({ clock: { now: () => now } }, { look: 10 });
  await untilHolds(() => expect(cluster.writes).toEqual(['p']));
  await quiet();
  now = new Date('2026-06-03T00:00:00Z');
  await untilHolds(() => expect(cluster.writes).toEqual(['p', 'p']));
});

test('ten thousand policies that are right already hold nobody up', async () => {
  cluster = new Cluster();
  cluster.isLeader = false;
  cluster.put('first', good);
  cluster.isLeader = true;
  cluster.start();
  await untilHolds(() => expect(cluster.writes).toEqual(['first']));
  for (const close of cluster.closers.splice(0)) await close();
  // Just written by the controller.
  const { status } = (cluster.objects.get('first')?.object ?? {}) as { status?: PolicyStatus };
  for (let index = 0; index < 10_000; index += 1) cluster.put(`p${index}`, good, 1, status);
  let longest = 0;
  let last = performance.now();
  const probe = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  cluster.start();
  await quiet();
  await quiet();
  clearInterval(probe);
  expect(cluster.writes).toEqual(['first']);
  expect(longest).toBeLessThan(500);
});
