/**
 * What workflows cost: two hundred of three steps at a time on one controller, with a real API server, Job controller and
 * scheduler and Pods that only seem to run; and how often the API server is asked for one workflow, by Countersign on Jobs
 * and by Tekton for the same steps, counted in the API server's own audit log.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoRegistry } from '../../src/demo/registry/serve.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { Engine } from '../../src/workflow/model.ts';
import type { Api, ApiObject } from '../cluster/gate/api.ts';
import { runnableImage, signed } from '../cluster/gate/images.ts';
import type { WebhookProcess } from '../cluster/gate/webhook-process.ts';
import { findTektonPrograms } from '../cluster/programs.ts';
import { startTekton } from '../cluster/tekton/start-tekton.ts';
import { callsBy, sizeOf, total, type Calls } from './audit.ts';
import { growth, quantile, samples } from './prometheus-page.ts';
import { megabytes, milliseconds, type Row, type Section } from './report.ts';
import { withCluster } from './with-cluster.ts';

const sizes = { many: 200, few: 20 };
const stepsOfEach = 3;
const patienceMs = 15 * 60_000;
/** What an installation is given. */
const targets = { rss: 384 * 1024 * 1024, reconcileMs: 1_000 };
/** Everything of a cluster runs beside it: above this load for each processor, times say more about the machine. */
const tooBusy = 2;
const system = 'countersign-system';
const userOf = (account: string): string => `system:serviceaccount:${system}:${account}`;
/** So that figures are of the controller and not of what it is allowed to ask. */
const settings = { 'kubernetes-qps': '500', 'kubernetes-burst': '1000' };

interface World {
  readonly api: Api;
  readonly auditLog: string;
  readonly controller: WebhookProcess;
  readonly image: string;
  readonly namespace: string;
  /** Undefined: it was not started. */
  readonly tektonUser: string | undefined;
}

interface Ran {
  readonly workflows: number;
  readonly seconds: number;
  readonly completed: number;
  readonly peakRss: number;
  /** Of the controller, milliseconds of all of its threads. */
  readonly cpuMs: number;
  /** Processes that want to run, for each processor. */
  readonly load: number;
  readonly ours: Calls;
  readonly tektons: Calls;
  /** Milliseconds. */
  readonly reconcileP99: { readonly workflows: number; readonly actions: number };
}

export async function measureWorkflows(): Promise<Section> {
  return withWorld(async (world) => {
    // What is fetched once (policies, signatures, contracts) is no cost of a workflow.
    await run(world, 'warm', 'job', 5);
    const jobs = await run(world, 'job', 'job', sizes.many);
    const few = await run(world, 'few', 'job', sizes.few);
    const tekton = world.tektonUser === undefined ? undefined : await run(world, 'tekton', 'tekton', sizes.few);
    return {
      name: 'workflows',
      figures: { jobs, few, tekton },
      rows: rowsOf(jobs, few, tekton),
    };
  });
}

function withWorld<T>(act: (world: World) => Promise<T>): Promise<T> {
  return withCluster(async ({ api, auditLog, registry, key, folder, namespace, startController, stops }) => {
    await api.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kubernaut-workflowexecution-config', namespace: system },
      data: settings,
    });
    const image = signed(registry, 'actions/bench', actionImage(registry), key).pinned;
    const tektonUser = await startTektonAs('bench-tekton', api, folder, stops);
    const controller = await startController([]);
    return act({ api, auditLog, controller, image, namespace, tektonUser });
  });
}

function actionImage(registry: DemoRegistry): ReturnType<typeof runnableImage> {
  const contract = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'ActionContract',
    metadata: { name: 'bench', version: 'v1.0.0' },
    spec: {
      description: 'An action of the bench',
      inputs: [{ name: 'replicas', type: 'integer', required: true }],
      resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '500m', memory: '64Mi' } },
      rbac: { permissions: [] },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      },
    },
  };
  return runnableImage(registry, 'actions/bench', [], {
    user: '1000',
    labels: { 'ai.kubernaut.action-contract': JSON.stringify(contract) },
    entrypoint: ['/action-entrypoint'],
    entries: [{ kind: 'file', path: 'action-entrypoint', content: Buffer.from('#!/bin/sh\n'), executable: true }],
  });
}

