import type { PatchOperation } from '../admission/pin.ts';

/** RFC 6902 "replace", for patches that we made ourselves: every place in them exists. The document is not changed. */
export function patched(document: unknown, patch: readonly PatchOperation[]): unknown {
  return patch.reduce(replaced, structuredClone(document));
}

function replaced(document: unknown, { path, value }: PatchOperation): unknown {
  const steps = path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop() ?? '';
  // A clone of parsed JSON: objects and lists, both indexed by text here.
  const parent = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document) as Record<
    string,
    unknown
  >;
  parent[last] = value;
  return document;
}
