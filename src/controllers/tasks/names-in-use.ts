/** Under which names a Task has its Pod: the plain ones, unless its status says that they were taken. Pure. */
import type { TaskNames, TaskStatus } from '../../agents/model.ts';
import { taskNames } from '../../agents/task-names.ts';
import type { TaskFacts } from './decision.ts';

export interface NamesInUse extends TaskNames {
  readonly variant: 'plain' | 'hashed';
}

/** Undefined: nothing was begun. */
export function namesInUse(task: TaskFacts, { podName, podNamespace }: TaskStatus): NamesInUse | undefined {
  if (podName === undefined) return undefined;
  const agent = { namespace: podNamespace ?? task.namespace };
  const hashed = taskNames({ task, agent }, 'hashed');
  return hashed.pod === podName
    ? { ...hashed, variant: 'hashed' }
    : { ...taskNames({ task, agent }, 'plain'), pod: podName, variant: 'plain' };
}
