/** A thousand finished Tasks, a time to live and a number to keep: exactly those that should go are gone, each with one request. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { clusterFacts } from '../access.ts';
import { inTurns } from './in-turns.ts';
import { until } from '../processes.ts';
import { openCode, type World } from './world.ts';

const finished = 1_000;
const kept = 100;

export function retention(place: () => World): void {
  let world: World;

  beforeAll(() => {
    world = place();
  });

  const deletions = (namespace: string): number =>
    readFileSync(join(clusterFacts().folder, 'audit.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"verb":"delete"') && line.includes(`/namespaces/${namespace}/tasks/`)).length;

  test(`${finished} of them: the newest ${kept} of those within their time stay`, { timeout: 400_000 }, async () => {
    const namespace = await world.another();
    const now = Date.now();
    const hour = 3_600_000;
    // The later, the younger; one in ten is older than its time to live, whatever its number.
    const ages = Array.from({ length: finished }, (_, index) =>
      index % 10 === 0 ? 2 * hour : (finished - index) * 1_000,
    );
    await inTurns(ages, 8, async (age, index) => {
      const task = world.task(`done-${String(index).padStart(4, '0')}`, { description: 'x' }, { namespace });
      await world.put(task, {
        phase: index % 3 === 0 ? 'Failed' : 'Completed',
        startTime: new Date(now - age - 1_000).toISOString().replace(/\.\d+/, ''),
        completionTime: new Date(now - age).toISOString().replace(/\.\d+/, ''),
        podName: 'none',
        podNamespace: namespace,
      });
    });
    const before = deletions(namespace);
    await world.api.apply({
      apiVersion: openCode,
      kind: 'KubeOpenCodeConfig',
      metadata: { name: 'default', namespace },
      spec: { cleanup: { ttlSecondsAfterFinished: 3_600, maxRetainedTasks: kept } },
    });
    const wanted = ages
      .flatMap((age, index) => (age < hour ? [`done-${String(index).padStart(4, '0')}`] : []))
      .slice(-kept);
    const names = async (): Promise<readonly string[]> =>
      (await world.list(openCode, 'tasks', namespace)).map(({ metadata }) => metadata.name).sort();
    await until(async () => (await names()).length <= kept, 240_000);
    expect(await names()).toEqual(wanted);
    expect(deletions(namespace) - before).toBe(finished - kept);
  });
}
