/** The kustomize base, applied but for its Pods: the rights, the webhooks and the admission policy of an installation. */
import { kustomized } from '../../manifests/render.ts';
import { findKubePrograms } from '../programs.ts';
import type { Api, ApiObject } from './api.ts';

export interface AppliedBase {
  find(kind: string, name: string): ApiObject;
  remove(): Promise<void>;
}

export async function applyBase(api: Api): Promise<AppliedBase> {
  const objects = kustomized('base', (await findKubePrograms())?.kubectl);
  // In the order of rendering, which is that of kubectl: the namespace first, the webhooks last.
  const wanted = objects.filter(({ kind }) => kind !== 'Deployment');
  for (const object of wanted) await api.apply(object);
  return {
    find: (kind, name) => {
      const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
      if (found === undefined) throw new Error(`${kind} ${name} is not in the base`);
      return found;
    },
    // Other suites use the namespace and the definitions, as they find them.
    remove: async () => {
      const own = wanted.filter(({ kind }) => kind !== 'Namespace' && kind !== 'CustomResourceDefinition');
      for (const object of own.toReversed()) await api.remove(object);
    },
  };
}
