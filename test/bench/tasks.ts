/**
 * What Tasks cost: five hundred that queue for one Agent on one controller, with a real API server and scheduler and Pods that
 * only seem to run; how often the API server is asked for each, counted in its own audit log; and what those that are over,
 * or wait, cost while nothing happens.
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { Api, ApiObject } from '../cluster/gate/api.ts';
import { runnableImage, signed } from '../cluster/gate/images.ts';
import type { WebhookProcess } from '../cluster/gate/webhook-process.ts';
import { callsBy, sizeOf, total, type Calls } from './audit.ts';
import { growth, quantile, samples } from './prometheus-page.ts';
import { megabytes, milliseconds, type Row, type Section } from './report.ts';
import { withCluster } from './with-cluster.ts';

const many = 500;
const atATime = 50;
const patienceMs = 15 * 60_000;
const idleMs = 30_000;
/** What an installation is given, and what a Task needs: label, claim, ConfigMap, Pod, end; the rest is slack. */
const targets = { rss: 384 * 1024 * 1024, reconcileMs: 1_000, calls: 8 };
const tooBusy = 2;
const us = 'system:serviceaccount:countersign-system:countersign';
const openCode = 'kubeopencode.io/v1alpha1';

interface World {
  readonly api: Api;
  readonly auditLog: string;
  readonly controller: WebhookProcess;
  readonly namespace: string;
}

interface Ran {
  readonly seconds: number;
  readonly completed: number;
  /** Of Tasks in phase Running, whenever it was looked. */
  readonly mostRunning: number;
  readonly peakRss: number;
  readonly cpuMs: number;
  readonly load: number;
  readonly calls: Calls;
  /** While all are over, in `idleMs`. */
  readonly idleCalls: Calls;
  readonly reconcileP99: number;
}

export function measureTasks(): Promise<Section> {
  return withCluster(async ({ api, auditLog, registry, key, namespace, startController }) => {
    const image = signed(registry, 'agents/bench', runnableImage(registry, 'agents/bench', ['true']), key).pinned;
    // So that figures are of the controller and not of what it is allowed to ask.
    process.env['KUBERNETES_QPS'] = '500';
    process.env['KUBERNETES_BURST'] = '1000';
    const controller = await startController([`--system-image=${image}`]);
    const spec = {
      agentImage: image,
      executorImage: image,
      serviceAccountName: 'default',
      maxConcurrentTasks: atATime,
    };
    await api.apply({ apiVersion: openCode, kind: 'Agent', metadata: { name: 'default', namespace }, spec });
    const tasks = await run({ api, auditLog, controller, namespace });
    return { name: 'tasks', figures: { tasks }, rows: rowsOf(tasks) };
  });
}

async function run(world: World): Promise<Ran> {
  const { api, auditLog, controller, namespace } = world;
  const since = sizeOf(auditLog);
  const before = (await controller.get('/metrics')).text;
  const began = performance.now();
  const tasks = Array.from({ length: many }, (_, index): ApiObject => ({
    apiVersion: openCode,
    kind: 'Task',
    metadata: { name: `bench-${index}`, namespace },
    spec: { description: 'Say it.' },
  }));
  for (let at = 0; at < tasks.length; at += 25) {
    await Promise.all(tasks.slice(at, at + 25).map((task) => api.create(task)));
  }
  let peakRss = 0;
  let mostRunning = 0;
  let phases = new Map<string, number>();
  const over = (): number => (phases.get('Completed') ?? 0) + (phases.get('Failed') ?? 0);
  const end = Date.now() + patienceMs;
  while (over() < many) {
    if (Date.now() > end) throw new Error(`${many - over()} of ${many} Tasks do not end`);
    await sleep(1_000);
    const { text } = await controller.get('/metrics');
    peakRss = Math.max(peakRss, samples(text, 'process_resident_memory_bytes')[0]?.value ?? 0);
    phases = await phasesOf(world);
    mostRunning = Math.max(mostRunning, phases.get('Running') ?? 0);
  }
  const seconds = (performance.now() - began) / 1_000;
  const load = (loadavg()[0] ?? 0) / availableParallelism();
  await sleep(5_000);
  const calls = callsBy(us, auditLog, since);
  const pages = { before, after: (await controller.get('/metrics')).text };
  const quiet = sizeOf(auditLog);
  await sleep(idleMs);
  return {
    seconds,
    completed: phases.get('Completed') ?? 0,
    mostRunning,
    peakRss,
    cpuMs: 1_000 * growth(pages, 'process_cpu_seconds_total'),
    load,
    calls,
    idleCalls: callsBy(us, auditLog, quiet),
    reconcileP99: 1_000 * quantile(pages, 'countersign_reconcile_duration_seconds', 'reconciler="tasks"', 0.99),
  };
}

async function phasesOf({ api, namespace }: World): Promise<Map<string, number>> {
  const { text } = await api.get(`/apis/${openCode}/namespaces/${namespace}/tasks?resourceVersion=0`);
  const items = asRecord(JSON.parse(text))?.['items'];
  const phases = new Map<string, number>();
  for (const item of Array.isArray(items) ? items : []) {
    const phase = asRecord(asRecord(item)?.['status'])?.['phase'];
    if (typeof phase === 'string') phases.set(phase, (phases.get(phase) ?? 0) + 1);
  }
  return phases;
}

function rowsOf(ran: Ran): readonly Row[] {
  const { calls, idleCalls } = ran;
  const each = total(calls) / many;
  // Those of Tasks, and of what is made for them: watches are renewed, webhooks and policies looked at, whatever there is to do.
  const idle = Object.entries(idleCalls).filter(([what]) => /^(?!watch ).*(?:tasks|agents|pods|configmaps)/.test(what));
  const idleTotal = total(Object.fromEntries(idle));
  return [
    {
      what: `${many} Tasks for one Agent, ${atATime} at a time: all completed after`,
      ours: `${ran.seconds.toFixed(0)} s`,
      beside: `${(many / ran.seconds).toFixed(1)} a second`,
      target: { demanded: `${many} completed`, reached: String(ran.completed), isMet: ran.completed === many },
    },
    {
      what: 'Tasks that ran at the same time, at most',
      ours: String(ran.mostRunning),
      beside: '',
      target: { demanded: `<= ${atATime}`, reached: String(ran.mostRunning), isMet: ran.mostRunning <= atATime },
    },
    {
      what: 'reconcile p99',
      ours: milliseconds(ran.reconcileP99),
      beside: '',
      target: {
        demanded: `<= ${milliseconds(targets.reconcileMs)}`,
        reached: milliseconds(ran.reconcileP99),
        isMet: ran.reconcileP99 <= targets.reconcileMs || (ran.load > tooBusy ? 'unknown' : false),
      },
    },
    { what: 'processor time of the controller for each Task', ours: milliseconds(ran.cpuMs / many), beside: '' },
    {
      what: 'memory (RSS) of the controller at most',
      ours: megabytes(ran.peakRss),
      beside: '',
      target: {
        demanded: `<= ${megabytes(targets.rss)}`,
        reached: megabytes(ran.peakRss),
        isMet: ran.peakRss <= targets.rss,
      },
    },
    {
      what: 'API calls for each Task',
      ours: each.toFixed(1),
      beside: '',
      target: { demanded: `<= ${targets.calls}`, reached: each.toFixed(1), isMet: each <= targets.calls },
    },
    {
      what: `API calls for ${many} finished Tasks in ${idleMs / 1_000} s`,
      ours: String(idleTotal),
      beside: '',
      target: { demanded: '0', reached: String(idleTotal), isMet: idleTotal === 0 },
    },
  ];
}
