/** Whose refusal it is to know: the objects that people look at when what they have ordered does not come. */
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ObjectReference } from '../ports/events.ts';
import type { AdmissionRequest, Members } from './decode.ts';

/** Owners are what the requester says they are: only so many, and only such as can be. */
const maxOwners = 4;

/**
 * The controller that made the object, or else its owners; without any, the object when it is there already, or else its
 * namespace. Nobody for a trial run, and for objects of the cluster: whoever applies those has the answer.
 */
export function whoWaits(request: AdmissionRequest): readonly ObjectReference[] {
  const { namespace, dryRun, operation } = request;
  if (dryRun || namespace === '') return [];
  const metadata = asRecord(request.object?.['metadata']);
  const owners = ownersOf(metadata, namespace);
  if (owners.length > 0) return owners;
  return [
    operation === 'UPDATE'
      ? itself(request, metadata)
      : { apiVersion: 'v1', kind: 'Namespace', name: namespace, namespace },
  ];
}

function ownersOf(metadata: Members | undefined, namespace: string): readonly ObjectReference[] {
  const references: readonly unknown[] = Array.isArray(metadata?.['ownerReferences'])
    ? metadata['ownerReferences']
    : [];
  const owners = references.slice(0, maxOwners).map((owner) => asRecord(owner) ?? {});
  const controller = owners.filter((owner) => owner['controller'] === true);
  return (controller.length > 0 ? controller : owners).flatMap((owner) => {
    const [apiVersion, kind, name, uid] = ['apiVersion', 'kind', 'name', 'uid'].map((member) => owner[member]);
    const isOne = isName(apiVersion) && isName(kind) && isName(name) && isName(uid);
    return isOne ? [{ apiVersion, kind, name, uid, namespace }] : [];
  });
}

function itself({ resource, kind, name, namespace }: AdmissionRequest, metadata: Members | undefined): ObjectReference {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const uid = metadata?.['uid'];
  return { apiVersion, kind, name, namespace, ...defined('uid', isName(uid) ? uid : undefined) };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,253}$/.test(value);
}
