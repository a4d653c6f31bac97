/**
 * What a Pod Security Standard is made of: rows that say what a member of a Pod or of its containers may be. A value of a
 * shape that the API knows not is outside of every row.
 */
import { asRecord } from '../kernel/strict-json.ts';

type Members = Readonly<Record<string, unknown>>;

export interface CheckedPod {
  readonly spec: Members;
  readonly annotations: Members;
  readonly containers: readonly Part[];
  readonly isWindows: boolean;
  /** Its root is nobody on the node. core/v1 PodSpec hostUsers */
  readonly hasUserNamespace: boolean;
}

/** A value inside the PodSpec, by its path. */
export interface Part {
  readonly field: string;
  readonly value: unknown;
}

/** A part that is outside. */
export interface Finding extends Part {
  /** The end of a sentence. */
  readonly wayOut: string;
}

export type Check = (pod: CheckedPod) => readonly Finding[];

export interface Row {
  readonly of: 'pod' | 'containers' | 'both';
  /** Of members; `*` stands for every item of a list. */
  readonly path: string;
  /** Never asked about an absent value. */
  readonly allows: (value: unknown) => boolean;
  readonly wayOut: string;
  readonly unless?: (pod: CheckedPod) => boolean;
}

/** An absent value is refused too, unless the Pod has one for all its containers. */
export interface MandatoryRow extends Row {
  readonly path: `securityContext.${string}`;
}

const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

export function checkedPod(spec: Members, annotations: Members): CheckedPod {
  return {
    spec,
    annotations,
    containers: lists.flatMap((list) => itemsOf({ field: list, value: spec[list] })),
    isWindows: asRecord(spec['os'])?.['name'] === 'windows',
    hasUserNamespace: spec['hostUsers'] === false,
  };
}

export function optional(row: Row): Check {
  const steps = row.path.split('.');
  return (pod) => {
    if (row.unless?.(pod) === true) return [];
    return holdersOf(row, pod)
      .flatMap((holder) => partsAt(holder, steps))
      .filter(({ value }) => !row.allows(value))
      .map((part) => ({ ...part, wayOut: row.wayOut }));
  };
}

export function mandatory(row: MandatoryRow): Check {
  const { path, wayOut } = row;
  const steps = path.split('.');
  const optionally = optional(row);
  const hasValue = (holder: Part): boolean => partsAt(holder, steps).length > 0;
  return (pod) => {
    if (row.unless?.(pod) === true) return [];
    const isOfPod = row.of === 'both' && hasValue(podOf(pod));
    const missing = isOfPod ? [] : pod.containers.filter((container) => !hasValue(container));
    return [
      ...optionally(pod),
      ...missing.map(({ field }) => ({ field: `${field}.${path}`, value: undefined, wayOut })),
    ];
  };
}

function podOf({ spec }: CheckedPod): Part {
  return { field: '', value: spec };
}

function holdersOf({ of }: Row, pod: CheckedPod): readonly Part[] {
  if (of === 'pod') return [podOf(pod)];
  return of === 'containers' ? pod.containers : [podOf(pod), ...pod.containers];
}

/** Of a type that no row allows. */
const malformed = Symbol('malformed');

/** The values at a path; a member that is null is as good as absent. */
export function partsAt(holder: Part, steps: readonly string[]): readonly Part[] {
  const found: Part[] = [];
  walk(holder, steps, 0, found);
  return found;
}

function walk({ field, value }: Part, steps: readonly string[], at: number, found: Part[]): void {
  const step = steps[at];
  if (step === undefined || value === malformed) found.push({ field, value });
  else if (step === '*') for (const item of itemsOf({ field, value })) walk(item, steps, at + 1, found);
  else {
    const members = asRecord(value);
    if (members === undefined) found.push({ field, value: malformed });
    else if (isPresent(members[step]))
      walk({ field: field === '' ? step : `${field}.${step}`, value: members[step] }, steps, at + 1, found);
  }
}

function itemsOf({ field, value }: Part): readonly Part[] {
  if (!isPresent(value)) return [];
  if (!Array.isArray(value)) return [{ field, value: malformed }];
  return value.map((item: unknown, index) => ({ field: `${field}[${index}]`, value: item }));
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function isOneOf(values: readonly unknown[]): (value: unknown) => boolean {
  return (value) => values.includes(value);
}
