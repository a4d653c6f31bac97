/** An Agent of KubeTask as somebody applied it, with its defaults. */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { Members, Problems } from '../workflow/fields.ts';
import { defaultImages, type KubeTaskAgent, type TaskProblem } from './model.ts';
import { readAccount, readActionPolicy, readApiVersion } from './parse-any-agent.ts';
import { readCredentials } from './parse-credential.ts';
import { readFileContexts } from './parse-file-context.ts';
import { readMetadata } from './parse-metadata.ts';
import { readKubeTaskPod } from './parse-pod-settings.ts';
import { image } from './rules.ts';
import { problemElsewhere } from './task-problem.ts';

export function parseKubeTaskAgent(object: unknown): Result<KubeTaskAgent, TaskProblem> {
  const problems = new Problems();
  const spec = new Members(object, '', problems).object('spec');
  const { namespace, name, uid, annotations } = readMetadata(object);
  const agent: KubeTaskAgent = {
    namespace,
    name,
    uid,
    apiVersion: readApiVersion(object),
    contexts: readFileContexts(spec, 'defaultContexts'),
    credentials: readCredentials(spec),
    pod: readKubeTaskPod(spec),
    serviceAccountName: readAccount(spec, namespace),
    agentImage: spec.text('agentImage', image) ?? defaultImages.kubeTask,
    ...defined('toolsImage', spec.text('toolsImage', image)),
    ...defined('actionPolicy', readActionPolicy(annotations, problems)),
  };
  const problem = problemElsewhere('AgentError', 'Agent', agent, problems);
  return problem === undefined ? ok(agent) : fail(problem);
}
