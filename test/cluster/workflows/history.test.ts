/**
 * The history of what was run, while PostgreSQL and the controller are killed: every action has one complete record, and a
 * workflow goes only after its record is stored. Pods are of a node that only seems to run them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { hasPostgres, startPostgres, type PostgresServer } from '../../adapters/postgres/server.ts';
import { startFakeNode } from '../../bench/fake-node.ts';
import { hasNode } from '../access.ts';
import { say } from '../builds.ts';
import type { ApiObject } from '../gate/api.ts';
import { startGate, type Gate } from '../gate/gate.ts';
import { userRole } from '../gate/user-roles.ts';
import { startPart, type WebhookProcess } from '../gate/webhook-process.ts';
import { valueAt } from '../gate/workloads.ts';
import { freePorts, until } from '../processes.ts';
import { actionImage, settingsMap, workflowApi } from './world.ts';

const workflows = 200;
const actionType = 'kubernetes/scale_deployment';
/** So that the time is that of the work, and not of its rate. */
const settings = { 'kubernetes-qps': '500', 'kubernetes-burst': '1000', 'workflow-ttl-seconds': '3600' };

type Found = Readonly<Record<string, unknown>>;

describe.runIf(hasNode && hasPostgres())('the action history of a cluster', { timeout: 300_000 }, () => {
  const stops: (() => Promise<unknown> | void)[] = [];
  let gate: Gate;
  let postgres: PostgresServer;
  let controller: WebhookProcess;
  let images: { readonly signed: string; readonly unsigned: string };
  let ask: (path: string, token?: string) => Promise<{ readonly status: number; readonly body: unknown }>;
  let token: string;

  beforeAll(async () => {
    gate = await startGate({}, ['--workflows=false']);
    stops.push(() => gate.close());
    await cordon(gate, true);
    stops.push(() => cordon(gate, false));
    const node = await startFakeNode(gate.api);
    stops.push(() => node.close());
    const map: ApiObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: settingsMap };
    await gate.api.apply({ ...map, data: settings });
    stops.push(() => gate.api.remove(map));
    postgres = await startPostgres();
    stops.push(() => postgres.remove());
    const database = `--database=${await postgres.createDatabase('history')}`;
    controller = await startPart('controller', [...gate.flags, '--leader-elect=false', '--scan-minutes=0', database]);
    stops.push(() => controller.close());
    const [port = 0] = await freePorts(1);
    const records = await startPart('records', [...gate.flags, database, `--console-listen=127.0.0.1:${port}`]);
    stops.push(() => records.close());
    const dispatcher = new Agent({ connect: { ca: Buffer.from(records.caBundle, 'base64').toString() } });
    stops.push(() => dispatcher.close());
    ask = async (path, shown) => {
      const headers = shown === undefined ? {} : { authorization: `Bearer ${shown}` };
      const answer = await request(`https://127.0.0.1:${port}${path}`, { dispatcher, headers });
      return { status: answer.statusCode, body: await answer.body.json() };
    };
    const spec = { inputs: [{ name: 'replicas', type: 'integer', required: false }] };
    images = {
      signed: actionImage(gate, 'steady', '', { spec }).pinned,
      unsigned: actionImage(gate, 'unsigned', '', { spec, unsigned: true }).pinned,
    };
    token = await tokenOf('viewer');
    await gate.api.apply(userRole('countersign-console-viewer'));
    await gate.api.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `history-${gate.namespace}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'countersign-console-viewer' },
      subjects: [{ kind: 'ServiceAccount', name: 'viewer', namespace: gate.namespace }],
    });
  }, 240_000);
  afterAll(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  }, 120_000);

  async function tokenOf(name: string): Promise<string> {
    const { namespace, api } = gate;
    await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
    const body = { spec: { audiences: [], expirationSeconds: 3_600 } };
    const { status } = await api.core.createNamespacedServiceAccountToken({ name, namespace, body });
    return status?.token ?? '';
  }

  /** Every fifth has a second step, every twentieth an image that nobody has signed. */
  function workflow(index: number): ApiObject {
    const image = index % 20 === 0 ? images.unsigned : images.signed;
    const first = { name: 'scale', actionType, image, inputs: { replicas: index } };
    const second = { name: 'verify', actionType, image: images.signed, runAfter: ['scale'] };
    return named(`many-${index}`, { steps: index % 5 === 0 ? [first, second] : [first] });
  }

  function named(name: string, spec: object): ApiObject {
    return {
      apiVersion: workflowApi,
      kind: 'WorkflowExecution',
      metadata: { name, namespace: gate.namespace },
      spec,
    };
  }

  async function all(): Promise<readonly unknown[]> {
    const [group, version] = workflowApi.split('/');
    const path = `/apis/${group}/${version}/namespaces/${gate.namespace}/workflowexecutions`;
    const items = asRecord(JSON.parse((await gate.api.get(path)).text))?.['items'];
    return Array.isArray(items) ? items : [];
  }

  const hasEnded = (object: unknown): boolean => /Completed|Failed/.test(String(valueAt(object, 'status.phase')));
  const conditionOf = (object: unknown): unknown => {
    const conditions = valueAt(object, 'status.conditions');
    return (Array.isArray(conditions) ? conditions : []).find((one: unknown) => asRecord(one)?.['type'] === 'Recorded');
  };
  const isRecorded = (object: unknown): boolean => asRecord(conditionOf(object))?.['status'] === 'True';

  /** So many have ended, which says how far it has come. */
  async function ended(count: number): Promise<void> {
    const there = await until(async () => (await all()).filter(hasEnded).length >= count, 150_000);
    expect(there, `${count} do not end\n${controller.log().slice(-3_000)}`).toBe(true);
  }

  async function everything(): Promise<readonly Found[]> {
    const found: Found[] = [];
    let after = '';
    do {
      const query = new URLSearchParams({ action_type: actionType, time_range: '1h', limit: '100' });
      if (after !== '') query.set('after', after);
      const { status, body } = await ask(`/api/v1/audit/actions?${query.toString()}`, token);
      expect([status, body]).toEqual([200, expect.anything()]);
      const page = asRecord(body);
      for (const action of Array.isArray(page?.['actions']) ? page['actions'] : []) found.push(asRecord(action) ?? {});
      after = typeof page?.['next'] === 'string' ? page['next'] : '';
    } while (after !== '');
    return found;
  }

  test('has one complete record of every action, whoever was killed meanwhile', async () => {
    const began = performance.now();
    const objects = Array.from({ length: workflows }, (_, index) => workflow(index));
    for (let at = 0; at < workflows; at += 25)
      await Promise.all(objects.slice(at, at + 25).map((object) => gate.api.create(object)));
    await ended(25);
    await postgres.kill();
    await sleep(4_000);
    await postgres.start();
    await ended(100);
    await postgres.kill();
    await sleep(2_000);
    await controller.kill();
    await controller.start();
    await postgres.start();
    await ended(workflows);
    // What waited while the database was away is tried again at the latest a minute later.
    const recorded = await until(async () => (await all()).every(isRecorded), 90_000);
    const missing = (await all()).filter((object) => !isRecorded(object)).map((object) => conditionOf(object));
    expect(recorded, `${JSON.stringify(missing.slice(0, 3))}\n${controller.log().slice(-3_000)}`).toBe(true);
    say(`${workflows} workflows ended and were recorded in ${Math.round((performance.now() - began) / 1_000)} s`);

    const records = await everything();
    const expected = objects.flatMap((object) =>
      (valueAt(object, 'spec.steps') as readonly { readonly name: string }[]).map(
        ({ name }) => `${object.metadata.name}/${name}`,
      ),
    );
    const steps = records.map((record) => `${String(record['workflow_id'])}/${String(record['step'])}`);
    expect(steps.toSorted()).toEqual(expected.toSorted());
    const others = records.filter((record) => whatCameOf(record)['status'] !== record['status']);
    expect(others).toEqual([]);
    for (const record of records) expectComplete(record);
  });

  function expectComplete(record: Found): void {
    expect(record).toMatchObject(whatCameOf(record));
    expect(record['image']).toMatch(/@sha256:[0-9a-f]{64}$/);
    const [from = 0, to = 0] = [record['executed_at'], record['completed_at']].map((time) => Date.parse(String(time)));
    expect(from).toBeGreaterThan(Date.now() - 600_000);
    expect(to).toBeGreaterThanOrEqual(from);
    expect(record['duration_ms'] ?? 0).toBe(to - from);
  }

  function whatCameOf({ workflow_id: workflowId, step }: Found): Found {
    const index = Number(String(workflowId).slice('many-'.length));
    const isFirst = step === 'scale';
    const asked = { namespace: gate.namespace, engine: 'job', action_type: actionType };
    const inputs = isFirst ? { replicas: index } : {};
    if (index % 20 !== 0) return { ...asked, inputs, status: 'completed', attempts: 1, outputs: { done: true } };
    if (isFirst) return { ...asked, inputs, status: 'failed', failure_reason: 'Forbidden' };
    return { ...asked, inputs, status: 'skipped' };
  }

  test('keeps a finished workflow until its record is stored, whatever its time to live is', async () => {
    const short = named('short-lived', {
      ttlSecondsAfterFinished: 1,
      steps: [{ name: 'scale', actionType, image: images.signed }],
    });
    await postgres.kill();
    await gate.api.create(short);
    const isOver = async (): Promise<boolean> => hasEnded(await gate.api.read(short));
    expect(await until(isOver, 40_000)).toBe(true);
    await sleep(4_000);
    const stays = await gate.api.read(short);
    expect(valueAt(stays, 'status.phase')).toBe('Completed');
    expect(isRecorded(stays)).toBe(false);
    await postgres.start();
    const isGone = async (): Promise<boolean> => (await gate.api.read(short)) === undefined;
    expect(await until(isGone, 80_000)).toBe(true);
    const { body } = await ask('/api/v1/audit/actions?workflow=short-lived&time_range=1h', token);
    expect(asRecord(body)?.['actions']).toMatchObject([
      { step: 'scale', status: 'completed', outputs: { done: true } },
    ]);
  });

  test('is shown to whoever has the right, by the word of the API server, and to nobody else', async () => {
    const path = '/api/v1/audit/actions?time_range=1h&limit=1';
    expect((await ask(path)).status).toBe(401);
    expect((await ask(path, 'nobody')).status).toBe(401);
    expect((await ask(path, await tokenOf('stranger'))).status).toBe(403);
    expect((await ask(path, token)).status).toBe(200);
  });
});

/** Nodes that run Pods for real take none meanwhile, or all do again. */
async function cordon({ api }: Gate, unschedulable: boolean): Promise<void> {
  const { items } = await api.core.listNode();
  for (const { metadata } of items) {
    const node: ApiObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: metadata?.name ?? '' } };
    await api.merge(node, { spec: { unschedulable } });
  }
}
