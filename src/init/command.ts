/**
 * What an init container of a Task does: clone (git-init), copy what ConfigMaps hold (context-init), download (url-fetch).
 * Each is told everything by its environment, as the system image of KubeOpenCode is, and trusts none of it. They know
 * nothing of clusters and policies, and start without the rest of the program: a Task waits for them.
 */
import type { Result } from '../kernel/result.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line of the container's log; secrets are taken out by whoever may have some. */
  readonly say: (line: string) => void;
  /** The container is told to stop. */
  readonly signal: AbortSignal;
  /** Folders at which volumes are mounted. */
  readonly mountPoints: () => readonly string[];
}

/** Why it could not be done, in one sentence that names the variable or file. */
export type InitResult<T = undefined> = Result<T, string>;

export type InitCommand = (around: Surroundings) => Promise<InitResult>;
