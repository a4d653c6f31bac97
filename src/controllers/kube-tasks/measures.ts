/** What is counted of Tasks of KubeTask. Pure. */
import { agentKinds } from '../../agents/kinds.ts';
import type { Place, TaskStatus } from '../../agents/model.ts';
import { parseTaskStatus } from '../../agents/parse-status.ts';
import { isFinished } from '../../agents/task-conditions.ts';
import { defined } from '../../kernel/defined.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { FinishedTask, TaskGauges } from '../../ports/task-metrics.ts';

/** Undefined: it has not just ended. */
export function finishedTask(agent: Place, before: TaskStatus, after: TaskStatus): FinishedTask | undefined {
  const { phase, startTime, completionTime } = after;
  if (phase === before.phase || !isFinished(phase)) return undefined;
  const seconds = (Date.parse(completionTime ?? '') - Date.parse(startTime ?? '')) / 1_000;
  return {
    system: 'kubetask',
    namespace: agent.namespace,
    agent: agent.name,
    phase,
    ...defined('seconds', Number.isNaN(seconds) ? undefined : Math.max(0, seconds)),
  };
}

export function kubeTaskLoad(objects: Pick<ClusterObjects, 'list'>): TaskGauges {
  const all = objects.list(agentKinds.kubeTask).map((task) => ({
    namespace: task.metadata.namespace ?? '',
    phase: parseTaskStatus(task).phase || 'Pending',
  }));
  const groups = Map.groupBy(all, ({ namespace, phase }) => `${namespace}/${phase}`);
  const tasks = [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ system: 'kubetask', ...first, count: group.length } as const];
  });
  return { agents: [], tasks };
}
