import type { Result } from '../kernel/result.ts';
import type { Reference } from '../tekton/reference.ts';

/** Tasks, pipelines and step actions that are in the cluster, as they are now. */
export interface TektonDefinitions {
  /** The spec. IMAGE_UNRESOLVED: there is none; CLUSTER_UNAVAILABLE: it could not be read. */
  read(reference: Reference, signal: AbortSignal): Promise<Result<Readonly<Record<string, unknown>>>>;
}
