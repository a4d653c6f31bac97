/**
 * What a Task says together with its template: the Task's own word wins, and its contexts come after those of the
 * template. Wherever the template is, names in it mean what is in the Task's namespace: a template is for anybody to
 * refer to, and what is next to it is not for anybody to read.
 */
import { defined } from '../kernel/defined.ts';
import type { AgentRef, Task, TaskTemplate, Work } from './model.ts';

interface MergedTask {
  readonly agentRef?: AgentRef;
  readonly description?: string;
  readonly contexts: Work['contexts'];
}

export function mergeTemplate(task: Task, template: TaskTemplate | undefined): MergedTask {
  return {
    ...defined('agentRef', task.agentRef ?? template?.agentRef),
    ...defined('description', task.description ?? template?.description),
    contexts: [...(template?.contexts ?? []), ...task.contexts].map((item) => ({ item, namespace: task.namespace })),
  };
}
