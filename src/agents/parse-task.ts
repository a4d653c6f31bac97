/** A Task of KubeOpenCode as somebody applied it; what it means together with its template and its Agent is asked later. */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { Members, Problems } from '../workflow/fields.ts';
import type { Task, TaskProblem } from './model.ts';
import { readContexts } from './parse-context.ts';
import { readMetadata } from './parse-metadata.ts';
import { readReference } from './parse-reference.ts';
import { longText } from './rules.ts';
import { problemOf } from './task-problem.ts';

export function parseTask(object: unknown): Result<Task, TaskProblem> {
  const problems = new Problems();
  const ofContexts = new Problems();
  const spec = new Members(object, '', problems).object('spec');
  const contexts = readContexts(new Members(object, '', ofContexts).object('spec'), 'contexts');
  const { annotations: _, ...metadata } = readMetadata(object);
  const task: Task = {
    ...metadata,
    ...defined('description', spec.text('description', longText)),
    contexts,
    ...defined('agentRef', readReference(spec, 'agentRef')),
    ...defined('templateRef', readReference(spec, 'taskTemplateRef')),
    ...defined('timeoutSeconds', readTimeout(spec)),
  };
  const problem = problemOf(problems, ofContexts);
  return problem === undefined ? ok(task) : fail(problem);
}

/** In whole seconds, as a Job takes it. */
export function readTimeout(spec: Members): number | undefined {
  const millis = spec.duration('timeout');
  return millis === undefined ? undefined : Math.ceil(millis / 1000);
}
