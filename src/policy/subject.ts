import type { ImageReference } from '../kernel/image-reference.ts';
import type { Result } from '../kernel/result.ts';

/** One distinct image text of an object with every field that names it. */
export interface Subject {
  /** e.g. "spec.template.spec.containers[0].image"; sorted, at least one. */
  readonly fields: readonly string[];
  /** As written. */
  readonly text: string;
  readonly image: Result<ImageReference>;
}

/** What policies' `match` rules look at: the object that was sent, not the Pod inside it. */
export interface ObjectFacts {
  readonly group: string;
  readonly version: string;
  /** Lower-case plural. */
  readonly resource: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}
