/** Looks at what Tekton has of a workflow, has images proven before there is a run, and has it decided upon. */
import { LRUCache } from 'lru-cache';
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { Actions, ProvenAction } from '../../ports/actions.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { isControlledBy } from '../../workflow/controller-reference.ts';
import { kinds } from '../../workflow/kinds.ts';
import { names, type WorkflowStep } from '../../workflow/model.ts';
import { stepTemplate } from '../../workflow/pipeline-run.ts';
import { limited } from '../runtime/limited.ts';
import { imageOf } from './blame-step.ts';
import { decideOnTekton, mirrorOf } from './decide-on-tekton.ts';
import type { Decision } from './decision.ts';
import type { UnderWay, WorkflowEngine } from './engine.ts';
import { removalGraceMs } from './jobs-under-way.ts';
import { readLogs } from './tekton-logs.ts';
import type { TektonUnderWay } from './tekton-under-way.ts';

export interface TektonPorts {
  readonly objects: ClusterObjects;
  readonly actions: Actions;
}

type Proofs = TektonUnderWay['proofs'];
const noProofs: Proofs = new Map();
/** Of one workflow; the registry and the policies' caches are shared with the gate. */
const proofsAtOnce = 4;
const readTimeoutMs = 10_000;
/** Those that are deleted under way are forgotten when there are so many others. */
const maxWorkflows = 2_000;

