/** A Task of KubeTask as somebody applied it. */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { Members, Problems } from '../workflow/fields.ts';
import type { KubeTask, TaskProblem } from './model.ts';
import { readFileContexts } from './parse-file-context.ts';
import { readMetadata } from './parse-metadata.ts';
import { readTimeout } from './parse-task.ts';
import { objectName } from './rules.ts';
import { problemOf } from './task-problem.ts';

export function parseKubeTask(object: unknown): Result<KubeTask, TaskProblem> {
  const problems = new Problems();
  const ofContexts = new Problems();
  const spec = new Members(object, '', problems).object('spec');
  const withContexts = new Members(object, '', ofContexts).object('spec');
  if (withContexts.raw('contexts') === undefined) withContexts.complain('contexts', 'is missing; say what the task is');
  const { namespace, name, uid, generation, createdAt, deleted } = readMetadata(object);
  const task: KubeTask = {
    namespace,
    name,
    uid,
    generation,
    createdAt,
    deleted,
    contexts: readFileContexts(withContexts, 'contexts'),
    ...defined('agentRef', spec.text('agentRef', objectName)),
    ...defined('timeoutSeconds', readTimeout(spec)),
  };
  const problem = problemOf(problems, ofContexts);
  return problem === undefined ? ok(task) : fail(problem);
}
