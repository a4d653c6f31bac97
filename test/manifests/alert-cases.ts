/** For each alert a world in which it fires, and worlds that come close to it and in which it stays silent. */

/** Series with their values, one a minute unless the case says otherwise, in promtool's notation: first + step x times. */
export type Series = Readonly<Record<string, string>>;

export interface AlertCase {
  /** All at the same time, as long after the beginning as the alert needs. */
  readonly at: string;
  readonly every?: string;
  readonly fires: Series;
  readonly silent: Readonly<Record<string, Series>>;
}

const up = (pod: string): string => `up{namespace="countersign-system",service="countersign",pod="${pod}"}`;
const admissions = (verdict: string): string =>
  `countersign_admission_duration_seconds_count{phase="validate",verdict="${verdict}",kind="Pod"}`;
const notAfter = 'countersign_serving_certificate_not_after_timestamp_seconds{pod="a"}';
const days = (count: number): number => count * 86_400;

/** Counters of an engine that grow by so much in an hour. */
function workflows(engine: string, hourly: Readonly<Record<string, number>>): Series {
  return Object.fromEntries(
    Object.entries(hourly).map(([reason, count]) => {
      const outcome = reason === 'None' ? 'Completed' : 'Failed';
      const labels = `engine="${engine}",outcome="${outcome}",reason="${reason}"`;
      return [`countersign_workflows_finished_total{${labels}}`, `0+${count / 60}x120`];
    }),
  );
}

function repairs(engine: string, hourly: number, meanSeconds: number): Series {
  const name = 'countersign_workflow_time_to_repair_seconds';
  return {
    ...workflows(engine, { None: hourly }),
    [`${name}_sum{engine="${engine}"}`]: `0+${(hourly * meanSeconds) / 60}x120`,
    [`${name}_count{engine="${engine}"}`]: `0+${hourly / 60}x120`,
  };
}

const rounds = (outcome: string, step: number): Series => ({
  [`countersign_reconcile_duration_seconds_count{reconciler="workflows",outcome="${outcome}"}`]: `0+${step}x120`,
});

const latency = (fast: number, slow: number): Series => {
  const bucket = (le: string): string => `countersign_admission_duration_seconds_bucket{le="${le}",kind="Pod"}`;
  const counted = `0+${fast + slow}x120`;
  return { [bucket('1')]: `0+${fast}x120`, [bucket('5')]: counted, [bucket('+Inf')]: counted };
};

const waiting = (agent: string): string => `kubeopencode_agent_queue_length{agent="${agent}",namespace="agents"}`;
const failed = (system: string, namespace = 'shop'): string =>
  `${system}_tasks_total{namespace="${namespace}",phase="Failed"}`;

