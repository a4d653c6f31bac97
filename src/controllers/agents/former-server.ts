/**
 * Whether the Deployment of the controller before us does what its Agent asks for. Then its Pod stays as it is: to start it
 * anew would end the Tasks that are attached to it. The next change of the Agent makes it like any other. Pure.
 */
import { names } from '../../agents/model.ts';
import { formatImageReference, parseImageReference } from '../../kernel/image-reference.ts';
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';

type Members = Readonly<Record<string, unknown>>;

/** What only we write, whatever an Agent says. */
const ownMembers: ReadonlySet<string> = new Set(['annotations', 'securityContext', 'workingDir']);
const ownVariables: ReadonlySet<unknown> = new Set(['HOME', 'SHELL']);

/** What an Agent says of it, and may not say any more. */
const places = ['serviceAccountName', 'nodeSelector', 'tolerations', 'affinity', 'runtimeClassName'] as const;

export function isFormerServer(is: KubeObject, wanted: NewObject): boolean {
  if (is.metadata.annotations?.[names.madeFromAnnotation] !== undefined) return false;
  const [before, after] = [templateOf(is), templateOf(wanted)];
  const [specBefore, specAfter] = [membersOf(before['spec']), membersOf(after['spec'])];
  const isElsewhere = places.some((member) => !isSame(specBefore[member], specAfter[member]));
  const hasOtherResources = !isSame(resourcesOf(specBefore), resourcesOf(specAfter));
  return !isElsewhere && !hasOtherResources && has(before, after);
}

/** Its own, the defaults of the API server and what we do not write apart. */
function has(is: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    const there: readonly unknown[] = Array.isArray(is) ? is : [];
    return wanted.every((one: unknown) => isOwnVariable(one) || there.some((other) => has(other, one)));
  }
  const after = asRecord(wanted);
  if (after === undefined) return is === wanted;
  const before = membersOf(is);
  return Object.entries(after).every(
    ([member, value]) => value === undefined || ownMembers.has(member) || hasMember(member, before[member], value),
  );
}

function hasMember(member: string, is: unknown, wanted: unknown): boolean {
  return has(is, wanted) || (member === 'image' && isPinned(String(is), String(wanted)));
}

/** The same image, to which a webhook has added the digest. */
function isPinned(is: string, wanted: string): boolean {
  const [before, after] = [parseImageReference(is), parseImageReference(wanted)];
  if (!before.ok || !after.ok || after.value.digest !== undefined) return false;
  const { digest: _, ...unpinned } = before.value;
  return formatImageReference(unpinned) === formatImageReference(after.value);
}

function isOwnVariable(value: unknown): boolean {
  return ownVariables.has(asRecord(value)?.['name']);
}

function resourcesOf({ containers }: Members): unknown {
  const [container]: readonly unknown[] = Array.isArray(containers) ? containers : [];
  return asRecord(container)?.['resources'] ?? {};
}

function isSame(one: unknown, other: unknown): boolean {
  return stableJson(one ?? null) === stableJson(other ?? null);
}

function templateOf(deployment: Members): Members {
  return membersOf(membersOf(deployment['spec'])['template']);
}

function membersOf(value: unknown): Members {
  return asRecord(value) ?? {};
}
