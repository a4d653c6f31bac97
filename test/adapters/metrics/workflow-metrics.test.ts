import { expect, test } from 'vitest';
import { prometheusMetrics } from '../../../src/adapters/metrics/prometheus-metrics.ts';

/** Lines of the page that have not the value 0. */
async function counted(metrics: ReturnType<typeof prometheusMetrics>): Promise<readonly string[]> {
  const page = await metrics.text();
  return page.split('\n').filter((line) => /^(?:countersign_|workflow_).* [^0]/.test(line));
}

test('workflows are counted by engine, outcome and reason', async () => {
  const metrics = prometheusMetrics();
  metrics.workflows.workflowStarted('job');
  metrics.workflows.workflowFinished({ engine: 'job', seconds: 9, secondsSinceCreation: 11 });
  metrics.workflows.workflowFinished({ engine: 'tekton', failure: 'Evicted', seconds: 40, secondsSinceCreation: 41 });
  const lines = await counted(metrics);
  expect(lines).toContain('countersign_workflows_started_total{engine="job"} 1');
  expect(lines).toContain('countersign_workflows_finished_total{engine="job",outcome="Completed",reason="None"} 1');
  expect(lines).toContain('countersign_workflows_finished_total{engine="tekton",outcome="Failed",reason="Evicted"} 1');
  expect(lines).toContain('countersign_workflow_duration_seconds_sum{engine="tekton"} 40');
  expect(lines).toContain('countersign_workflow_time_to_repair_seconds_sum{engine="job"} 11');
});

test('what has failed repaired nothing', async () => {
  const metrics = prometheusMetrics();
  metrics.workflows.workflowFinished({ engine: 'tekton', failure: 'Evicted', seconds: 40, secondsSinceCreation: 41 });
  expect((await counted(metrics)).filter((line) => line.includes('repair'))).toStrictEqual([]);
});

test('what was refused before an engine was chosen has none, and took no time of an engine', async () => {
  const metrics = prometheusMetrics();
  metrics.workflows.workflowFinished({ failure: 'InvalidDependencyGraph', seconds: 0, secondsSinceCreation: 1 });
  expect(await counted(metrics)).toStrictEqual([
    'countersign_workflows_finished_total{engine="none",outcome="Failed",reason="InvalidDependencyGraph"} 1',
  ]);
});

test('steps are counted; those that never began took no time', async () => {
  const metrics = prometheusMetrics();
  metrics.workflows.stepFinished({ engine: 'job', phase: 'Failed', failure: 'OOMKilled', seconds: 3 });
  metrics.workflows.stepFinished({ engine: 'job', phase: 'Skipped' });
  const lines = await counted(metrics);
  expect(lines).toContain(
    'countersign_workflow_steps_finished_total{engine="job",outcome="Failed",reason="OOMKilled"} 1',
  );
  expect(lines).toContain('countersign_workflow_steps_finished_total{engine="job",outcome="Skipped",reason="None"} 1');
  expect(lines).toContain('countersign_workflow_step_duration_seconds_count{engine="job"} 1');
});

test('every counter is there before anything has happened, so that Prometheus sees the first of each increase', async () => {
  const page = (await prometheusMetrics().text()).split('\n');
  for (const line of [
    'countersign_workflows_finished_total{engine="tekton",outcome="Failed",reason="ExecutionRemoved"} 0',
    'countersign_workflows_finished_total{engine="none",outcome="Failed",reason="Forbidden"} 0',
    'countersign_workflow_steps_finished_total{engine="job",outcome="Cancelled",reason="Cancelled"} 0',
    'countersign_workflow_time_to_repair_seconds_count{engine="job"} 0',
    'countersign_history_delivery_failures_total 0',
  ])
    expect(page).toContain(line);
});

test('parallel steps have the names of the design documents', async () => {
  const metrics = prometheusMetrics();
  metrics.workflows.parallelSteps({ active: 4, queued: 2, max: 5 });
  expect((await counted(metrics)).filter((line) => line.startsWith('workflow_'))).toStrictEqual([
    'workflow_parallel_workers_active 4',
    'workflow_parallel_workers_max 5',
    'workflow_parallel_steps_queued 2',
  ]);
});

test('reconcilers, their queues, the history and what has not ended are shown', async () => {
  const metrics = prometheusMetrics();
  const { workflows } = metrics;
  workflows.reconciling.depth('workflows', 7);
  workflows.reconciling.round('workflows', 'retry', 0.2);
  workflows.history.delivered(3);
  workflows.history.waiting(() => 8);
  workflows.unfinished(() => [{ state: 'running', count: 2, oldestSeconds: 61 }]);
  const page = (await metrics.text()).split('\n');
  for (const line of [
    'countersign_reconcile_queue{reconciler="workflows"} 7',
    'countersign_reconcile_duration_seconds_count{reconciler="workflows",outcome="retry"} 1',
    'countersign_reconcile_duration_seconds_count{reconciler="workflows",outcome="error"} 0',
    'countersign_history_delivered_total 3',
    'countersign_history_waiting 8',
    'countersign_workflows_unfinished{state="running"} 2',
    'countersign_workflows_unfinished{state="unapproved"} 0',
    'countersign_workflow_oldest_unfinished_seconds{state="running"} 61',
  ])
    expect(page).toContain(line);
});
