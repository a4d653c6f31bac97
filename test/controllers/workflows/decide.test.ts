import { describe, expect, test } from 'vitest';
import { completeDecision } from '../../../src/controllers/workflows/complete-decision.ts';
import { decide, type Observed } from '../../../src/controllers/workflows/decide.ts';
import type { Decision } from '../../../src/controllers/workflows/decision.ts';
import type { StatusCondition, WorkflowPhase, WorkflowStatus } from '../../../src/workflow/model.ts';
import { parseWorkflow } from '../../../src/workflow/parse-workflow.ts';
import { image, usualSettings, workflowKind, type StepSpec } from './world.ts';

const now = new Date('2026-01-01T00:01:00.000Z');
const startedAt = '2026-01-01T00:00:00.000Z';

interface Case {
  readonly phase: WorkflowPhase;
  readonly spec?: object;
  readonly steps?: readonly StepSpec[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** Absent although it is under way or finished: it was refused. */
  readonly engine?: 'none';
  readonly isRecorded?: boolean;
  readonly more?: Partial<Observed>;
}

const recorded: StatusCondition = {
  type: 'Recorded',
  status: 'True',
  reason: 'Stored',
  message: '',
  lastTransitionTime: startedAt,
};

function observedOf(one: Case): Observed {
  const { phase, spec = {}, annotations = {}, steps = [{ name: 'a' }, { name: 'b', runAfter: ['a'] }] } = one;
  const metadata = { name: 'w', namespace: 'apps', uid: 'uid-w', resourceVersion: '7', generation: 1, annotations };
  const object = { ...workflowKind, metadata, spec: { steps: steps.map((step) => ({ image, ...step })), ...spec } };
  const isFinished = phase === 'Completed' || phase === 'Failed';
  const status: WorkflowStatus = {
    phase,
    message: '',
    steps:
      phase === '' ? [] : steps.map(({ name }) => ({ name, phase: isFinished ? 'Completed' : 'Running', startedAt })),
    conditions: one.isRecorded === true ? [recorded] : [],
    ...(phase !== '' && one.engine !== 'none' && { engine: 'job' }),
    ...(phase !== '' && { startedAt }),
    ...(isFinished && { completedAt: startedAt }),
  };
  return {
    object,
    place: { kind: workflowKind, namespace: 'apps', name: 'w' },
    parsed: parseWorkflow(object),
    status,
    settings: usualSettings,
    registry: { actions: new Map(), problems: new Map() },
    isTektonServed: false,
    history: 'unknown',
    now,
    ...one.more,
  };
}

function completed(observed: Observed): Decision | 'engine' {
  const next = decide(observed);
  if (next.kind === 'under-way') return 'engine';
  const { status, parsed, registry } = observed;
  const workflow = parsed.ok ? parsed.value : undefined;
  return completeDecision({ status, workflow, registry, generation: 1, now }, next.decision, next.isRecorded);
}

function shortly(decision: Decision | 'engine'): readonly string[] {
  if (decision === 'engine') return ['engine'];
  const acts = decision.acts.flatMap((act) => {
    switch (act.kind) {
      case 'status':
        return [
          `${act.status.phase}${act.status.failureDetails === undefined ? '' : ` ${act.status.failureDetails.reason}`}`,
        ];
      case 'record':
        return [`record ${act.records.map(({ step, status }) => `${step} ${status}`).join(', ')}`];
      case 'remove':
        return [`remove ${act.place.kind.kind} ${act.place.name} ${act.uid}`];
      case 'create':
      case 'mirror':
      case 'patch':
        return [act.kind];
      case 'tell':
        return [`tell ${act.reason}`];
    }
  });
  return decision.requeueAfterMs === undefined ? acts : [...acts, `again after ${decision.requeueAfterMs}`];
}

const many = Array.from({ length: 11 }, (_, index) => ({ name: `s${index}` }));

const rows: readonly (Case & { readonly title: string; readonly acts: readonly string[] })[] = [
  { title: 'new', phase: '', acts: ['tell WorkflowInitialized', 'Initializing'] },
  {
    title: 'new, with a cycle',
    phase: '',
    steps: [{ name: 'a', runAfter: ['a'] }],
    acts: ['tell WorkflowFailed', 'Failed InvalidDependencyGraph'],
  },
  {
    title: 'new, and nobody can read it',
    phase: '',
    spec: { timeout: 'soon' },
    acts: ['tell WorkflowFailed', 'Failed InvalidSpec'],
  },
  {
    title: 'new, for an engine that is not there',
    phase: '',
    annotations: { 'kubernaut.io/executor': 'tekton' },
    acts: ['tell WorkflowFailed', 'Failed UnsupportedEngine'],
  },
  {
    title: 'new, with an older one of its name',
    phase: '',
    more: { olderTwin: 'kubernaut.ai/v1alpha1' },
    acts: ['tell WorkflowFailed', 'Failed NameTaken'],
  },
  {
    title: 'new, and another one acts on its target',
    phase: '',
    spec: { targetResource: 'Node/n1' },
    more: { targetHolder: 'apps/other' },
    acts: ['tell WorkflowDeduplicated', 'Failed Deduplicated'],
  },
  { title: 'new and cancelled', phase: '', spec: { cancel: true }, acts: ['tell WorkflowFailed', 'Failed Cancelled'] },
  { title: 'new and suspended', phase: '', spec: { suspend: true }, acts: ['tell WorkflowWaiting', ''] },
  { title: 'new, with many steps', phase: '', steps: many, acts: ['tell WorkflowWaiting', ''] },
  {
    title: 'new, with many steps that are approved',
    phase: '',
    steps: many,
    annotations: { 'kubernaut.io/approved': 'true' },
    acts: ['tell WorkflowInitialized', 'Initializing'],
  },
  {
    title: 'new, with many steps and an annotation that says something else',
    phase: '',
    steps: many,
    annotations: { 'kubernaut.io/approved': 'yes' },
    acts: ['tell WorkflowWaiting', ''],
  },
  { title: 'initialized', phase: 'Initializing', acts: ['engine'] },
  { title: 'under way', phase: 'Executing', acts: ['engine'] },
  { title: 'under way and cancelled', phase: 'Executing', spec: { cancel: true }, acts: ['engine'] },
  {
    title: 'under way, and nobody can read it any more',
    phase: 'Executing',
    spec: { timeout: 'soon' },
    acts: ['Executing'],
  },
  {
    title: 'completed, and nobody who runs now has handed over its history',
    phase: 'Completed',
    acts: ['record a completed, b completed', 'again after 2000'],
  },
  {
    title: 'completed, and its history is on its way',
    phase: 'Completed',
    more: { history: 'kept' },
    acts: ['again after 60000'],
  },
  {
    title: 'completed, and its history is stored',
    phase: 'Completed',
    more: { history: 'stored' },
    acts: ['Completed'],
  },
  { title: 'refused: it has no history', phase: 'Failed', engine: 'none', acts: ['Failed'] },
  { title: 'completed and recorded', phase: 'Completed', isRecorded: true, acts: [] },
  { title: 'failed and recorded', phase: 'Failed', isRecorded: true, acts: [] },
  {
    title: 'recorded, and its time is not over',
    phase: 'Completed',
    isRecorded: true,
    spec: { ttlSecondsAfterFinished: 61 },
    acts: ['again after 1000'],
  },
  {
    title: 'recorded, and its time is over',
    phase: 'Completed',
    isRecorded: true,
    spec: { ttlSecondsAfterFinished: 60 },
    acts: ['remove WorkflowExecution w uid-w'],
  },
  {
    title: 'its time is over, but it is not recorded',
    phase: 'Completed',
    spec: { ttlSecondsAfterFinished: 0 },
    more: { history: 'kept' },
    acts: ['again after 60000'],
  },
  {
    title: 'its own time counts, not the setting',
    phase: 'Failed',
    isRecorded: true,
    spec: { ttlSecondsAfterFinished: 100 },
    more: { settings: { ...usualSettings, workflowTtlSeconds: 1 } },
    acts: ['again after 40000'],
  },
  {
    title: 'the setting counts where it says nothing',
    phase: 'Failed',
    isRecorded: true,
    more: { settings: { ...usualSettings, workflowTtlSeconds: 1 } },
    acts: ['remove WorkflowExecution w uid-w'],
  },
];

describe('what is decided before a workflow begins and after it has ended', () => {
  test.each(rows)('$title', (row) => {
    expect(shortly(completed(observedOf(row)))).toEqual(row.acts);
  });

  test.each(rows)('once done, only its engine, its history or time go on: $title', (row) => {
    const observed = observedOf(row);
    const decision = completed(observed);
    const acts = decision === 'engine' ? [] : decision.acts;
    const status = acts.reduce((found, act) => (act.kind === 'status' ? act.status : found), observed.status);
    const history = acts.some(({ kind }) => kind === 'record') ? 'kept' : observed.history;
    const after = completed({ ...observed, status, history });
    const left = after === 'engine' ? [] : after.acts.filter(({ kind }) => kind !== 'remove');
    expect(left).toEqual([]);
  });
});
