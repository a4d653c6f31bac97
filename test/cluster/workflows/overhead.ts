/** What a run on Jobs costs beside the action itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { say } from '../builds.ts';
import type { PushedImage } from '../gate/images.ts';
import { record, type Recorder } from './recorder.ts';
import type { Place } from './world.ts';

const runs = 20;

export function overhead(place: () => Place): void {
  let world: Place;
  let image: PushedImage;
  let actions: Recorder;
  let jobs: Recorder;

  beforeAll(async () => {
    world = place();
    await world.configure({});
    image = world.action('quick', 'echo "{\\"done\\":true}"');
    const { config } = world.api;
    actions = await record(
      config,
      `/apis/execution.kubernaut.ai/v1alpha1/namespaces/${world.namespace}/actionexecutions`,
    );
    jobs = await record(config, `/apis/batch/v1/namespaces/${world.namespace}/jobs`);
  }, 240_000);
  afterAll(async () => {
    actions?.close();
    jobs?.close();
  });

  test('has its Job 300 ms after its ActionExecution, and ends within ten seconds', { timeout: 240_000 }, async () => {
    const endToEnd: number[] = [];
    for (let at = 0; at < runs; at += 1) {
      const began = performance.now();
      const status = await world.run(world.workflow(`single-${at}`, [{ name: 'only', image: image.pinned }]));
      expect(status).toMatchObject({ phase: 'Completed', engine: 'job' });
      endToEnd.push(performance.now() - began);
    }
    const created = new Map(jobs.added().map(({ name, at }) => [name, at]));
    const own = actions.added().filter(({ name }) => name.startsWith('single-'));
    const waits = own.map(({ name, at }) => (created.get(name) ?? Infinity) - at);
    expect(waits).toHaveLength(runs);
    // The first one fetches signature and contract.
    say(`Job after ${Math.round(median(waits.slice(1)))} ms, end to end ${Math.round(median(endToEnd))} ms`);
    expect(median(waits.slice(1))).toBeLessThan(300);
    expect(median(endToEnd)).toBeLessThan(10_000);
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Infinity;
}
