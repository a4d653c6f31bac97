import type { KubeObject, OwnerReference } from '../kernel/kube-object.ts';

/** Makes an object a child of this one: found by its UID, and removed by the cluster after it. */
export function controllerReference(
  owner: Pick<OwnerReference, 'apiVersion' | 'kind' | 'name' | 'uid'>,
): OwnerReference {
  const { apiVersion, kind, name, uid } = owner;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export function isControlledBy({ metadata }: KubeObject, uid: string): boolean {
  return (metadata.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === uid);
}
