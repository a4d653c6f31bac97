/** The controller is killed again and again while Tasks queue for an Agent: none is lost, none runs twice, never one too many. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiObject } from '../gate/api.ts';
import { program } from '../gate/webhook-process.ts';
import { freePorts, isOpen, until } from '../processes.ts';
import { watchPhases, type PhaseWatch } from './phases.ts';
import type { World } from './world.ts';

const kills = 30;
const limit = 2;

export function killed(place: () => World): void {
  let world: World;
  let phases: PhaseWatch;
  const folder = mkdtempSync(join(tmpdir(), 'countersign-task-kills-'));

  beforeAll(async () => {
    world = place();
    // Its place is taken by those that are killed.
    await world.controller.stop();
    phases = await watchPhases(world.api.config);
  }, 60_000);
  afterAll(async () => {
    phases?.close();
    rmSync(folder, { recursive: true, force: true });
    await world.controller.start();
  }, 60_000);

  function start(port: number): ReturnType<typeof spawn> {
    const flags = [
      ...world.flags,
      '--leader-elect=false',
      `--listen=127.0.0.1:${port}`,
      `--decision-log=${join(folder, 'decisions.jsonl')}`,
      `--certificates-folder=${join(folder, 'certificates')}`,
      `--database=${join(folder, 'records.sqlite')}`,
      '--console-listen=none',
      '--console-local=none',
    ];
    return spawn(process.execPath, [program, 'controller', ...flags], { stdio: 'ignore' });
  }

  /** Lives so long once it is at work, and is gone from one moment to the next. */
  async function controllerFor(milliseconds: number, port: number): Promise<void> {
    const child = start(port);
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    expect(await until(() => isOpen(port), 30_000)).toBe(true);
    await Promise.race([sleep(milliseconds), ended]);
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    await ended;
  }

  test(`${kills} times: each of the Tasks of three namespaces runs once`, { timeout: 600_000 }, async () => {
    const namespaces = [world.namespace, await world.another(), await world.another()];
    await world.api.apply(world.agent('steady', { maxConcurrentTasks: limit, command: ['sleep', '2'] }));
    const agentRef = { name: 'steady', namespace: world.namespace };
    const all: ApiObject[] = [];
    const [port = 0] = await freePorts(1);
    const isOver = async (task: ApiObject): Promise<boolean> => (await world.status(task))?.phase === 'Completed';
    for (let kill = 0; kill < kills; kill += 1) {
      const open = (await Promise.all(all.map(isOver))).filter((over) => !over).length;
      for (let missing = open; missing < 2 * limit; missing += 1) {
        const namespace = namespaces[all.length % namespaces.length] ?? '';
        const task = world.task(`killed-${all.length}`, { agentRef, description: 'x' }, { namespace });
        all.push(task);
        await world.api.create(task);
      }
      await controllerFor(Math.random() * 2_500, port);
    }
    const last = start(port);
    try {
      for (const task of all) expect(await world.ended(task, 120_000)).toMatchObject({ phase: 'Completed' });
    } finally {
      last.kill('SIGTERM');
    }
    const isOne = (name: string): boolean => name.startsWith('killed-');
    expect(phases.mostRunning(isOne)).toBe(limit);
    expect([...phases.podsOf(isOne).values()]).toEqual(all.map(() => 1));
    // More than the first few, or the kills would all have met the same moment.
    expect(all.length).toBeGreaterThan(3 * limit);
  });
}
