/** What an action image is, established anew each time it is asked: who signed it, what it may do, how it has to run. */
import type { ActionContract } from '../contract/model.ts';
import type { Failure } from '../kernel/failure.ts';
import type { Result } from '../kernel/result.ts';

export interface ActionToProve {
  readonly namespace: string;
  /** As written, by tag or digest. */
  readonly image: string;
  /**
   * The Pod that would run it: one container with that image, its inputs in ACTION_INPUTS as literal JSON in which `$` is
   * doubled. core/v1 PodTemplateSpec
   */
  readonly template: PodTemplate;
}

export interface PodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface ProvenAction {
  /** By digest. */
  readonly image: string;
  /** Key fingerprints (`sha256:…`) and certificate identities (`subject (issuer)`) that a policy asked for. */
  readonly signers: readonly string[];
  /** Absent: the image has none, and none is demanded. */
  readonly contract?: ActionContract;
  /** Pinned, and bound to its contract: resources, security context, service account, completed inputs. */
  readonly template: PodTemplate;
  /** What policies that only warn would have refused. */
  readonly warnings: readonly string[];
}

export interface Actions {
  /**
   * A failure of kind "violation" is final, all reasons in one message, the most telling first; "unavailable" may pass
   * later.
   */
  prove(action: ActionToProve, signal: AbortSignal): Promise<Result<ProvenAction, Failure>>;
}