export function tektonEngine(ports: TektonPorts): WorkflowEngine {
  const { objects } = ports;
  /** Of workflows that wait for something, until it is there. Lost with the process: then the wait begins anew. */
  const since = new LRUCache<string, ReadonlyMap<string, number>>({ max: maxWorkflows });
  /** Of the round before, for rounds that are decided again because of a setback. */
  const proofsOf = new LRUCache<string, Proofs>({ max: maxWorkflows });

  function howLong({ workflow, now }: UnderWay, what: readonly string[]): ReadonlyMap<string, number> {
    const before = since.get(workflow.uid);
    const started = new Map(what.map((one) => [one, before?.get(one) ?? now.getTime()]));
    if (started.size === 0) since.delete(workflow.uid);
    else since.set(workflow.uid, started);
    return new Map([...started].map(([one, ms]) => [one, now.getTime() - ms]));
  }

  async function prove(underWay: UnderWay, isAsked: boolean, signal: AbortSignal): Promise<Proofs> {
    const { uid } = underWay.workflow;
    const kept = underWay.setbacks.length > 0 ? proofsOf.get(uid) : undefined;
    const proofs = isAsked ? (kept ?? (await proveAll(ports.actions, underWay, signal))) : noProofs;
    if (isAsked) proofsOf.set(uid, proofs);
    else proofsOf.delete(uid);
    return proofs;
  }

  function forget(uid: string): void {
    since.delete(uid);
    proofsOf.delete(uid);
  }

  /** Asks for what is missing or strange: nothing is said to be removed because somebody was slow to tell. */
  async function askForLate(
    { workflow: { namespace, name, uid }, status }: UnderWay,
    what: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<Result<void>> {
    const late = (one: string): boolean => (what.get(one) ?? 0) >= removalGraceMs;
    const taskRuns = status.steps.flatMap((step) => (late(step.name) ? (step.executionName ?? []) : []));
    const places = [
      ...(late(absent) ? [{ kind: kinds.pipelineRun, namespace, name }] : []),
      ...taskRuns.map((taskRun) => ({ kind: kinds.taskRun, namespace, name: taskRun })),
    ];
    for (const place of places) {
      const read = await objects.read(place, limited(signal, readTimeoutMs));
      if (!read.ok) return read;
      const isRun = place.kind === kinds.pipelineRun && read.value !== undefined && isControlledBy(read.value, uid);
      if (isRun) since.delete(uid);
    }
    return ok(undefined);
  }

  /** All that is known, and for how long what is missing, strange or unproven has been so. */
  async function look(underWay: UnderWay, signal: AbortSignal): Promise<Result<Seen>> {
    const { workflow, status } = underWay;
    const isServed = objects.isServed(kinds.pipelineRun);
    const owned = objects.ownedBy(kinds.pipelineRun, workflow.uid, workflow.namespace);
    const pipelineRun = owned.find(({ metadata }) => metadata.name === workflow.name);
    const proofs = await prove(underWay, isServed && mayBegin(underWay), signal);
    const there = observe(objects, underWay, pipelineRun);
    const logs = await readLogs(objects, underWay, there, signal);
    if (!logs.ok) return logs;
    const seen = { ...underWay, isServed, proofs, ...there, logs: logs.value };
    const unclear = pipelineRun === undefined ? [] : mirrorOf(seen, pipelineRun).unclear;
    const isAbsent = pipelineRun === undefined && (!isServed || status.executionRef !== undefined);
    const isUnproven = [...proofs.values()].some((proof) => !proof.ok);
    const own = [...(isAbsent ? [absent] : []), ...(isUnproven ? [unproven] : [])];
    return ok({ ...seen, unclearMs: howLong(underWay, [...own, ...unclear]) });
  }

  async function lookTwice(underWay: UnderWay, signal: AbortSignal): Promise<Result<Seen>> {
    const first = await look(underWay, signal);
    if (!first.ok || !first.value.isServed || !isLate(first.value.unclearMs)) return first;
    const asked = await askForLate(underWay, first.value.unclearMs, signal);
    return asked.ok ? look(underWay, signal) : asked;
  }

  return {
    decide: async (underWay, signal) => {
      const seen = await lookTwice(underWay, signal);
      if (!seen.ok) return seen;
      const { unclearMs } = seen.value;
      const [absentMs = 0, unprovenMs = 0] = [unclearMs.get(absent), unclearMs.get(unproven)];
      const decision = decideOnTekton({ ...seen.value, absentMs, unprovenMs });
      if (isEnd(decision)) forget(underWay.workflow.uid);
      return ok(decision);
    },
  };
}

type Seen = Omit<TektonUnderWay, 'absentMs' | 'unprovenMs'>;

function isLate(unclearMs: ReadonlyMap<string, number>): boolean {
  return [...unclearMs].some(([what, ms]) => what !== unproven && ms >= removalGraceMs);
}

function mayBegin({ workflow, status }: UnderWay): boolean {
  return status.phase === 'Initializing' && !workflow.suspend && !workflow.cancel;
}

function isEnd({ acts }: Decision): boolean {
  return acts.some(
    (act) => act.kind === 'status' && (act.status.phase === 'Completed' || act.status.phase === 'Failed'),
  );
}

/** No names of steps. */
const absent = '(absent)';
const unproven = '(unproven)';

function observe(objects: ClusterObjects, { workflow }: UnderWay, pipelineRun: KubeObject | undefined) {
  const task = { kind: kinds.task, namespace: workflow.namespace, name: names.metaTask };
  const hasTask = objects.get(task) !== undefined;
  const actions = objects.ownedBy(kinds.action, workflow.uid, workflow.namespace);
  if (pipelineRun === undefined) return { hasTask, actions, taskRuns: [], pods: [], claims: [] };
  const { uid } = pipelineRun.metadata;
  const { namespace } = workflow;
  const taskRuns = objects.ownedBy(kinds.taskRun, uid, namespace);
  const pods = taskRuns.flatMap((taskRun) => objects.ownedBy(kinds.pod, taskRun.metadata.uid, namespace));
  const claims = objects.ownedBy(kinds.claim, uid, namespace);
  return { hasTask, actions, ...defined('pipelineRun', pipelineRun), taskRuns, pods, claims };
}

async function proveAll(actions: Actions, underWay: UnderWay, signal: AbortSignal): Promise<Proofs> {
  const { workflow, registry } = underWay;
  const proofs = new Map<string, Result<ProvenAction>>();
  const open = workflow.steps.values();
  const proveNext = async (): Promise<void> => {
    for (const step of open) {
      const image = imageOf(step, registry);
      if (image.ok) proofs.set(step.name, await proveStep(actions, underWay, step, image.value, signal));
    }
  };
  await Promise.all(Array.from({ length: proofsAtOnce }, proveNext));
  return proofs;
}

function proveStep(
  actions: Actions,
  { workflow }: UnderWay,
  step: WorkflowStep,
  image: string,
  signal: AbortSignal,
): Promise<Result<ProvenAction>> {
  const { namespace } = workflow;
  return actions.prove({ namespace, image, template: stepTemplate(workflow, step, image) }, signal);
}
