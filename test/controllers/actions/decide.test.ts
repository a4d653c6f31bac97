/** The law of decisions: whatever is observed, what is decided and done is not decided again. */
import { expect, test } from 'vitest';
import { decide } from '../../../src/controllers/actions/decide.ts';
import type { ActionAct, Observed } from '../../../src/controllers/actions/decision.ts';
import type { AttemptJob } from '../../../src/controllers/actions/observe.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import type { Action, ActionPhase, ActionStatus } from '../../../src/workflow/model.ts';
import type { PodTrouble } from '../../../src/workflow/pod-trouble.ts';
import { image, proven, settings, start } from './world.ts';

const action: Action = {
  apiVersion: 'execution.kubernaut.ai/v1alpha1',
  kind: 'ActionExecution',
  namespace: 'team',
  name: 'fix-scale',
  uid: 'u',
  generation: 1,
  resourceVersion: '1',
  image,
  verification: 'strict',
  inputs: {},
  cancel: false,
  workflow: 'fix',
  step: 'scale',
  owner: { apiVersion: 'a/v1', kind: 'WorkflowExecution', name: 'fix', uid: 'w' },
  isDeleted: false,
};
const at = (seconds: number): string => new Date(start + seconds * 1_000).toISOString();
const unavailable = fail(failure('REGISTRY_TIMEOUT', 'late'));

const statuses: Readonly<Record<string, ActionStatus>> = {
  new: { phase: '', conditions: [] },
  'waits for its proof': {
    phase: 'Pending',
    waiting: { reason: 'REGISTRY_TIMEOUT', message: 'late', since: at(-5) },
    conditions: [],
  },
  'waited too long': {
    phase: 'Pending',
    waiting: { reason: 'REGISTRY_TIMEOUT', message: 'late', since: at(-9_000) },
    conditions: [],
  },
  runs: {
    phase: 'Running',
    jobUID: 'j1',
    executionName: 'fix-scale',
    attempts: 1,
    image,
    startedAt: at(-60),
    conditions: [],
  },
  'runs, after a wait': {
    phase: 'Running',
    jobUID: 'j1',
    executionName: 'fix-scale',
    attempts: 1,
    image,
    waiting: { reason: 'ErrImagePull', message: '', since: at(-60) },
    conditions: [],
  },
  'runs its last attempt': {
    phase: 'Running',
    jobUID: 'j1',
    executionName: 'fix-scale.retry3',
    attempts: 4,
    image,
    conditions: [],
  },
  'will be tried again': { phase: 'Pending', attempts: 1, retryAt: at(1), conditions: [] },
  'is to be tried again': { phase: 'Pending', attempts: 1, retryAt: at(-1), conditions: [] },
  ...Object.fromEntries(
    (['Completed', 'Failed', 'Cancelled'] as const).map((phase: ActionPhase) => [
      phase,
      { phase, jobUID: 'j1', attempts: 1, conditions: [] },
    ]),
  ),
};

const ran: PodTrouble = { name: 'p', startedAt: at(-50) };
const job = (rest: Partial<AttemptJob> = {}, name = 'fix-scale'): AttemptJob => ({
  name,
  uid: 'j1',
  createdAt: at(-60),
  isDeleted: false,
  image,
  ttlSeconds: 604_800,
  ...rest,
});
const ended = (kind: 'complete' | 'failed', reason = '', pod: PodTrouble = ran): AttemptJob =>
  job({ end: { kind, at: at(0), reason, message: '' }, pod });
const lost: PodTrouble = { ...ran, ended: { how: 'lost', reason: 'Evicted', message: '' } };
const waits = (what: 'image' | 'configuration' | 'capacity', isPassing = false): PodTrouble => ({
  name: 'p',
  waiting: {
    for: what,
    reason: what === 'image' ? 'ErrImagePull' : what === 'capacity' ? 'Unschedulable' : 'CreateContainerConfigError',
    message: '',
    isPassing,
  },
});

const jobs: Readonly<Record<string, readonly AttemptJob[]>> = {
  none: [],
  'one that runs': [job({ pod: ran })],
  'one without a Pod': [job()],
  'one that has just begun': [job({ createdAt: at(0) })],
  'one that is being removed': [job({ pod: ran, isDeleted: true })],
  'one without an image': [job({ pod: waits('image') })],
  'one whose registry is away': [job({ pod: waits('image', true) })],
  'one without a Secret': [job({ pod: waits('configuration') })],
  'one without a node': [job({ pod: waits('capacity') })],
  'one that is complete': [ended('complete')],
  'one that has failed': [
    ended('failed', 'BackoffLimitExceeded', {
      ...ran,
      ended: { how: 'exited', reason: 'Error', message: '', exitCode: 1 },
    }),
  ],
  'one that was evicted': [ended('failed', 'PodFailurePolicy', lost)],
  'one that took too long': [ended('failed', 'DeadlineExceeded')],
  'one of an attempt before': [
    ended('failed', 'PodFailurePolicy', lost),
    job({ uid: 'j2', pod: ran }, 'fix-scale.retry1'),
  ],
  'the last one, evicted': [{ ...ended('failed', 'PodFailurePolicy', lost), name: 'fix-scale.retry3' }],
  'another than ours': [job({ uid: 'j9', pod: ran })],
};

