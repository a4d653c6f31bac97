/** What the Tekton engine knows of a workflow when it decides. Pure. */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { ProvenAction } from '../../ports/actions.ts';
import type { StepStatus } from '../../workflow/model.ts';
import type { UnderWay } from './engine.ts';

export interface TektonUnderWay extends UnderWay {
  /** Whether the cluster has Tekton's kinds now. */
  readonly isServed: boolean;
  /** By step; what was not asked for is absent. */
  readonly proofs: ReadonlyMap<string, Result<ProvenAction>>;
  /** The namespace has a Task kubernaut-action, whoever made it. */
  readonly hasTask: boolean;
  /** Ours. */
  readonly pipelineRun?: KubeObject;
  /** Of the PipelineRun. */
  readonly taskRuns: readonly KubeObject[];
  /** Of the TaskRuns. */
  readonly pods: readonly KubeObject[];
  /** The end of what steps have printed, by Pod, where their result does not have it. */
  readonly logs: ReadonlyMap<string, string>;
  /** Of the PipelineRun, for its workspace. */
  readonly claims: readonly KubeObject[];
  /** ActionExecutions of this workflow. */
  readonly actions: readonly KubeObject[];
  /** For how long it could not be established what an image is, in milliseconds. */
  readonly unprovenMs: number;
  /** For how long PipelineRun or Tekton's kinds were looked for and not found, in milliseconds. */
  readonly absentMs: number;
  /** For how long it is unclear what became of a step, by step, in milliseconds. */
  readonly unclearMs: ReadonlyMap<string, number>;
}

export function provenOf({
  image,
  signers,
  contract,
}: ProvenAction): Pick<StepStatus, 'image' | 'signers' | 'contract'> {
  const version = contract === undefined ? undefined : `${contract.name}@${contract.version.text}`;
  return { image, signers, ...defined('contract', version) };
}
