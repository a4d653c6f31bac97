/** KubeOpenCodeConfig: what holds for all Tasks of a namespace. */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { Members, Problems, shown } from '../workflow/fields.ts';
import type { SystemConfig, TaskProblem } from './model.ts';
import { readMetadata } from './parse-metadata.ts';
import { image, shortText } from './rules.ts';
import { problemElsewhere } from './task-problem.ts';

const maxHosts = 200;
const most = 2 ** 31 - 1;
const pullPolicies = ['IfNotPresent', 'Always', 'Never'] as const;

/** Without an object: the defaults. */
export function parseSystemConfig(
  object: unknown,
  defaults: { readonly systemImage: string },
): Result<SystemConfig, TaskProblem> {
  const problems = new Problems();
  const spec = new Members(object, '', problems).object('spec');
  const systemImage = spec.object('systemImage');
  const cleanup = spec.object('cleanup');
  const config: SystemConfig = {
    systemImage: {
      image: systemImage.text('image', image) ?? defaults.systemImage,
      imagePullPolicy: readPullPolicy(systemImage),
    },
    allowedUrlHosts: spec.texts('allowedUrlHosts', maxHosts, shortText),
    ...defined('ttlSecondsAfterFinished', cleanup.whole('ttlSecondsAfterFinished', 0, most)),
    ...defined('maxRetainedTasks', cleanup.whole('maxRetainedTasks', 0, most)),
  };
  const problem = problemElsewhere('PodCreationError', 'KubeOpenCodeConfig', readMetadata(object), problems);
  return problem === undefined ? ok(config) : fail(problem);
}

function readPullPolicy(systemImage: Members): SystemConfig['systemImage']['imagePullPolicy'] {
  const value = systemImage.raw('imagePullPolicy') ?? 'IfNotPresent';
  const policy = pullPolicies.find((one) => one === value);
  if (policy === undefined) {
    systemImage.complain('imagePullPolicy', `is ${shown(value)}; write ${pullPolicies.join(', ')}`);
  }
  return policy ?? 'IfNotPresent';
}
