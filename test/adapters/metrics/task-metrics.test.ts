import { describe, expect, test } from 'vitest';
import { prometheusMetrics } from '../../../src/adapters/metrics/prometheus-metrics.ts';
import type { TaskGauges } from '../../../src/ports/task-metrics.ts';

const nothing: TaskGauges = { agents: [], tasks: [] };

/** Lines of the page about Tasks, without what explains them. */
async function lines(metrics: ReturnType<typeof prometheusMetrics>): Promise<readonly string[]> {
  return (await metrics.text()).split('\n').filter((line) => /^kube(?:opencode|task)_/.test(line));
}

const ended = { namespace: 'shop', agent: 'opencode', phase: 'Completed' } as const;

describe('gauges', () => {
  test('are read when they are asked for, and forget what is gone', async () => {
    const metrics = prometheusMetrics();
    let now: TaskGauges = {
      agents: [{ namespace: 'agents', agent: 'opencode', queued: 3, capacity: 0 }],
      tasks: [{ system: 'kubeopencode', namespace: 'shop', phase: 'Queued', count: 3 }],
    };
    metrics.tasks.gauges(() => now);
    expect(await lines(metrics)).toStrictEqual([
      'kubeopencode_agent_capacity{agent="opencode",namespace="agents"} 0',
      'kubeopencode_agent_queue_length{agent="opencode",namespace="agents"} 3',
      'kubeopencode_tasks_total{namespace="shop",phase="Queued"} 3',
    ]);
    now = nothing;
    expect(await lines(metrics)).toStrictEqual([]);
  });

  test('an Agent without a limit has a queue and no capacity', async () => {
    const metrics = prometheusMetrics();
    metrics.tasks.gauges(() => ({ ...nothing, agents: [{ namespace: 'a', agent: 'b', queued: 0 }] }));
    expect(await lines(metrics)).toStrictEqual(['kubeopencode_agent_queue_length{agent="b",namespace="a"} 0']);
  });

  test('of two reconcilers stand beside each other', async () => {
    const metrics = prometheusMetrics();
    for (const system of ['kubeopencode', 'kubetask'] as const)
      metrics.tasks.gauges(() => ({ agents: [], tasks: [{ system, namespace: 'shop', phase: 'Running', count: 1 }] }));
    expect(await lines(metrics)).toStrictEqual([
      'kubeopencode_tasks_total{namespace="shop",phase="Running"} 1',
      'kubetask_tasks_total{namespace="shop",phase="Running"} 1',
    ]);
  });
});

describe('durations', () => {
  test('are those of the system, by namespace and Agent, from 10 s to 85 min', async () => {
    const metrics = prometheusMetrics();
    metrics.tasks.taskFinished({ ...ended, system: 'kubeopencode', seconds: 15 });
    metrics.tasks.taskFinished({ ...ended, system: 'kubetask', seconds: 6_000, phase: 'Failed' });
    const page = await lines(metrics);
    expect(page).toContain('kubeopencode_task_duration_seconds_bucket{le="10",namespace="shop",agent="opencode"} 0');
    expect(page).toContain('kubeopencode_task_duration_seconds_bucket{le="20",namespace="shop",agent="opencode"} 1');
    expect(page).toContain('kubetask_task_duration_seconds_bucket{le="5120",namespace="shop",agent="opencode"} 0');
    expect(page).toContain('kubetask_task_duration_seconds_sum{namespace="shop",agent="opencode"} 6000');
  });

  test('are not those of Tasks that never began', async () => {
    const metrics = prometheusMetrics();
    metrics.tasks.taskFinished({ ...ended, system: 'kubeopencode', phase: 'Failed' });
    expect(await lines(metrics)).toStrictEqual([]);
  });

  test('of more Agents than can be told apart are counted together', async () => {
    const metrics = prometheusMetrics();
    for (let index = 0; index < 600; index += 1)
      metrics.tasks.taskFinished({ ...ended, agent: `agent-${index}`, system: 'kubeopencode', seconds: 1 });
    const counted = (await lines(metrics)).filter((line) => line.includes('_count'));
    expect(counted).toHaveLength(501);
    expect(counted).toContain('kubeopencode_task_duration_seconds_count{namespace="other",agent="other"} 100');
  });
});
