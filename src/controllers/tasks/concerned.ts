/** Which Tasks look again after an object has changed; an Agent at its limits wakes no more than may start. */
import { agentKinds } from '../../agents/kinds.ts';
import { placesFree } from '../../agents/queue.ts';
import { isServerReady } from '../../agents/server-problem.ts';
import { taskNamedBy } from '../../agents/ownership.ts';
import type { Kind, KubeObject } from '../../kernel/kube-object.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Key } from '../runtime/reconciler.ts';
import { parsedAgent } from './parsed.ts';
import type { Roster } from './roster.ts';

export class Concerned {
  readonly #objects: Pick<ClusterObjects, 'get'>;
  readonly #roster: Roster;
  /** By Agent: what of it matters to Tasks that wait, for most changes of it are of its status, and ours. */
  readonly #specs = new Map<string, string>();
  /** By UID of a Task: the Agent whose place it had. */
  readonly #places = new Map<string, string>();

  constructor(objects: Pick<ClusterObjects, 'get'>, roster: Roster) {
    this.#objects = objects;
    this.#roster = roster;
  }

  /** Asked for each change, after the roster has seen it. */
  keys(object: KubeObject, change: 'present' | 'gone'): readonly Key[] {
    const { namespace = '', name } = object.metadata;
    if (is(object, agentKinds.task)) return [{ namespace, name }, ...this.#next(object)];
    if (is(object, agentKinds.pod)) {
      const task = taskNamedBy(object);
      return task === undefined ? [] : [task];
    }
    if (is(object, agentKinds.template)) return this.#roster.waitingForTemplate({ namespace, name });
    return is(object, agentKinds.agent) ? this.#ofAgent(object, change) : [];
  }

  #ofAgent(object: KubeObject, change: 'present' | 'gone'): readonly Key[] {
    const { metadata } = object;
    const agent = `${metadata.namespace ?? ''}/${metadata.name}`;
    const spec = change === 'gone' ? 'gone' : versionOf(object);
    if (this.#specs.get(agent) === spec) return [];
    if (change === 'gone') this.#specs.delete(agent);
    else this.#specs.set(agent, spec);
    return this.#roster.waiting(agent);
  }

  /** Those whose turn it is, when a Task has left its place or the line. */
  #next({ metadata }: KubeObject): readonly Key[] {
    const { uid } = metadata;
    const before = this.#places.get(uid);
    const now = this.#roster.agentOf(uid);
    if (now === undefined) this.#places.delete(uid);
    else this.#places.set(uid, now);
    return before === undefined || before === now ? [] : this.heads(before);
  }

  heads(agent: string): readonly Key[] {
    const slash = agent.indexOf('/');
    const place = { namespace: agent.slice(0, slash), name: agent.slice(slash + 1) };
    const found = this.#objects.get({ kind: agentKinds.agent, ...place });
    const parsed = found === undefined ? undefined : parsedAgent(found);
    if (parsed?.ok !== true) return this.#roster.waiting(agent);
    return this.#roster.heads(agent, (running) => placesFree(parsed.value, running));
  }
}

/** Without what changes with every Task that starts. */
function versionOf(agent: KubeObject): string {
  const { uid, generation = 0, deletionTimestamp = '' } = agent.metadata;
  const parsed = parsedAgent(agent);
  return `${uid} ${generation} ${deletionTimestamp} ${parsed.ok && isServerReady(agent, parsed.value)}`;
}

function is(one: KubeObject, kind: Kind): boolean {
  return one.kind === kind.kind && one.apiVersion === kind.apiVersion;
}
