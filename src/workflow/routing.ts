/** Which engine a workflow runs on. Asked once, when it starts: what runs finishes where it began. */
import { fail, ok, type Result } from '../kernel/result.ts';
import { names, type Engine, type Workflow, type WorkflowProblem, type WorkflowSettings } from './model.ts';

/** More steps than these make a workflow "multi-step". */
const fewSteps = 3;

type Routed = Pick<Workflow, 'executor' | 'workflowType' | 'steps'>;
type Settings = Pick<WorkflowSettings, 'tekton'>;

/** `isTektonServed`: the cluster has its kinds now. Who asks for Tekton by name does not get Jobs instead. */
export function chooseEngine(
  workflow: Routed,
  { tekton }: Settings,
  isTektonServed: boolean,
): Result<Engine, WorkflowProblem> {
  if (workflow.executor === 'job') return ok('job');
  if (workflow.executor === 'tekton') return askedForTekton(tekton.enabled, isTektonServed);
  return ok(tekton.enabled && isTektonServed && isInStage(workflow, tekton) ? 'tekton' : 'job');
}

function askedForTekton(isEnabled: boolean, isServed: boolean): Result<Engine, WorkflowProblem> {
  if (!isEnabled) return unsupported('tekton.enabled is "false"');
  return isServed ? ok('tekton') : unsupported('this cluster does not serve tekton.dev/v1');
}

function unsupported(why: string): Result<Engine, WorkflowProblem> {
  const annotation = `metadata.annotations[${names.executorAnnotation}]`;
  const message = `${annotation}: asks for tekton, but ${why}; write job, or leave it out`;
  return fail({ reason: 'UnsupportedEngine', message });
}

/** Each stage takes in what those before it do. */
function isInStage(workflow: Routed, { stage, includeDependencies }: Settings['tekton']): boolean {
  const isGitops = workflow.workflowType === 'gitops-pr-creation';
  switch (stage) {
    case 'off':
      return false;
    case 'gitops':
      return isGitops;
    case 'multi-step':
      return isGitops || isMultiStep(workflow, includeDependencies);
    case 'all':
      return true;
  }
}

function isMultiStep({ steps }: Routed, includeDependencies: boolean): boolean {
  return steps.length > fewSteps || (includeDependencies && steps.some(({ runAfter }) => runAfter.length > 0));
}
