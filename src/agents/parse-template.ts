import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { Members, Problems } from '../workflow/fields.ts';
import type { TaskProblem, TaskTemplate } from './model.ts';
import { readContexts } from './parse-context.ts';
import { readMetadata } from './parse-metadata.ts';
import { readReference } from './parse-reference.ts';
import { longText } from './rules.ts';
import { problemElsewhere } from './task-problem.ts';

export function parseTaskTemplate(object: unknown): Result<TaskTemplate, TaskProblem> {
  const problems = new Problems();
  const spec = new Members(object, '', problems).object('spec');
  const { namespace, name } = readMetadata(object);
  const template: TaskTemplate = {
    namespace,
    name,
    ...defined('description', spec.text('description', longText)),
    contexts: readContexts(spec, 'contexts'),
    ...defined('agentRef', readReference(spec, 'agentRef')),
  };
  const problem = problemElsewhere('TaskTemplateError', 'TaskTemplate', template, problems);
  return problem === undefined ? ok(template) : fail(problem);
}
