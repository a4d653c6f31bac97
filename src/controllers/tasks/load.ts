/** How many Tasks there are in each phase, and how much room their Agents have; asked by whoever reads the metrics. */
import { agentKinds } from '../../agents/kinds.ts';
import { defined } from '../../kernel/defined.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { AgentLoad, TaskGauges } from '../../ports/task-metrics.ts';
import { parsedAgent, statusOf } from './parsed.ts';
import type { Roster } from './roster.ts';

export function loadOf(objects: Pick<ClusterObjects, 'list'>, roster: Roster): TaskGauges {
  return { agents: agentsOf(objects, roster), tasks: tasksOf(objects) };
}

function agentsOf(objects: Pick<ClusterObjects, 'list'>, roster: Roster): readonly AgentLoad[] {
  return objects.list(agentKinds.agent).map((object) => {
    const { namespace = '', name } = object.metadata;
    const { running, queued } = roster.load(`${namespace}/${name}`);
    const agent = parsedAgent(object);
    const max = agent.ok ? agent.value.maxConcurrentTasks : undefined;
    const capacity = max === undefined ? undefined : Math.max(0, max - running);
    return { namespace, agent: name, queued, ...defined('capacity', capacity) };
  });
}

function tasksOf({ list }: Pick<ClusterObjects, 'list'>): TaskGauges['tasks'] {
  const counts = new Map<string, TaskGauges['tasks'][number]>();
  for (const object of list(agentKinds.task)) {
    const { namespace = '' } = object.metadata;
    const phase = statusOf(object).phase || 'Pending';
    const key = `${namespace}/${phase}`;
    const count = (counts.get(key)?.count ?? 0) + 1;
    counts.set(key, { system: 'kubeopencode', namespace, phase, count });
  }
  return [...counts.values()];
}
