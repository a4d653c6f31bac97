import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { ClusterEvent, Events } from '../../ports/events.ts';

/** What is told of one object, without saying of which. */
export type Told = Pick<ClusterEvent, 'type' | 'reason' | 'message'>;

/** An event about this object; told again in the same words, it is the same one that occurred again. */
export function tell(
  events: Events,
  { apiVersion, kind, metadata: { name, namespace, uid } }: KubeObject,
  { type, reason, message }: Told,
): void {
  const about = { apiVersion, kind, name, uid, ...defined('namespace', namespace) };
  events.tell({ about, type, reason, message, key: message });
}
