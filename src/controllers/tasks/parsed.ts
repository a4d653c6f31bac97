/** What was parsed of objects in memory, once for each version of them: a queue of Tasks asks for its Agent again and again. */
import { parseAgent } from '../../agents/parse-agent.ts';
import { parseTaskStarts, parseTaskStatus } from '../../agents/parse-status.ts';
import { parseTask } from '../../agents/parse-task.ts';
import { parseTaskTemplate } from '../../agents/parse-template.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';

/** Objects in memory are never changed: another version is another object. */
function perVersion<T>(parse: (object: KubeObject) => T): (object: KubeObject) => T {
  const known = new WeakMap<KubeObject, { readonly value: T }>();
  return (object) => {
    const before = known.get(object);
    if (before !== undefined) return before.value;
    const value = parse(object);
    known.set(object, { value });
    return value;
  };
}

export const parsedTask = perVersion(parseTask);
export const parsedAgent = perVersion(parseAgent);
export const parsedTemplate = perVersion(parseTaskTemplate);
export const statusOf = perVersion(parseTaskStatus);
export const startsOf = perVersion(parseTaskStarts);
