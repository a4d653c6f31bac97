/** `countersign controller` as a process of its own, beside a gate that leaves workflows alone, in a cluster without Tekton. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasNode } from '../access.ts';
import type { ApiObject } from '../gate/api.ts';
import { startGate, type Gate } from '../gate/gate.ts';
import { startPart, type WebhookProcess } from '../gate/webhook-process.ts';
import { valueAt } from '../gate/workloads.ts';
import { until } from '../processes.ts';
import { actionImage, settingsMap, workflowApi } from './world.ts';

describe.runIf(hasNode)('the controller as a process of its own', { timeout: 120_000 }, () => {
  let gate: Gate;
  let controller: WebhookProcess;

  beforeAll(async () => {
    gate = await startGate({}, ['--workflows=false']);
    controller = await startPart('controller', [...gate.flags, '--leader-elect=false']);
  }, 120_000);
  afterAll(async () => {
    await controller?.close();
    await gate?.close();
  }, 60_000);

  const workflow = (name: string, steps: readonly object[], more: object = {}): ApiObject => ({
    apiVersion: workflowApi,
    kind: 'WorkflowExecution',
    metadata: { name, namespace: gate.namespace },
    spec: { ...more, steps },
  });
  const phase = async (object: ApiObject): Promise<unknown> => valueAt(await gate.api.read(object), 'status.phase');
  const problems = (): readonly string[] =>
    controller
      .log()
      .split('\n')
      .filter((line) => /"level":"?(?:error|50)/.test(line));

  test('runs a step as a Job, and has its outputs', async () => {
    const { pinned } = actionImage(gate, 'hello', `echo 'hello'\necho '{"done": 1}'`, {});
    const one = workflow('one', [{ name: 'hello', image: pinned, inputs: {} }]);
    await gate.api.create(one);
    const ended = await until(async () => /Completed|Failed/.test(String(await phase(one))), 60_000);
    const stored = await gate.api.read(one);
    expect(ended, `${JSON.stringify(stored)}\n${controller.log().slice(-4_000)}`).toBe(true);
    expect(valueAt(stored, 'status.phase'), `${JSON.stringify(stored)}`).toBe('Completed');
    expect(valueAt(stored, 'status.steps.0')).toMatchObject({
      name: 'hello',
      phase: 'Completed',
      outputs: { done: 1 },
    });
    expect(problems()).toEqual([]);
  });

  test('an unsigned image runs nothing', async () => {
    const { pinned } = actionImage(gate, 'foreign', `echo '{}'`, { unsigned: true });
    const two = workflow('two', [{ name: 'foreign', image: pinned }]);
    await gate.api.create(two);
    expect(await until(async () => (await phase(two)) === 'Failed', 30_000), `${controller.log().slice(-4_000)}`).toBe(
      true,
    );
    const { text } = await gate.api.get(`/apis/batch/v1/namespaces/${gate.namespace}/jobs`);
    expect(text).not.toContain('foreign');
  });

  test('a wrong setting is told at its ConfigMap, and a right one counts at once', async () => {
    const configMap: ApiObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: settingsMap };
    await gate.api.apply({
      ...configMap,
      data: { 'max-parallel-steps': 'many', 'complexity-approval-threshold': '1' },
    });
    const told = async (): Promise<boolean> => {
      const { items } = await gate.api.core.listNamespacedEvent({ namespace: settingsMap.namespace });
      return items.some(
        ({ involvedObject, message = '' }) =>
          involvedObject.name === settingsMap.name && message.includes('max-parallel-steps'),
      );
    };
    expect(await until(told, 20_000)).toBe(true);
    const image = 'registry.invalid/none@sha256:'.padEnd(93, 'a');
    const three = workflow('three', [
      { name: 'first', image },
      { name: 'second', image, runAfter: ['first'] },
    ]);
    await gate.api.create(three);
    const waits = async (): Promise<boolean> =>
      String(valueAt(await gate.api.read(three), 'status.message'))
        .toLowerCase()
        .includes('approv');
    expect(await until(waits, 10_000), `${JSON.stringify(await gate.api.read(three))}`).toBe(true);
    await gate.api.remove(three);
    await gate.api.remove(configMap);
  });

  test('nothing is forbidden to it, and it writes nothing more', () => {
    expect(controller.log()).not.toMatch(/permission is missing/);
  });
});
