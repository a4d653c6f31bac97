/** The controller is killed again and again while workflows run on both engines: every step runs exactly once. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../../src/workflow/model.ts';
import type { ApiObject } from '../gate/api.ts';
import { program } from '../gate/webhook-process.ts';
import { freePorts, isOpen, until } from '../processes.ts';
import { record, type Recorder } from './recorder.ts';
import type { Place } from './world.ts';

const kills = 50;

export function killed(place: () => Place): void {
  let world: Place;
  let pods: Recorder;
  let jobs: Recorder;
  let taskRuns: Recorder;
  const folder = mkdtempSync(join(tmpdir(), 'countersign-kills-'));

  beforeAll(async () => {
    world = place();
    await world.configure({});
    // Its place is taken by those that are killed.
    await world.controller.stop();
    const at = (root: string): Promise<Recorder> =>
      record(world.api.config, `${root.replace('NS', `namespaces/${world.namespace}`)}`);
    pods = await at('/api/v1/NS/pods');
    jobs = await at('/apis/batch/v1/NS/jobs');
    taskRuns = await at('/apis/tekton.dev/v1/NS/taskruns');
  }, 60_000);
  afterAll(async () => {
    for (const recorder of [pods, jobs, taskRuns]) recorder?.close();
    rmSync(folder, { recursive: true, force: true });
    await world.controller.start();
  }, 60_000);

  /** Two that start at once, two that wait for both, one that waits for these, and one at the end. */
  const graph: readonly (readonly [string, readonly string[]])[] = [
    ['a', []],
    ['b', []],
    ['c', ['a', 'b']],
    ['d', ['a', 'b']],
    ['e', ['c', 'd']],
    ['f', ['e']],
  ];

  const flagsOf = (port: number): readonly string[] => [
    '--workflows=true',
    '--leader-elect=false',
    `--listen=127.0.0.1:${port}`,
    `--decision-log=${join(folder, 'decisions.jsonl')}`,
    `--certificates-folder=${join(folder, 'certificates')}`,
    `--database=${join(folder, 'records.sqlite')}`,
    '--console-listen=none',
    '--console-local=none',
    '--scan-minutes=0',
    ...world.gate.flags,
  ];

  /** Lives so long once it is at work, and is gone from one moment to the next. */
  async function controllerFor(milliseconds: number, port: number): Promise<void> {
    const child = spawn(process.execPath, [program, 'controller', ...flagsOf(port)], { stdio: 'ignore' });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    expect(await until(() => isOpen(port), 30_000)).toBe(true);
    await Promise.race([sleep(milliseconds), ended]);
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    await ended;
  }

  test(`${kills} times runs every step once, in order, on both engines`, { timeout: 900_000 }, async () => {
    const image = world.action('steady', 'sleep 1; echo "{\\"done\\":true}"').pinned;
    const steps = graph.map(([name, runAfter]) => ({ name, image, runAfter }));
    const workflows: ApiObject[] = [];
    const begin = async (engine: Engine): Promise<void> => {
      const workflow = world.workflow(`killed-${workflows.length}-${engine}`, steps, { engine });
      workflows.push(workflow);
      await world.api.create(workflow);
    };
    const isOver = async (workflow: ApiObject): Promise<boolean> =>
      ['Completed', 'Failed'].includes((await world.status(workflow))?.phase ?? '');
    const [port = 0] = await freePorts(1);
    for (let kill = 0; kill < kills; kill += 1) {
      for (const engine of ['job', 'tekton'] as const) {
        const running = workflows.filter(({ metadata }) => metadata.name.endsWith(engine));
        const over = await Promise.all(running.map(isOver));
        if (over.every(Boolean)) await begin(engine);
      }
      await controllerFor(Math.random() * 2_500, port);
    }
    const last = spawn(process.execPath, [program, 'controller', ...flagsOf(port)], { stdio: 'ignore' });
    try {
      for (const workflow of workflows) {
        const status = await world.ended(workflow, 120_000);
        expect(status).toMatchObject({ phase: 'Completed' });
        expect(status.steps.map(({ phase, outputs }) => [phase, outputs])).toEqual(
          graph.map(() => ['Completed', { done: true }]),
        );
        expectOrder(status.steps);
        const { name } = workflow.metadata;
        for (const [step] of graph) {
          const made = (name.endsWith('job') ? jobs : taskRuns).added().filter((run) => run.name === `${name}-${step}`);
          expect(made, `${name}-${step}`).toHaveLength(1);
        }
        expect(pods.added().filter(({ labels }) => labels['kubernaut.io/workflow'] === name)).toHaveLength(
          graph.length,
        );
      }
    } finally {
      last.kill('SIGTERM');
    }
    // More than one of each, or the kills would all have met the same moment.
    expect(workflows.length).toBeGreaterThanOrEqual(2);
  });

  function expectOrder(
    steps: readonly { readonly name: string; readonly startedAt?: string; readonly completedAt?: string }[],
  ): void {
    const found = new Map(steps.map((step) => [step.name, step]));
    for (const [name, parents] of graph) {
      for (const parent of parents) {
        const [started, completed] = [found.get(name)?.startedAt, found.get(parent)?.completedAt];
        expect(Date.parse(started ?? '')).toBeGreaterThanOrEqual(Date.parse(completed ?? ''));
      }
    }
  }
}
