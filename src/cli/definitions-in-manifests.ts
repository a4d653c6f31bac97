import { failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { TektonDefinitions } from '../ports/tekton-definitions.ts';
import { nameOf, type DefinitionKind } from '../tekton/reference.ts';
import type { ManifestDocument } from './manifest-documents.ts';

type Spec = Readonly<Record<string, unknown>>;

const kinds: readonly DefinitionKind[] = ['Task', 'Pipeline', 'StepAction'];

/** What runs refer to, from the manifests beside them: there is no cluster to ask. */
export function definitionsIn(manifests: readonly ManifestDocument[]): TektonDefinitions {
  const specs = new Map<string, Spec>();
  for (const { apiVersion, kind: written, namespace, name, object } of manifests) {
    const kind = apiVersion.startsWith('tekton.dev/') ? kinds.find((known) => known === written) : undefined;
    const spec = asRecord(asRecord(object)?.['spec']);
    if (kind !== undefined && spec !== undefined) specs.set(nameOf({ kind, namespace, name }), spec);
  }
  return {
    read(reference): Promise<Result<Spec>> {
      const name = nameOf(reference);
      const spec = specs.get(name);
      const missing = failure('IMAGE_UNRESOLVED', `${name} is not among the manifests`);
      return Promise.resolve(spec === undefined ? fail(missing) : ok(spec));
    },
  };
}
