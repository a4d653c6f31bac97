/** Decisions as a table: what is known, and what comes of it. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { names, type TaskStatus } from '../../../src/agents/model.ts';
import { parseAgent } from '../../../src/agents/parse-agent.ts';
import { parseTask } from '../../../src/agents/parse-task.ts';
import type { PodState } from '../../../src/agents/pod-state.ts';
import { decide } from '../../../src/controllers/tasks/decide.ts';
import type { Next, Observed } from '../../../src/controllers/tasks/decision.ts';
import { ok } from '../../../src/kernel/result.ts';

const now = new Date('2026-01-01T00:01:00Z');
const metadata = { name: 'fix', namespace: 'team', uid: 'u1', creationTimestamp: '2026-01-01T00:00:00Z' };
const { apiVersion } = agentKinds.task;

function workOf(agentSpec: object): Observed['resolved'] {
  const agent = parseAgent({
    apiVersion,
    kind: 'Agent',
    metadata: { ...metadata, name: 'default', uid: 'a1' },
    spec: { serviceAccountName: 'worker', ...agentSpec },
  });
  if (!agent.ok) return agent;
  const { namespace, name, uid, creationTimestamp: createdAt } = metadata;
  const task = { namespace, name, uid, createdAt };
  const systemImage = { image: 'r.example/system:1', imagePullPolicy: 'IfNotPresent' } as const;
  return ok({
    work: { task, agent: agent.value, description: 'Fix it.', contexts: [] },
    config: { systemImage, allowedUrlHosts: [] },
  });
}

interface Known extends Partial<Omit<Observed, 'task'>> {
  readonly task?: Partial<Observed['task']>;
  readonly spec?: object;
  readonly agent?: object;
}

function observed({ task, spec = {}, agent = {}, ...more }: Known = {}): Observed {
  return {
    task: {
      namespace: 'team',
      name: 'fix',
      uid: 'u1',
      generation: 1,
      createdAt: metadata.creationTimestamp,
      labels: { [names.agentLabel]: 'default' },
      finalizers: [names.finalizer],
      deleted: false,
      stopped: false,
      ...task,
    },
    resourceVersion: '7',
    status: { phase: '', conditions: [] },
    parsed: parseTask({ apiVersion, kind: 'Task', metadata, spec }),
    resolved: workOf(agent),
    line: { running: 0, ahead: 0 },
    starts: [],
    isServerReady: true,
    troubleMs: 0,
    isFresh: false,
    isOurClaim: false,
    setbacks: [],
    hasLooked: false,
    now,
    ...more,
  };
}

const since = { lastTransitionTime: '2026-01-01T00:00:00Z' };
const running: TaskStatus = {
  phase: 'Running',
  agentRef: { namespace: 'team', name: 'default' },
  podName: 'fix-pod',
  podNamespace: 'team',
  startTime: '2026-01-01T00:00:30Z',
  conditions: [{ type: 'PodCreated', status: 'True', reason: 'Created', message: '', ...since }],
};
const claimed: TaskStatus = {
  ...running,
  conditions: [{ type: 'PodCreated', status: 'False', reason: 'Claimed', message: '', ...since }],
};
const pod: PodState = { namespace: 'team', name: 'fix-pod', uid: 'p1', hasStarted: true };

/** In a word: acts in their order, or what has to be found out first. */
function summary(next: Next): string {
  if (next.kind !== 'decided') return next.kind;
  const acts = next.acts.map((act) => {
    if (act.kind === 'create') return `create ${act.what}`;
    if (act.kind !== 'status') return act.kind;
    const { phase, conditions } = act.status;
    return `${phase} ${conditions.at(-1)?.reason ?? ''}`.trim();
  });
  const then = next.thenAgain === undefined ? (next.requeueAfterMs ?? '') : 'again';
  return [...acts, then].filter((word) => word !== '').join(', ');
}

const limited = { maxConcurrentTasks: 1 };
const quota = { maxTaskStarts: 1, windowSeconds: 60 };
const starts = [{ taskName: 'fix', taskNamespace: 'team', startTime: '2026-01-01T00:00:30Z' }];
const gone = { goneBy: '2026-01-01T00:00:30Z' };
const noImage = { for: 'image', reason: 'ErrImagePull', message: 'not found', isPassing: false } as const;
const refused = { kind: 'refused', what: 'Pod', name: 'fix-pod', status: 403, message: 'is forbidden: no' } as const;