/** With a login of its own, so that the API server's audit log tells it from others; the log is of that namespace's. */
async function startTektonAs(
  name: string,
  api: Api,
  folder: string,
  stops: (() => unknown)[],
): Promise<string | undefined> {
  const programs = await findTektonPrograms();
  if (programs === undefined) return undefined;
  await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: system } });
  await api.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name, namespace: system }],
  });
  const body = { spec: { audiences: [], expirationSeconds: 7_200 } };
  const { status } = await api.core.createNamespacedServiceAccountToken({ name, namespace: system, body });
  const cluster = api.config.getCurrentCluster();
  const kubeconfig = join(folder, 'tekton.kubeconfig');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: cluster?.server, 'certificate-authority': cluster?.caFile } }],
    users: [{ name, user: { token: status?.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  writeFileSync(kubeconfig, JSON.stringify(content), { mode: 0o600 });
  const tekton = await startTekton(api, kubeconfig, programs);
  stops.push(() => tekton.close());
  return userOf(name);
}

async function run(world: World, name: string, engine: Engine, workflows: number): Promise<Ran> {
  const { api, auditLog, controller, tektonUser } = world;
  const since = sizeOf(auditLog);
  const before = (await controller.get('/metrics')).text;
  const began = performance.now();
  const objects = Array.from({ length: workflows }, (_, index) => workflow(world, `${name}-${index}`, engine));
  for (let at = 0; at < objects.length; at += 25) {
    await Promise.all(objects.slice(at, at + 25).map((object) => api.create(object)));
  }
  let peakRss = 0;
  let ended: readonly string[] = [];
  const end = Date.now() + patienceMs;
  while (ended.length < workflows) {
    if (Date.now() > end) throw new Error(`${workflows - ended.length} of ${workflows} workflows do not end`);
    await sleep(2_000);
    const { text } = await controller.get('/metrics');
    peakRss = Math.max(peakRss, samples(text, 'process_resident_memory_bytes')[0]?.value ?? 0);
    ended = await endedPhases(world, `${name}-`);
  }
  const seconds = (performance.now() - began) / 1_000;
  const load = (loadavg()[0] ?? 0) / availableParallelism();
  // What follows the end of a workflow belongs to it: records, removals.
  await sleep(5_000);
  const pages = { before, after: (await controller.get('/metrics')).text };
  const p99 = (reconciler: string): number =>
    1_000 * quantile(pages, 'countersign_reconcile_duration_seconds', `reconciler="${reconciler}"`, 0.99);
  return {
    workflows,
    seconds,
    completed: ended.filter((phase) => phase === 'Completed').length,
    peakRss,
    cpuMs: 1_000 * growth(pages, 'process_cpu_seconds_total'),
    load,
    ours: callsBy(userOf('countersign'), auditLog, since),
    tektons: tektonUser === undefined ? {} : callsBy(tektonUser, auditLog, since),
    reconcileP99: { workflows: p99('workflows'), actions: p99('actions') },
  };
}

/** Two steps at once, and one after both. */
function workflow({ namespace, image }: World, name: string, engine: Engine): ApiObject {
  const step = (step: string, ...runAfter: readonly string[]): object => ({
    name: step,
    actionType: 'kubernetes/scale_deployment',
    image,
    inputs: { replicas: 3 },
    runAfter,
  });
  return {
    apiVersion: 'workflowexecution.kubernaut.ai/v1alpha1',
    kind: 'WorkflowExecution',
    metadata: { name, namespace, annotations: { 'kubernaut.io/executor': engine } },
    spec: { steps: [step('one'), step('two'), step('three', 'one', 'two')] },
  };
}

async function endedPhases({ api, namespace }: World, prefix: string): Promise<readonly string[]> {
  const path = `/apis/workflowexecution.kubernaut.ai/v1alpha1/namespaces/${namespace}/workflowexecutions?resourceVersion=0`;
  const items = asRecord(JSON.parse((await api.get(path)).text))?.['items'];
  return (Array.isArray(items) ? items : []).flatMap((item: unknown) => {
    const phase = asRecord(asRecord(item)?.['status'])?.['phase'];
    const isOurs = String(asRecord(asRecord(item)?.['metadata'])?.['name']).startsWith(prefix);
    return isOurs && (phase === 'Completed' || phase === 'Failed') ? [phase] : [];
  });
}

function rowsOf(jobs: Ran, few: Ran, tekton: Ran | undefined): readonly Row[] {
  const { workflows, actions } = jobs.reconcileP99;
  const slowest = Math.max(workflows, actions);
  const each = (calls: Calls, { workflows }: Ran): string => (total(calls) / workflows).toFixed(1);
  const beside = tekton === undefined ? 'no Tekton here' : `${each(tekton.tektons, tekton)} of Tekton`;
  const ratio = tekton === undefined ? Number.NaN : total(few.ours) / total(tekton.tektons);
  return [
    {
      what: `${jobs.workflows} workflows of ${stepsOfEach} steps at a time on Jobs: all completed after`,
      ours: `${jobs.seconds.toFixed(0)} s`,
      beside: '',
      target: {
        demanded: `${jobs.workflows} completed`,
        reached: String(jobs.completed),
        isMet: jobs.completed === jobs.workflows,
      },
    },
    {
      what: `reconcile p99: workflows, actions (beside: ${few.workflows} at a time)`,
      ours: `${milliseconds(workflows)}, ${milliseconds(actions)}`,
      beside: `${milliseconds(few.reconcileP99.workflows)}, ${milliseconds(few.reconcileP99.actions)}`,
      target: {
        demanded: `<= ${milliseconds(targets.reconcileMs)}`,
        reached: milliseconds(slowest),
        isMet: slowest <= targets.reconcileMs || (jobs.load > tooBusy ? 'unknown' : false),
      },
    },
    {
      what: 'processor time of the controller for each workflow',
      ours: milliseconds(jobs.cpuMs / jobs.workflows),
      beside: milliseconds(few.cpuMs / few.workflows),
    },
    {
      what: 'memory (RSS) of the controller at most',
      ours: megabytes(jobs.peakRss),
      beside: '',
      target: {
        demanded: `<= ${megabytes(targets.rss)}`,
        reached: megabytes(jobs.peakRss),
        isMet: jobs.peakRss <= targets.rss,
      },
    },
    {
      what: `API calls for each of ${jobs.workflows} workflows at a time on Jobs`,
      ours: each(jobs.ours, jobs),
      beside: '',
    },
    {
      what: `API calls for each of ${few.workflows} workflows on Jobs (beside: Tekton's controller, same steps)`,
      ours: each(few.ours, few),
      beside,
      ...(tekton && {
        target: { demanded: '<= 1.00 x', reached: `${ratio.toFixed(2)} x`, isMet: ratio <= 1 },
      }),
    },
    ...(tekton === undefined
      ? []
      : [{ what: 'API calls of Countersign for a workflow on Tekton', ours: each(tekton.ours, tekton), beside }]),
  ];
}
