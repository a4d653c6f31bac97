import { describe, expect, test } from 'vitest';
import { completeDecision } from '../../../src/controllers/workflows/complete-decision.ts';
import { decideOnJobs } from '../../../src/controllers/workflows/decide-on-jobs.ts';
import type { JobsUnderWay, StepAction } from '../../../src/controllers/workflows/jobs-under-way.ts';
import type { Act, Decision } from '../../../src/controllers/workflows/decision.ts';
import type { KubeObject, NewObject } from '../../../src/kernel/kube-object.ts';
import { kinds } from '../../../src/workflow/kinds.ts';
import type { ActionStatus, StepPhase, StepStatus, Workflow, WorkflowStatus } from '../../../src/workflow/model.ts';
import { parseWorkflow } from '../../../src/workflow/parse-workflow.ts';
import { workspaceClaim } from '../../../src/workflow/workspace.ts';
import { exitedWith1, image, usualSettings, workflowKind } from './world.ts';

const now = new Date('2026-01-01T00:01:00.000Z');
const startedAt = '2026-01-01T00:00:00.000Z';

// ---- what is observed, in a few words: step a, then b (with the workspace)

interface Case {
  readonly phase?: 'Initializing' | 'Executing';
  /** Phases in the status. */
  readonly steps: readonly [StepPhase, StepPhase];
  /** Phases of ActionExecutions; `-`: there is none. */
  readonly actions?: readonly [ActionStatus['phase'] | '-', ActionStatus['phase'] | '-'];
  readonly claim?: 'none' | 'ours' | 'leaving';
  readonly spec?: object;
  readonly missingMs?: number;
  readonly setback?: 'taken' | 'refused';
  readonly parallel?: boolean;
}

function workflowOf({ spec = {}, parallel = false }: Case): { object: KubeObject; workflow: Workflow } {
  const steps = [
    { name: 'a', image },
    { name: 'b', image, usesWorkspace: true, runAfter: parallel ? [] : ['a'] },
  ];
  const metadata = { name: 'w', namespace: 'apps', uid: 'uid-w', resourceVersion: '7', generation: 1 };
  const object = { ...workflowKind, metadata, spec: { steps, ...spec } };
  const parsed = parseWorkflow(object);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return { object, workflow: parsed.value };
}

function observedOf(one: Case): JobsUnderWay {
  const { object, workflow } = workflowOf(one);
  const phase = one.phase ?? 'Executing';
  const steps = one.steps.map((of, index) => stepOf(index === 0 ? 'a' : 'b', of));
  const message =
    phase === 'Initializing'
      ? 'Workflow initialized, ready to execute steps'
      : 'All steps created, monitoring execution';
  const status: WorkflowStatus = {
    phase,
    message,
    engine: 'job',
    startedAt,
    steps,
    conditions: [],
    ...(phase === 'Executing' && { workspacePVC: 'w-workspace' }),
  };
  const claimObject = workspaceClaim(workflow, usualSettings);
  const found = (one.actions ?? ['-', '-']).flatMap((of, index): [string, StepAction][] =>
    of === '-' ? [] : [[index === 0 ? 'a' : 'b', actionOf(index === 0 ? 'a' : 'b', of)]],
  );
  return {
    workflow,
    object,
    status,
    settings: usualSettings,
    registry: { actions: new Map(), problems: new Map() },
    setbacks: setbacksOf(one),
    now,
    actions: new Map(found),
    claim: {
      object: claimObject,
      existing: claimOf(claimObject, one.claim ?? (phase === 'Executing' ? 'ours' : 'none')),
    },
    missingMs: new Map(one.missingMs === undefined ? [] : [['a', one.missingMs]]),
  };
}

function stepOf(name: string, phase: StepPhase): StepStatus {
  const begun = phase === 'Pending' || phase === 'Skipped' ? {} : { startedAt };
  const details = { ...exitedWith1(name, new Date(startedAt)), reason: 'TaskFailed' as const };
  return { name, phase, ...begun, ...(phase === 'Failed' && { failureDetails: details }) };
}

function actionOf(name: string, phase: ActionStatus['phase']): StepAction {
  const metadata = { name: `w-${name}`, namespace: 'apps', uid: `uid-${name}`, resourceVersion: '1' };
  const details = { ...exitedWith1(name, now), reason: 'TaskFailed' as const };
  const ended = phase === 'Completed' || phase === 'Failed' || phase === 'Cancelled';
  const status: ActionStatus = {
    phase,
    conditions: [],
    ...(phase !== '' && { startedAt }),
    ...(ended && { completedAt: now.toISOString() }),
    ...(phase === 'Failed' && { failureDetails: details }),
  };
  return { object: { ...kinds.action, metadata }, status, isCancelled: false };
}

