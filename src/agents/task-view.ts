/**
 * Tasks of both systems as people are shown them. Nothing is refused here: a Task that nobody can run is the one that
 * somebody looks for.
 */
import { defined } from '../kernel/defined.ts';
import type { Kind, KubeObject } from '../kernel/kube-object.ts';
import { Seen } from '../workflow/seen.ts';
import { agentKinds } from './kinds.ts';
import { names, type Condition, type Place, type System, type TaskPhase, type TaskStatus } from './model.ts';
import { readMetadata } from './parse-metadata.ts';
import { parseTaskStatus } from './parse-status.ts';

export const systems: readonly System[] = ['kubeopencode', 'kubetask'];

export const taskKinds: Readonly<Record<System, Kind>> = {
  kubeopencode: agentKinds.task,
  kubetask: agentKinds.kubeTask,
};

/** One that nobody has looked at yet has no phase, and is pending. */
export type ShownPhase = Exclude<TaskPhase, ''>;

export const phases: readonly ShownPhase[] = ['Pending', 'Queued', 'Running', 'Completed', 'Failed'];

export interface TaskView extends Place {
  readonly system: System;
  readonly uid: string;
  readonly createdAt: string;
  readonly isDeleted: boolean;
  /** Somebody has asked for its end. */
  readonly isStopping: boolean;
  readonly phase: ShownPhase;
  /** As resolved, or as it seems from what is written. */
  readonly agent: Place;
  /** Why it waits, failed, or ended early. */
  readonly why?: Pick<Condition, 'reason' | 'message'>;
  readonly status: TaskStatus;
  readonly description?: string;
  /** As written. */
  readonly contexts: readonly unknown[];
}

export function viewTask(system: System, object: KubeObject): TaskView {
  const { namespace, name, uid, createdAt, deleted, stopped, labels } = readMetadata(object);
  const status = statusOf(system, object);
  const phase = status.phase === '' ? 'Pending' : status.phase;
  const spec = new Seen(object['spec']);
  const contexts = spec.raw('contexts');
  const isOver = phase === 'Completed' || phase === 'Failed';
  return {
    system,
    namespace,
    name,
    uid,
    createdAt,
    isDeleted: deleted,
    isStopping: stopped && !isOver,
    phase,
    agent: status.agentRef ?? agentOf(spec, namespace, labels[names.agentLabel]),
    ...defined('why', whyOf(phase, status.conditions)),
    status,
    ...defined('description', spec.text('description')),
    contexts: Array.isArray(contexts) ? contexts : [],
  };
}

/** Pods of KubeTask are beside their Task, and found by its Job: that is where logs may be read, or may not. */
function statusOf(system: System, object: KubeObject): TaskStatus {
  const { podName, podNamespace, ...ofBoth } = parseTaskStatus(object);
  return system === 'kubetask'
    ? ofBoth
    : { ...ofBoth, ...defined('podName', podName), ...defined('podNamespace', podNamespace) };
}

/** A template may name one that is not in the Task; then only the label knows it. */
function agentOf(spec: Seen, namespace: string, label: string | undefined): Place {
  const reference = new Seen(spec.raw('agentRef'));
  const name = spec.text('agentRef') ?? reference.text('name') ?? label ?? names.defaultAgent;
  return { namespace: reference.text('namespace') ?? namespace, name };
}

const tellingCondition: Readonly<Partial<Record<ShownPhase, readonly [type: string, status: string]>>> = {
  Queued: ['Queued', 'True'],
  Failed: ['Ready', 'False'],
  Completed: ['Stopped', 'True'],
};

function whyOf(phase: ShownPhase, conditions: readonly Condition[]): TaskView['why'] {
  const [type, status] = tellingCondition[phase] ?? [];
  const found = conditions.find((condition) => condition.type === type && condition.status === status);
  return found && { reason: found.reason, message: found.message };
}
