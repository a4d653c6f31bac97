/** By what people and we find what was made for a Task. */
import { labelValue } from '../workflow/label-value.ts';
import { names, type Work } from './model.ts';

type Texts = Readonly<Record<string, string>>;

/** Not the Agent's label: by that the Service of a server finds its Pods. */
export function taskLabels({
  task,
  agent,
}: Pick<Work, 'task'> & { readonly agent: Pick<Work['agent'], 'namespace'> }): Texts {
  const isAtHome = task.namespace === agent.namespace;
  return {
    [names.taskLabel]: labelValue(task.name),
    ...(!isAtHome && { [names.taskNamespaceLabel]: task.namespace }),
  };
}

/** In full, and which of all that ever had this name. */
export function taskAnnotations({ namespace, name, uid }: Work['task']): Texts {
  return { [names.taskUidAnnotation]: uid, [names.taskAnnotation]: `${namespace}/${name}` };
}
