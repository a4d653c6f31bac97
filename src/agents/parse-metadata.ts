/** Of any object what everybody needs of it; nothing is refused here, for the API server has taken it. */
import { asRecord } from '../kernel/strict-json.ts';
import { Seen } from '../workflow/seen.ts';
import { names, type Place } from './model.ts';

type Texts = Readonly<Record<string, string>>;

export interface Metadata extends Place {
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly labels: Texts;
  readonly annotations: Texts;
  readonly finalizers: readonly string[];
  readonly deleted: boolean;
  readonly stopped: boolean;
}

export function readMetadata(object: unknown): Metadata {
  const metadata = new Seen(new Seen(object).raw('metadata'));
  const annotations = textsOf(metadata.raw('annotations'));
  return {
    namespace: metadata.text('namespace') ?? '',
    name: metadata.text('name') ?? '',
    uid: metadata.text('uid') ?? '',
    generation: metadata.number('generation') ?? 0,
    createdAt: metadata.text('creationTimestamp') ?? '',
    labels: textsOf(metadata.raw('labels')),
    annotations,
    finalizers: metadata.texts('finalizers') ?? [],
    deleted: (metadata.raw('deletionTimestamp') ?? undefined) !== undefined,
    stopped: annotations[names.stopAnnotation] === 'true',
  };
}

/** The members that are texts. */
export function textsOf(value: unknown): Texts {
  const texts = Object.entries(asRecord(value) ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  // Not by assignment: "__proto__" is a member like any other.
  return Object.fromEntries(texts);
}
