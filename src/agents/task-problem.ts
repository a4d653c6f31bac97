import { quoted } from '../kernel/failure.ts';
import type { Problems } from '../workflow/fields.ts';
import type { Place, TaskProblem } from './model.ts';

/** Of a Task: InvalidTask, or ContextError when nothing but its contexts is wrong. */
export function problemOf(problems: Problems, ofContexts: Problems): TaskProblem | undefined {
  const messages = [problems.message, ofContexts.message].filter((message) => message !== undefined);
  if (messages.length === 0) return undefined;
  return { reason: problems.message === undefined ? 'ContextError' : 'InvalidTask', message: messages.join('; ') };
}

/** Of what a Task refers to, which its message has to name. */
export function problemElsewhere(
  reason: TaskProblem['reason'],
  kind: string,
  { namespace, name }: Place,
  { message }: Problems,
): TaskProblem | undefined {
  return message === undefined
    ? undefined
    : { reason, message: `${kind} "${quoted(namespace)}/${quoted(name)}": ${message}` };
}
