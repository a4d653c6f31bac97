import type { ScanProgress } from '../../../src/ports/scan-progress.ts';
import { describe, expect, test } from 'vitest';
import { prometheusMetrics } from '../../../src/adapters/metrics/prometheus-metrics.ts';
import { failureCodes } from '../../../src/kernel/failure.ts';

/** Lines of one metric, without its comments. */
function series(page: string, name: string): readonly string[] {
  return page.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe('the page', () => {
  test('has the names that dashboards rely on', async () => {
    const metrics = prometheusMetrics();
    const page = await metrics.text();
    const names = [...page.matchAll(/^# TYPE (countersign_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(names).toEqual([
      'countersign_admission_duration_seconds histogram',
      'countersign_refusals_total counter',
      'countersign_cache_total counter',
      'countersign_registry_requests_total counter',
      'countersign_registry_request_duration_seconds histogram',
      'countersign_decision_log_failures_total counter',
      'countersign_cluster_events_total counter',
      'countersign_records_delivered_total counter',
      'countersign_records_delivery_failures_total counter',
      'countersign_records_lost_total counter',
      'countersign_records_backlog_bytes gauge',
      'countersign_workflows_started_total counter',
      'countersign_workflows_finished_total counter',
      'countersign_workflow_duration_seconds histogram',
      'countersign_workflow_time_to_repair_seconds histogram',
      'countersign_workflow_steps_finished_total counter',
      'countersign_workflow_step_duration_seconds histogram',
      'countersign_reconcile_duration_seconds histogram',
      'countersign_reconcile_queue gauge',
      'countersign_history_delivered_total counter',
      'countersign_history_delivery_failures_total counter',
    ]);
    expect(page).toContain('process_resident_memory_bytes');
    expect(metrics.contentType).toMatch(/^text\/plain/);
  });

  test('counts what happened', async () => {
    const metrics = prometheusMetrics();
    metrics.admission('validate', 'refuse', 'Pod', 0.02);
    metrics.admission('validate', 'refuse', 'Pod', 0.2);
    metrics.refusal('SIGNATURE_MISSING', 'signed');
    metrics.cache('verdict', 'hit');
    metrics.registryRequest('ok', 0.1);
    metrics.decisionLogFailure();
    metrics.clusterEvent('dropped');
    metrics.publicRootRefreshed(() => new Date(5_000));
    const page = await metrics.text();
    for (const line of [
      'countersign_admission_duration_seconds_count{phase="validate",verdict="refuse",kind="Pod"} 2',
      'countersign_admission_duration_seconds_bucket{le="0.025",phase="validate",verdict="refuse",kind="Pod"} 1',
      'countersign_refusals_total{code="SIGNATURE_MISSING",policy="signed"} 1',
      'countersign_cache_total{cache="verdict",outcome="hit"} 1',
      'countersign_registry_requests_total{outcome="ok"} 1',
      'countersign_registry_request_duration_seconds_count 1',
      'countersign_decision_log_failures_total 1',
      'countersign_cluster_events_total{outcome="dropped"} 1',
      'countersign_public_trust_root_refreshed_timestamp_seconds 5',
    ]) {
      expect(page.split('\n')).toContain(line);
    }
  });

  test('has the failures of the decision log before there are any, so that alerts see the first one', async () => {
    const page = await prometheusMetrics().text();
    expect(series(page, 'countersign_decision_log_failures_total')).toEqual([
      'countersign_decision_log_failures_total 0',
    ]);
  });

  test('of one server says nothing of another one in the same process', async () => {
    const [one, other] = [prometheusMetrics(), prometheusMetrics()];
    one.decisionLogFailure();
    expect(await other.text()).toContain('countersign_decision_log_failures_total 0');
  });
});

describe('labels', () => {
  test('have a bounded number of values, whatever requesters send', async () => {
    const metrics = prometheusMetrics();
    for (let number = 0; number < 5000; number += 1) metrics.admission('validate', 'admit', `Kind${number}`, 0.01);
    const counts = series(await metrics.text(), 'countersign_admission_duration_seconds_count');
    expect(counts).toEqual([
      'countersign_admission_duration_seconds_count{phase="validate",verdict="admit",kind="other"} 5000',
    ]);
  });

  test('have a bounded number of values, however many policies come and go', async () => {
    const metrics = prometheusMetrics();
    for (let number = 0; number < 5000; number += 1) metrics.refusal('SIGNATURE_MISSING', `policy-${number}`);
    metrics.refusal('SIGNATURE_MISSING', 'policy-7');
    const counts = series(await metrics.text(), 'countersign_refusals_total');
    expect(counts.length).toBeLessThanOrEqual(501);
    expect(counts).toContain('countersign_refusals_total{code="SIGNATURE_MISSING",policy="policy-7"} 2');
    expect(counts).toContain('countersign_refusals_total{code="SIGNATURE_MISSING",policy="other"} 4500');
  });

  test('cannot begin a line of their own', async () => {
    const metrics = prometheusMetrics();
    metrics.refusal('SIGNATURE_MISSING', 'a"} 1\ncountersign_decision_log_failures_total 99');
    const page = await metrics.text();
    expect(page.split('\n').filter((line) => line.startsWith('countersign_decision_log_failures_total'))).toEqual([
      'countersign_decision_log_failures_total 0',
    ]);
  });

  test('take every code there is', async () => {
    const metrics = prometheusMetrics();
    for (const code of failureCodes) metrics.refusal(code, '');
    expect(series(await metrics.text(), 'countersign_refusals_total')).toHaveLength(failureCodes.length);
  });
});

test('the background scan is shown as it is when somebody looks', async () => {
  const metrics = prometheusMetrics();
  const summary = { pass: 5, fail: 2, warn: 0, error: 1, skip: 0 };
  const counts = { namespaces: { done: 1, total: 2 }, pods: 4, images: 3, summary };
  let progress: ScanProgress = { ...counts, state: 'scanning' };
  metrics.scan(() => progress);
  const before = await metrics.text();
  expect(series(before, 'countersign_scan_running')).toEqual(['countersign_scan_running 1']);
  expect(series(before, 'countersign_scan_pods')).toEqual(['countersign_scan_pods 4']);
  expect(series(before, 'countersign_scan_last_complete_timestamp_seconds')).toEqual([
    'countersign_scan_last_complete_timestamp_seconds 0',
  ]);
  expect(series(before, 'countersign_scan_results')).toContain('countersign_scan_results{result="fail"} 2');
  progress = { ...counts, state: 'waiting', finishedAt: '2026-03-02T10:00:00.000Z' };
  expect(series(await metrics.text(), 'countersign_scan_last_complete_timestamp_seconds')).toEqual([
    'countersign_scan_last_complete_timestamp_seconds 1772445600',
  ]);
});
