/** An Agent of KubeOpenCode as somebody applied it, with its defaults. */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { Members, Problems, type TextRule } from '../workflow/fields.ts';
import { defaultImages, names, type Agent, type Quota, type TaskProblem } from './model.ts';
import { resolveMountPath } from './mount-path.ts';
import { readContexts } from './parse-context.ts';
import { readCredentials } from './parse-credential.ts';
import { readMetadata } from './parse-metadata.ts';
import { readPodSpec } from './parse-pod-settings.ts';
import { image, longText, path, shortText } from './rules.ts';
import { readAccount, readActionPolicy, readApiVersion } from './parse-any-agent.ts';
import { problemElsewhere } from './task-problem.ts';

const maxCommand = 1000;
const maxNamespaces = 1000;
const maxTasks = 2 ** 31 - 1;

export function parseAgent(object: unknown): Result<Agent, TaskProblem> {
  const problems = new Problems();
  const spec = new Members(object, '', problems).object('spec');
  const metadata = readMetadata(object);
  const { namespace, name, uid, generation, deleted } = metadata;
  const command = spec.texts('command', maxCommand, longText);
  const maxConcurrentTasks = spec.whole('maxConcurrentTasks', 0, maxTasks);
  const agent: Agent = {
    namespace,
    name,
    uid,
    generation,
    deleted,
    apiVersion: readApiVersion(object),
    ...readImages(spec),
    contexts: readContexts(spec, 'contexts'),
    credentials: readCredentials(spec),
    pod: readPodSpec(spec),
    serviceAccountName: readAccount(spec, namespace),
    workspaceDir: readWorkspaceDir(spec),
    ...(command.length > 0 ? { command } : {}),
    ...defined('config', readConfig(spec)),
    allowedNamespaces: spec.texts('allowedNamespaces', maxNamespaces, shortText),
    ...(maxConcurrentTasks === 0 ? {} : defined('maxConcurrentTasks', maxConcurrentTasks)),
    ...defined('quota', readQuota(spec)),
    ...defined('server', readServer(spec)),
    ...defined('actionPolicy', readActionPolicy(metadata.annotations, problems)),
  };
  const problem = problemElsewhere('AgentError', 'Agent', agent, problems);
  return problem === undefined ? ok(agent) : fail(problem);
}

/** An agentImage alone is of the time when there was but one container: it is what runs, and not what brings the agent. */
function readImages(spec: Members): Pick<Agent, 'agentImage' | 'executorImage' | 'attachImage'> {
  const agentImage = spec.text('agentImage', image);
  const executorImage = spec.text('executorImage', image);
  return {
    agentImage: executorImage === undefined ? defaultImages.agent : (agentImage ?? defaultImages.agent),
    executorImage: executorImage ?? agentImage ?? defaultImages.executor,
    attachImage: spec.text('attachImage', image) ?? defaultImages.attach,
  };
}

const absolutePath: TextRule = { ...path, pattern: /^\/[^\p{Cc}\p{Cs}]*$/u, expected: 'a path that begins with "/"' };

/** A volume is mounted there, so that it may be no other place than one for a context. */
function readWorkspaceDir(spec: Members): string {
  const resolved = resolveMountPath(spec.text('workspaceDir', absolutePath) ?? names.workspaceDir, '/');
  if (resolved.ok) return resolved.value;
  spec.complain('workspaceDir', resolved.failure);
  return names.workspaceDir;
}

/** As text, whichever way it was written. */
function readConfig(spec: Members): string | undefined {
  const value = spec.raw('config');
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value === 'string' && isJson(value)) return value;
  spec.complain('config', 'invalid JSON in Agent config; write the JSON of opencode.json, as text or as a mapping');
  return undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function readQuota(spec: Members): Quota | undefined {
  if (spec.raw('quota') === undefined) return undefined;
  const quota = spec.object('quota');
  for (const field of ['maxTaskStarts', 'windowSeconds']) {
    if (quota.raw(field) === undefined)
      quota.complain(field, 'is missing; a quota has maxTaskStarts and windowSeconds');
  }
  const maxTaskStarts = quota.whole('maxTaskStarts', 1, maxTasks);
  const windowSeconds = quota.whole('windowSeconds', 60, 86_400);
  return maxTaskStarts === undefined || windowSeconds === undefined ? undefined : { maxTaskStarts, windowSeconds };
}

/** That it is there is what makes a server. */
function readServer(spec: Members): Agent['server'] {
  if (spec.raw('serverConfig') === undefined) return undefined;
  return { port: spec.object('serverConfig').whole('port', 1, 65_535) ?? 4096 };
}
