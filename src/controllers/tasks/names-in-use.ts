/** Under which names a Task has its Pod: the plain ones, unless its status says that they were taken. Pure. */
import type { TaskNames, TaskStatus } from '../../agents/model.ts';
import { isMadeByUs } from '../../agents/task-conditions.ts';
import { taskNames } from '../../agents/task-names.ts';
import type { TaskFacts } from './decision.ts';

export interface NamesInUse extends TaskNames {
  readonly variant: 'plain' | 'hashed';
}

/** Undefined: nothing was begun. */
export function namesInUse(task: TaskFacts, status: TaskStatus): NamesInUse | undefined {
  const { podName, podNamespace } = status;
  if (podName === undefined) return undefined;
  const agent = { namespace: podNamespace ?? task.namespace };
  const hashed = taskNames({ task, agent }, 'hashed');
  if (hashed.pod === podName) return { ...hashed, variant: 'hashed' };
  const plain = { ...taskNames({ task, agent }, 'plain'), pod: podName, variant: 'plain' } as const;
  // The controller before us named files after the Task alone, wherever they were.
  return isMadeByUs(status) ? plain : { ...plain, configMap: `${task.name}-context` };
}