export const alertCases: Readonly<Record<string, AlertCase>> = {
  CountersignDown: {
    at: '10m',
    fires: { [up('a')]: '0x120', [up('b')]: '0x120' },
    silent: { 'one answers': { [up('a')]: '1x120', [up('b')]: '0x120' } },
  },
  CountersignReplicaMissing: {
    at: '30m',
    fires: { [up('a')]: '1x120', [up('b')]: '0x120' },
    silent: {
      'two answer': { [up('a')]: '1x120', [up('b')]: '1x120' },
      'one is replaced for five minutes': { [up('a')]: '1x120', [up('b')]: '1x20 0x5 1x80' },
    },
  },
  CountersignNotReached: {
    at: '20m',
    fires: {
      'apiserver_admission_webhook_rejection_count{name="validate.countersign.dev",error_type="calling_webhook_error"}':
        '0+1x120',
    },
    silent: {
      'it refuses': {
        'apiserver_admission_webhook_rejection_count{name="validate.countersign.dev",error_type="no_error"}': '0+1x120',
      },
      'another webhook fails': {
        'apiserver_admission_webhook_rejection_count{name="other.dev",error_type="calling_webhook_error"}': '0+1x120',
      },
    },
  },
  CountersignUndecided: {
    at: '30m',
    fires: { [admissions('admit')]: '0+95x120', [admissions('unavailable')]: '0+5x120' },
    silent: { 'one in a thousand': { [admissions('admit')]: '0+999x120', [admissions('unavailable')]: '0+1x120' } },
  },
  CountersignFails: {
    at: '20m',
    fires: { 'countersign_refusals_total{code="INTERNAL",policy=""}': '0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1x60' },
    silent: { 'an image is unsigned': { 'countersign_refusals_total{code="SIGNATURE_MISSING",policy="p"}': '0+1x60' } },
  },
  CountersignDecisionsUnrecorded: {
    at: '20m',
    fires: { countersign_decision_log_failures_total: '0x15 1x60' },
    silent: { 'it was so before': { countersign_decision_log_failures_total: '3x60' } },
  },
  CountersignCertificateEnds: {
    at: '2h',
    fires: { [notAfter]: `${days(6)}x180` },
    silent: { 'it has a month': { [notAfter]: `${days(30)}x180` } },
  },
  CountersignSlow: {
    at: '30m',
    fires: latency(90, 10),
    silent: { 'nearly all are fast': latency(999, 1) },
  },
  CountersignPolicyNotInForce: {
    at: '20m',
    fires: { countersign_policy_problems: '2x60' },
    silent: { 'all are in force': { countersign_policy_problems: '0x60' } },
  },
  CountersignRecordsLost: {
    at: '20m',
    fires: { 'countersign_records_lost_total{why="removed"}': '0x15 4x60' },
    silent: { 'none are': { 'countersign_records_lost_total{why="removed"}': '0x60' } },
  },
  CountersignRecordsWait: {
    at: '40m',
    fires: {
      'countersign_records_delivery_failures_total{pod="a"}': '0+1x60',
      'countersign_records_backlog_bytes{pod="a"}': '900x60',
    },
    silent: {
      'they are delivered by the next try': {
        'countersign_records_delivery_failures_total{pod="a"}': '0+1x60',
        'countersign_records_backlog_bytes{pod="a"}': '0x60',
      },
    },
  },
  CountersignPublicRootOld: {
    at: '100h',
    every: '1h',
    fires: { countersign_public_trust_root_refreshed_timestamp_seconds: '0x110' },
    silent: { 'it is refreshed': { countersign_public_trust_root_refreshed_timestamp_seconds: '0+3600x110' } },
  },
  CountersignWorkflowsFailOnJobs: {
    at: '90m',
    fires: workflows('job', { None: 90, TaskFailed: 10 }),
    silent: {
      'the target is met': workflows('job', { None: 96, TaskFailed: 4 }),
      'few have run': workflows('job', { None: 5, TaskFailed: 5 }),
      'they were cancelled': workflows('job', { None: 60, Cancelled: 40 }),
      'it is Tekton': workflows('tekton', { None: 60, TaskFailed: 40 }),
    },
  },
  CountersignWorkflowsFailOnTekton: {
    at: '90m',
    fires: workflows('tekton', { None: 94, TaskFailed: 6 }),
    silent: {
      'the target is met': workflows('tekton', { None: 97, TaskFailed: 3 }),
      'few have run': workflows('tekton', { None: 5, TaskFailed: 5 }),
      'it is Jobs': workflows('job', { None: 94, TaskFailed: 6 }),
    },
  },
  CountersignTektonWorseThanJobs: {
    at: '90m',
    fires: {
      ...workflows('tekton', { None: 90, ResourceExhausted: 10 }),
      ...workflows('job', { None: 99, Evicted: 1 }),
    },
    silent: {
      'Jobs are as bad': {
        ...workflows('tekton', { None: 90, ResourceExhausted: 10 }),
        ...workflows('job', { None: 92, ResourceExhausted: 8 }),
      },
      'actions fail, not Tekton': workflows('tekton', { None: 80, TaskFailed: 20 }),
      'few have run': workflows('tekton', { None: 8, ResourceExhausted: 2 }),
    },
  },
  CountersignRepairsSlowOnJobs: {
    at: '90m',
    fires: repairs('job', 30, 310),
    silent: { 'the target is met': repairs('job', 30, 290), 'few have run': repairs('job', 2, 900) },
  },
  CountersignRepairsSlowOnTekton: {
    at: '90m',
    fires: repairs('tekton', 30, 250),
    silent: { 'the target is met': repairs('tekton', 30, 230), 'it is Jobs': repairs('job', 30, 290) },
  },
  CountersignWorkflowStuck: {
    at: '3h',
    fires: { 'countersign_workflow_oldest_unfinished_seconds{state="running"}': '0+60x200' },
    silent: {
      'it waits for approval': { 'countersign_workflow_oldest_unfinished_seconds{state="unapproved"}': '0+60x200' },
      'each ends in time': { 'countersign_workflow_oldest_unfinished_seconds{state="running"}': '600x200' },
    },
  },
  CountersignReconcileFails: {
    at: '20m',
    fires: {
      'countersign_reconcile_duration_seconds_count{reconciler="actions",outcome="error"}': '0x15 1x60',
    },
    silent: { 'it is tried again': { ...rounds('retry', 1), ...rounds('error', 0) } },
  },
  CountersignReconcileRetries: {
    at: '40m',
    fires: { ...rounds('settled', 4), ...rounds('retry', 6) },
    silent: { 'now and then': { ...rounds('settled', 9), ...rounds('retry', 1) }, 'nothing to do': rounds('retry', 0) },
  },
  CountersignReconcileBehind: {
    at: '30m',
    fires: { 'countersign_reconcile_queue{reconciler="workflows"}': '150x60' },
    silent: { 'after a burst': { 'countersign_reconcile_queue{reconciler="workflows"}': '0x10 150x5 0x60' } },
  },
  CountersignHistoryWaits: {
    at: '40m',
    fires: {
      'countersign_history_delivery_failures_total{pod="a"}': '0+1x60',
      'countersign_history_waiting{pod="a"}': '12x60',
    },
    silent: {
      'they are stored by the next try': {
        'countersign_history_delivery_failures_total{pod="a"}': '0+1x60',
        'countersign_history_waiting{pod="a"}': '0x60',
      },
      'they are on their way': {
        'countersign_history_delivery_failures_total{pod="a"}': '0x60',
        'countersign_history_waiting{pod="a"}': '3x60',
      },
    },
  },
  CountersignTasksWait: {
    at: '80m',
    fires: { [waiting('a')]: '3x120' },
    silent: {
      'none did for a moment': { [waiting('a')]: '3x50 0 3x70' },
      'others wait each time': { [waiting('a')]: '3x40 0x80', [waiting('b')]: '0x40 3x80' },
      'for less than an hour': { [waiting('a')]: '0x40 3x80' },
    },
  },
  CountersignTasksFail: {
    at: '90m',
    fires: { [failed('kubeopencode')]: '5x60 20x60', [failed('kubetask')]: '0x120' },
    silent: {
      'they have been there for long': { [failed('kubeopencode')]: '500x120' },
      'some do': { [failed('kubetask')]: '5x60 12x60' },
      'they were cleaned up': { [failed('kubetask')]: '500x60 20x60' },
      'in many namespaces': { [failed('kubetask')]: '0x60 9x60', [failed('kubetask', 'other')]: '0x60 9x60' },
    },
  },
};