function claimOf(object: NewObject, whose: NonNullable<Case['claim']>): KubeObject | undefined {
  const metadata = { ...object.metadata, uid: 'uid-claim', resourceVersion: '1' };
  switch (whose) {
    case 'none':
      return undefined;
    case 'ours':
      return { ...object, metadata };
    case 'leaving':
      return { ...object, metadata: { ...metadata, deletionTimestamp: startedAt } };
  }
}

function setbacksOf({ setback }: Case): JobsUnderWay['setbacks'] {
  const place = { kind: kinds.action, namespace: 'apps', name: 'w-a' };
  if (setback === undefined) return [];
  return setback === 'taken'
    ? [{ kind: 'taken', place, owner: 'Deployment x (apps/v1)' }]
    : [{ kind: 'refused', place, status: 403, message: 'not here' }];
}

// ---- what is decided, in a few words

function completed(observed: JobsUnderWay): Decision {
  const { status, workflow, registry } = observed;
  return completeDecision({ status, workflow, registry, generation: 1, now }, decideOnJobs(observed));
}

function shortly({ acts }: Decision): readonly string[] {
  return acts.flatMap((act) => {
    switch (act.kind) {
      case 'create':
        return [`create ${act.as.kind} ${act.object.metadata.name}`];
      case 'patch':
      case 'remove':
        return [`${act.kind} ${act.place.kind.kind} ${act.place.name}`];
      case 'status':
        return [`${act.status.phase} ${act.status.steps.map(({ phase }) => phase).join(' ')}`];
      case 'record':
      case 'mirror':
      case 'tell':
        return [];
    }
  });
}

/** The world after these acts, if nobody else does anything. */
function applied(observed: JobsUnderWay, { acts }: Decision): JobsUnderWay {
  return acts.reduce(appliedOne, { ...observed, setbacks: [] });
}

function appliedOne(observed: JobsUnderWay, act: Act): JobsUnderWay {
  switch (act.kind) {
    case 'status':
      return { ...observed, status: act.status };
    case 'create':
      return act.as === kinds.claim
        ? withClaim(observed, 'ours')
        : withAction(observed, act.object.metadata.name, { isCancelled: false });
    case 'remove':
      return withClaim(observed, 'none');
    case 'patch':
      return withAction(observed, act.place.name, { isCancelled: true });
    case 'record':
    case 'mirror':
    case 'tell':
      return observed;
  }
}

function withClaim(observed: JobsUnderWay, whose: 'ours' | 'none'): JobsUnderWay {
  const { claim } = observed;
  return claim === undefined ? observed : { ...observed, claim: { ...claim, existing: claimOf(claim.object, whose) } };
}

function withAction(observed: JobsUnderWay, object: string, how: Pick<StepAction, 'isCancelled'>): JobsUnderWay {
  const name = object.slice('w-'.length);
  const action = observed.actions.get(name) ?? actionOf(name, '');
  return { ...observed, actions: new Map([...observed.actions, [name, { ...action, ...how }]]) };
}