const rows: readonly (readonly [what: string, known: Known, next: string])[] = [
  // It has not begun.
  ['new, unmarked', { task: { finalizers: [] } }, 'mark, again'],
  ['new, with the label of another Agent', { task: { labels: {} } }, 'mark, again'],
  ['new', {}, 'Running Claimed, again'],
  ['new, with a quota', { agent: { quota }, isFresh: true }, 'record-start, Running Claimed, again'],
  ['new, with a limited Agent, and nobody has asked yet', { agent: limited }, 'refresh'],
  ['new, with a full Agent', { agent: limited, line: { running: 1, ahead: 0 } }, 'Queued AgentAtCapacity, 10000'],
  ['new, whose Agent has no server yet', { isServerReady: false }, 'Queued AgentServerNotReady, 10000'],
  [
    'new, whose full Agent has no server yet',
    { agent: limited, line: { running: 1, ahead: 0 }, isServerReady: false },
    'Queued AgentServerNotReady, 10000',
  ],
  ['new, but stopped', { task: { stopped: true } }, 'Completed UserStopped'],
  // It is claimed, and has no Pod.
  ['claimed by somebody before', { status: claimed }, 'refresh'],
  ['claimed by somebody before, and asked', { status: claimed, isFresh: true }, 'create ConfigMap, create Pod, again'],
  ['claimed by us', { status: claimed, isOurClaim: true }, 'create ConfigMap, create Pod, again'],
  ['claimed, stopped', { status: claimed, isOurClaim: true, task: { stopped: true } }, 'look-for-pod'],
  [
    'claimed, stopped, and there is no Pod',
    { status: claimed, isOurClaim: true, hasLooked: true, task: { stopped: true } },
    'remove-config-maps, Completed UserStopped',
  ],
  [
    'claimed, refused',
    { status: claimed, isOurClaim: true, setbacks: [refused] },
    'remove-config-maps, Failed Refused',
  ],
  [
    'claimed, refused, counted',
    { status: claimed, isOurClaim: true, setbacks: [refused], starts },
    'forget-start, remove-config-maps, Failed Refused',
  ],
  [
    'claimed, its name taken',
    { status: claimed, isOurClaim: true, setbacks: [{ kind: 'taken', what: 'Pod', name: 'fix-pod' }] },
    'remove-config-maps, Running Claimed, again',
  ],
  ['claimed, its Pod seen', { status: claimed, pod }, 'Running Created, again'],
  // It runs.
  ['runs', { status: running, pod }, ''],
  ['runs, with a timeout', { status: running, pod, spec: { timeout: '2m' } }, '90000'],
  ['its Pod is not seen', { status: running }, 'look-for-pod'],
  ['its Pod is gone', { status: running, hasLooked: true }, 'remove-config-maps, Failed PodLost'],
  ['its Pod is going', { status: running, pod: { ...pod, goneBy: '2026-01-01T00:01:00Z' } }, '60000'],
  [
    'its Pod was to go long ago',
    { status: running, pod: { ...pod, ...gone }, now: new Date('2026-01-01T00:02:00Z') },
    'remove-config-maps, Failed NodeLost',
  ],
  ['its image is missing', { status: running, pod: { ...pod, waiting: noImage }, troubleMs: 1_000 }, '29000'],
  [
    'its image is missing for long',
    { status: running, pod: { ...pod, waiting: noImage }, troubleMs: 30_000 },
    'Failed ImagePullFailed, remove-config-maps, remove-pod',
  ],
  ['stopped', { status: running, pod, task: { stopped: true } }, 'read-log'],
  [
    'stopped, its log read',
    { status: running, pod, task: { stopped: true }, log: { kind: 'read', text: 'a' } },
    'keep-log, Completed UserStopped, remove-config-maps, remove-pod',
  ],
  [
    'stopped, its log away',
    { status: running, pod, task: { stopped: true }, log: { kind: 'unavailable', forMs: 1_000 } },
    '2000',
  ],
  [
    'stopped before it began',
    { status: running, pod: { ...pod, hasStarted: false }, task: { stopped: true } },
    'Completed UserStopped, remove-config-maps, remove-pod',
  ],
  ['its time is over', { status: running, pod, spec: { timeout: '30s' } }, 'read-log'],
  ['its Pod has succeeded', { status: running, pod: { ...pod, ended: {} } }, 'Completed Created'],
  ['its Pod has succeeded at once', { status: claimed, pod: { ...pod, ended: {} } }, 'Completed Created'],
  // It is over.
  ['completed', { status: { ...running, phase: 'Completed' }, pod: { ...pod, ended: {} } }, ''],
  ['over, and its Pod is left', { status: { ...running, phase: 'Failed' }, pod }, 'remove-config-maps, remove-pod'],
  ['over, and its Pod is going', { status: { ...running, phase: 'Failed' }, pod: { ...pod, ...gone } }, ''],
  // It is deleted.
  ['deleted', { task: { deleted: true }, status: running, pod }, 'remove-pod, unmark'],
  ['deleted, and nothing was made', { task: { deleted: true } }, 'unmark'],
  ['deleted, and not ours to hold', { task: { deleted: true, finalizers: [] } }, ''],
  [
    'deleted, with a Pod elsewhere that is not seen',
    { task: { deleted: true }, status: { ...running, podNamespace: 'agents' } },
    'look-for-pod',
  ],
  [
    'deleted, with a Pod elsewhere',
    { task: { deleted: true }, status: { ...running, podNamespace: 'agents' }, pod },
    'remove-pod, remove-config-maps, unmark',
  ],
];

describe('a Task that is', () => {
  test.each(rows)('%s', (_, known, next) => {
    const what = observed(known);
    expect(summary(decide(what))).toBe(next);
    expect(decide(what)).toEqual(decide(what));
  });
});