const circumstances: Readonly<Record<string, Partial<Observed>>> = {
  'as it is': {},
  'proof unavailable': { proof: unavailable },
  'proof refused': { proof: fail(failure('SIGNATURE_MISSING', 'none')) },
  cancelled: { parsed: ok({ ...action, cancel: true }) },
  unreadable: { parsed: fail({ reason: 'InvalidSpec', message: 'spec' }) },
  'a mirror': { parsed: ok({ ...action, mirrors: 'tr' }) },
  'no image': { parsed: ok({ ...action, image: '' }) },
  'no service account': { told: { warning: { reason: 'FailedCreate', message: 'serviceaccount "x" not found' } } },
  'log unavailable': { log: { kind: 'unavailable', why: 'away' } },
  'missing for long': { missingMs: 60_000 },
  'name taken': {
    setbacks: [
      {
        kind: 'taken',
        place: { kind: { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' }, name: 'fix-scale' },
        owner: 'somebody',
      },
    ],
  },
  quota: {
    setbacks: [
      {
        kind: 'refused',
        place: { kind: { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' }, name: 'fix-scale' },
        status: 403,
        message: 'exceeded quota',
      },
    ],
  },
};

const base: Observed = {
  parsed: ok(action),
  namespace: 'team',
  name: 'fix-scale',
  generation: 1,
  status: { phase: '', conditions: [] },
  settings,
  registry: { actions: new Map(), problems: new Map() },
  jobs: [],
  missingMs: 0,
  setbacks: [],
  now: new Date(start),
};

interface Settled {
  readonly observed: Observed;
  readonly acts: readonly ActionAct[];
}

/** Asked as it is, with what the outside says; nothing is asked twice. */
function settle(observed: Observed, asked: readonly string[] = []): Settled {
  const next = decide(observed);
  if (asked.includes(next.kind)) throw new Error(`asks twice: ${next.kind}`);
  switch (next.kind) {
    case 'prove':
      return settle({ ...observed, proof: proven(next.what) }, [...asked, next.kind]);
    case 'read-log':
      return settle({ ...observed, log: { kind: 'read', text: '{"a":1}' } }, [...asked, next.kind]);
    case 'read-warning':
      return settle({ ...observed, told: {} }, [...asked, next.kind]);
    case 'decided':
      return { observed, acts: next.acts };
  }
}

/** As a round goes: after a Job was made, it is decided again at once. */
function round(given: Observed): Settled {
  const first = settle(given);
  const made = first.acts.filter(({ kind }) => kind === 'create');
  if (made.length === 0) return first;
  if (first.acts.length > 1) throw new Error('makes a Job and does something else');
  return settle(applied(first.observed, first.acts));
}

function applied(observed: Observed, acts: readonly ActionAct[]): Observed {
  return acts.reduce((known, act) => applyOne(known, act), observed);
}

function applyOne(observed: Observed, act: ActionAct): Observed {
  switch (act.kind) {
    case 'create':
      return {
        ...observed,
        jobs: [
          ...observed.jobs,
          job({ uid: `of ${act.object.metadata.name}`, createdAt: at(0) }, act.object.metadata.name),
        ],
      };
    case 'remove':
      return { ...observed, jobs: observed.jobs.filter(({ uid }) => uid !== act.uid) };
    case 'patch':
      return {
        ...observed,
        jobs: observed.jobs.map((one) =>
          one.name === act.place.name ? { ...one, ttlSeconds: settings.jobTtlSeconds } : one,
        ),
      };
    case 'status':
      return { ...observed, status: act.status };
  }
}

const rows = Object.entries(statuses).flatMap(([of, status]) =>
  Object.entries(jobs).map(([having, known]) => ({ of, having, status, known })),
);

test.each(rows)('an action that is "$of", with Jobs "$having", is decided once', ({ status, known }) => {
  for (const [what, rest] of Object.entries(circumstances)) {
    const { observed, acts } = round({ ...base, status, jobs: known, ...rest });
    const after = applied(observed, acts);
    expect({ what, acts: round(after).acts }).toStrictEqual({ what, acts: [] });
    // Nor by a process that knows nothing of what was asked.
    const { proof: _proof, log: _log, told: _told, ...fresh } = after;
    expect({ what, acts: round({ ...fresh, ...rest }).acts }).toStrictEqual({ what, acts: [] });
  }
});

test.each(rows)('of an action that is "$of", with Jobs "$having", no second Job runs', ({ status, known }) => {
  const isUnfinished = ({ end }: AttemptJob): boolean => end === undefined;
  for (const [what, rest] of Object.entries(circumstances)) {
    const { observed, acts } = round({ ...base, status, jobs: known, ...rest });
    const count = applied(observed, acts).jobs.filter(isUnfinished).length;
    const most = Math.max(1, known.filter(isUnfinished).length);
    expect({ what, isMore: count > most }).toStrictEqual({ what, isMore: false });
  }
});

test.each(['Completed', 'Failed', 'Cancelled'])('what is %s stays so', (phase) => {
  const status = statuses[phase] ?? base.status;
  for (const known of Object.values(jobs)) {
    for (const rest of Object.values(circumstances)) {
      const { acts } = round({ ...base, status, jobs: known, ...rest });
      expect(acts.filter(({ kind }) => kind === 'status' || kind === 'create')).toStrictEqual([]);
    }
  }
});