const rows: readonly (Case & { readonly title: string; readonly acts: readonly string[] })[] = [
  {
    title: 'initialized: the claim, then what waits for nothing',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    acts: ['create PersistentVolumeClaim w-workspace', 'create ActionExecution w-a', 'Executing Running Pending'],
  },
  {
    title: 'initialized, and the claim was made before a kill',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    claim: 'ours',
    acts: ['create ActionExecution w-a', 'Executing Running Pending'],
  },
  {
    title: 'initialized, and all was made before a kill',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    claim: 'ours',
    actions: ['Completed', '-'],
    acts: ['create ActionExecution w-b', 'Executing Completed Running'],
  },
  {
    title: 'initialized and suspended',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    spec: { suspend: true },
    acts: ['Initializing Pending Pending'],
  },
  {
    title: 'initialized and cancelled',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    spec: { cancel: true },
    acts: ['Failed Cancelled Cancelled'],
  },
  {
    title: 'initialized, and its time is over',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    spec: { timeout: '60s' },
    acts: ['Failed Cancelled Cancelled'],
  },
  {
    title: 'initialized, and the first step belongs to somebody else',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    claim: 'ours',
    setback: 'taken',
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Failed Skipped'],
  },
  {
    title: 'initialized, and the first step is refused',
    phase: 'Initializing',
    steps: ['Pending', 'Pending'],
    claim: 'ours',
    setback: 'refused',
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Failed Skipped'],
  },
  ...(['', 'Pending', 'Running'] as const).map((action) => ({
    title: `a runs, its ActionExecution is "${action}"`,
    steps: ['Running', 'Pending'] as const,
    actions: [action, '-'] as const,
    acts: ['Executing Running Pending'],
  })),
  {
    title: 'a has completed',
    steps: ['Running', 'Pending'],
    actions: ['Completed', '-'],
    acts: ['create ActionExecution w-b', 'Executing Completed Running'],
  },
  {
    title: 'a has completed, and nothing else may begin',
    steps: ['Running', 'Pending'],
    actions: ['Completed', '-'],
    spec: { suspend: true },
    acts: ['Executing Completed Pending'],
  },
  {
    title: 'a has failed',
    steps: ['Running', 'Pending'],
    actions: ['Failed', '-'],
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Failed Skipped'],
  },
  {
    title: 'a was cancelled by somebody',
    steps: ['Running', 'Pending'],
    actions: ['Cancelled', '-'],
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Cancelled Skipped'],
  },
  {
    title: 'a is not found for a moment',
    steps: ['Running', 'Pending'],
    missingMs: 4_999,
    acts: ['Executing Running Pending'],
  },
  {
    title: 'a is gone',
    steps: ['Running', 'Pending'],
    missingMs: 5_000,
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Failed Skipped'],
  },
  {
    title: 'a is to be cancelled',
    steps: ['Running', 'Pending'],
    actions: ['Running', '-'],
    spec: { cancel: true },
    acts: ['patch ActionExecution w-a', 'Executing Running Pending'],
  },
  {
    title: 'a is to be stopped, as time is over',
    steps: ['Running', 'Pending'],
    actions: ['Running', '-'],
    spec: { timeout: '1m' },
    acts: ['patch ActionExecution w-a', 'Executing Running Pending'],
  },
  {
    title: 'a was stopped',
    steps: ['Running', 'Pending'],
    actions: ['Cancelled', '-'],
    spec: { cancel: true },
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Cancelled Cancelled'],
  },
  {
    title: 'a completed although it was to be stopped',
    steps: ['Running', 'Pending'],
    actions: ['Completed', '-'],
    spec: { cancel: true },
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Completed Cancelled'],
  },
  {
    title: 'a has failed while b runs',
    parallel: true,
    steps: ['Running', 'Running'],
    actions: ['Failed', 'Running'],
    acts: ['Executing Failed Running'],
  },
  {
    title: 'b has completed after a has failed',
    parallel: true,
    steps: ['Failed', 'Running'],
    actions: ['Failed', 'Completed'],
    acts: ['remove PersistentVolumeClaim w-workspace', 'Failed Failed Completed'],
  },
  {
    title: 'all have completed',
    steps: ['Completed', 'Running'],
    actions: ['Completed', 'Completed'],
    acts: ['remove PersistentVolumeClaim w-workspace', 'Completed Completed Completed'],
  },
  {
    title: 'all have completed, and time is over',
    steps: ['Completed', 'Running'],
    actions: ['Completed', 'Completed'],
    spec: { timeout: '1s' },
    acts: ['remove PersistentVolumeClaim w-workspace', 'Completed Completed Completed'],
  },
  {
    title: 'all have completed, and the claim is on its way out',
    steps: ['Completed', 'Running'],
    actions: ['Completed', 'Completed'],
    claim: 'leaving',
    acts: ['Completed Completed Completed'],
  },
];

describe('what is decided on Jobs', () => {
  test.each(rows)('$title', (row) => {
    const observed = observedOf(row);
    const decision = completed(observed);
    expect(shortly(decision)).toEqual(row.acts);
    const statuses = decision.acts.filter(({ kind }) => kind === 'status');
    expect(statuses).toHaveLength(1);
    expect(decision.acts.at(-1)).toBe(statuses[0]);
  });

  // What has ended is nobody's matter here any more.
  const isEnd = ({ acts }: (typeof rows)[number]): boolean => /^(?:Failed|Completed) /.test(acts.at(-1) ?? '');

  test.each(rows.filter((row) => !isEnd(row)))('once done, nothing is left to decide: $title', (row) => {
    const observed = observedOf(row);
    expect(completed(applied(observed, completed(observed))).acts).toEqual([]);
  });

  test.each(rows.filter(isEnd))('once ended, no step is open: $title', (row) => {
    const observed = observedOf(row);
    const { status } = applied(observed, completed(observed));
    expect(status.steps.filter(({ phase }) => phase === 'Pending' || phase === 'Running')).toEqual([]);
    expect(status.completedAt).toBe(now.toISOString());
    expect(status.failureDetails === undefined).toBe(status.phase === 'Completed');
    expect(status.workspacePVC).toBeUndefined();
  });
});

test('a refused ActionExecution is the step’s failure, with what the API server said', () => {
  const observed = observedOf({ phase: 'Initializing', steps: ['Pending', 'Pending'], setback: 'refused' });
  const status = completed(observed).acts.find(({ kind }) => kind === 'status');
  expect(status).toMatchObject({
    status: {
      failureDetails: { reason: 'Forbidden', failedStepName: 'a', failedTaskIndex: 0, wasExecutionFailure: false },
    },
  });
  expect(JSON.stringify(status)).toContain('not here');
});
