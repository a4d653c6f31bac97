/** Runs and definitions as people write them. */
import { parse } from 'yaml';
import { failure } from '../../src/kernel/failure.ts';
import { fail, ok } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { Definitions } from '../../src/tekton/reference.ts';
import { nameOf } from '../../src/tekton/reference.ts';
import { resolveRun, type Resolution, type Run } from '../../src/tekton/resolve-run.ts';

export type Specs = Readonly<Record<string, string>>;

/** By `Kind namespace/name`; a definition that is not among them does not exist. */
function definitionsOf(specs: Specs): Definitions {
  const parsed = new Map(Object.entries(specs).map(([name, source]) => [name, asRecord(parse(source)) ?? {}]));
  return (reference) => {
    const spec = parsed.get(nameOf(reference));
    return spec === undefined ? fail(failure('IMAGE_UNRESOLVED', `there is no ${nameOf(reference)}`)) : ok(spec);
  };
}

export function resolve(kind: Run['kind'], spec: string, specs: Specs = {}): Resolution {
  return resolveSpec(kind, parse(spec), specs);
}

export function resolveSpec(kind: Run['kind'], spec: unknown, specs: Specs = {}): Resolution {
  return resolveRun({ kind, namespace: 'apps', spec: asRecord(spec) ?? {} }, definitionsOf(specs));
}

/** `field image` of every step and sidecar, in order. */
export function imagesOf({ tasks }: Resolution): readonly string[] {
  return tasks.flatMap(({ steps, sidecars }) => [...steps, ...sidecars]).map(({ field, image }) => `${field} ${image}`);
}

/** `field: reason` of everything that is not known. */
export function openOf({ unresolved }: Resolution): readonly string[] {
  return unresolved.map(({ field, why }) => `${field}: ${why.message}`);
}
