/**
 * Which Tasks run and which wait, by Agent: an index of what memory has, kept by its changes, so that a queue of hundreds is
 * not counted anew for each of them. Reservations stand for Tasks that are just being started: from the decision until the
 * Task is seen to run. It decides nothing.
 */
import { agentKinds } from '../../agents/kinds.ts';
import type { Place, Task, TaskPhase } from '../../agents/model.ts';
import { byAge, type Line } from '../../agents/queue.ts';
import { isFinished } from '../../agents/task-conditions.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Key } from '../runtime/reconciler.ts';
import { parsedTask, statusOf } from './parsed.ts';
import { agentPlaceOf, templatePlaceOf } from './resolve.ts';

interface Entry {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
  /** `namespace/name` */
  readonly agent: string;
  readonly does: 'run' | 'wait';
  readonly isQueued: boolean;
}

interface OfAgent {
  readonly running: Set<string>;
  /** Oldest first. */
  readonly waiting: Entry[];
}

export class Roster {
  readonly #objects: Pick<ClusterObjects, 'get' | 'list'>;
  readonly #entries = new Map<string, Entry>();
  readonly #agents = new Map<string, OfAgent>();
  /** By UID of the Task: its Agent. */
  readonly #reserved = new Map<string, string>();
  /** Cannot be started just now, for a reason of their own; those that come after them need not wait. */
  readonly #heldUp = new Set<string>();
  /** Of Tasks that wait, by UID: what they refer to, also while it is not there. */
  readonly #templates = new Map<string, { readonly template: string; readonly task: Key }>();

  constructor(objects: Pick<ClusterObjects, 'get' | 'list'>) {
    this.#objects = objects;
  }

  /** From what there is; whatever was remembered beyond that is forgotten. */
  rebuild(): void {
    for (const map of [this.#entries, this.#agents, this.#reserved, this.#heldUp, this.#templates]) map.clear();
    for (const object of this.#objects.list(agentKinds.task)) this.see(object, 'present');
  }

  /** A Task, or a template of some. */
  see(object: KubeObject, change: 'present' | 'gone'): void {
    if (object.apiVersion !== agentKinds.task.apiVersion) return;
    if (object.kind === agentKinds.template.kind) this.#seeTemplate(object);
    if (object.kind !== agentKinds.task.kind) return;
    const { uid } = object.metadata;
    this.#remove(uid);
    if (change === 'present') this.#add(object);
    else this.#forget(uid);
  }

  agentOf(uid: string): string | undefined {
    return this.#entries.get(uid)?.agent;
  }

  /** `most`: more of those that come first make no difference. */
  lineOf(agent: string, uid: string, most: number): Line {
    let ahead = 0;
    for (const entry of this.#agents.get(agent)?.waiting ?? []) {
      if (entry.uid === uid || ahead >= most) break;
      if (this.#isNext(entry)) ahead += 1;
    }
    return { running: this.#running(agent, uid), ahead };
  }

  /** Who comes next, as many as there is room for. */
  heads(agent: string, placesFree: (running: number) => number): readonly Key[] {
    const free = placesFree(this.#running(agent));
    const found: Key[] = [];
    for (const entry of free > 0 ? (this.#agents.get(agent)?.waiting ?? []) : []) {
      if (found.length >= free) break;
      if (this.#isNext(entry)) found.push(keyOf(entry));
    }
    return found;
  }

  waiting(agent: string): readonly Key[] {
    return (this.#agents.get(agent)?.waiting ?? []).map(keyOf);
  }

  waitingForTemplate({ namespace, name }: Place): readonly Key[] {
    const all = [...this.#templates.values()];
    return all.filter(({ template }) => template === `${namespace}/${name}`).map(({ task }) => task);
  }

  load(agent: string): { readonly running: number; readonly queued: number } {
    const queued = (this.#agents.get(agent)?.waiting ?? []).filter(({ isQueued }) => isQueued).length;
    return { running: this.#running(agent), queued };
  }

  reserve(uid: string, agent: string): void {
    this.#reserved.set(uid, agent);
  }

  release(uid: string): void {
    this.#reserved.delete(uid);
  }

  holdUp(uid: string): void {
    this.#heldUp.add(uid);
  }

  letGo(uid = ''): void {
    this.#heldUp.delete(uid);
  }

  #isNext({ uid }: Entry): boolean {
    return !this.#heldUp.has(uid) && !this.#reserved.has(uid);
  }

  #running(agent: string, except?: string): number {
    const running = this.#agents.get(agent)?.running;
    let count = running?.size ?? 0;
    if (except !== undefined && running?.has(except) === true) count -= 1;
    for (const [uid, of] of this.#reserved) {
      if (of === agent && uid !== except && running?.has(uid) !== true) count += 1;
    }
    return count;
  }

  #add(object: KubeObject): void {
    const found = this.#entryOf(object);
    if (found?.does !== 'wait') this.#forget(object.metadata.uid);
    if (found === undefined) return;
    this.#entries.set(found.uid, found);
    const of = this.#agents.get(found.agent) ?? { running: new Set<string>(), waiting: [] };
    this.#agents.set(found.agent, of);
    if (found.does === 'run') of.running.add(found.uid);
    else of.waiting.splice(placeIn(of.waiting, found), 0, found);
  }

  #remove(uid: string): void {
    const entry = this.#entries.get(uid);
    this.#entries.delete(uid);
    this.#templates.delete(uid);
    const of = entry === undefined ? undefined : this.#agents.get(entry.agent);
    if (entry === undefined || of === undefined) return;
    of.running.delete(uid);
    const at = placeIn(of.waiting, entry);
    if (of.waiting[at]?.uid === uid) of.waiting.splice(at, 1);
    if (of.running.size === 0 && of.waiting.length === 0) this.#agents.delete(entry.agent);
  }

  /** It runs, or never will: nothing is to be remembered of its start. */
  #forget(uid: string): void {
    this.#reserved.delete(uid);
    this.#heldUp.delete(uid);
  }

  #entryOf(object: KubeObject): Entry | undefined {
    const { phase, agentRef } = statusOf(object);
    if (isFinished(phase)) return undefined;
    const task = parsedTask(object);
    if (phase === 'Running') {
      const agent = agentRef ?? (task.ok ? agentPlaceOf(this.#objects, task.value) : undefined);
      return isElsewhere(object, agent) ? undefined : entry(object, agent, phase);
    }
    // What cannot be started keeps nobody waiting.
    if (!task.ok || task.value.deleted || task.value.stopped) return undefined;
    this.#noteTemplate(task.value);
    return entry(object, agentPlaceOf(this.#objects, task.value), phase);
  }

  #noteTemplate(task: Task): void {
    const place = templatePlaceOf(task);
    if (place === undefined) return;
    const template = `${place.namespace}/${place.name}`;
    this.#templates.set(task.uid, { template, task: { namespace: task.namespace, name: task.name } });
  }

  /** Its Tasks may have another Agent now. */
  #seeTemplate({ metadata }: KubeObject): void {
    for (const key of this.waitingForTemplate({ namespace: metadata.namespace ?? '', name: metadata.name })) {
      const task = this.#objects.get({ kind: agentKinds.task, ...key });
      if (task !== undefined) this.see(task, 'present');
    }
  }
}

/** A Pod that is not beside the Agent takes no place with it, whatever the status says. */
function isElsewhere(object: KubeObject, agent: Place | undefined): boolean {
  const { podName, podNamespace = object.metadata.namespace } = statusOf(object);
  return podName !== undefined && podNamespace !== agent?.namespace;
}

function entry({ metadata }: KubeObject, agent: Place | undefined, phase: TaskPhase): Entry | undefined {
  const { uid, namespace = '', name, creationTimestamp: createdAt = '' } = metadata;
  if (agent === undefined) return undefined;
  const does = phase === 'Running' ? 'run' : 'wait';
  const of = `${agent.namespace}/${agent.name}`;
  return { uid, namespace, name, createdAt, agent: of, does, isQueued: phase === 'Queued' };
}

function keyOf({ namespace, name }: Entry): Key {
  return { namespace, name };
}

/** Where it is, or belongs. */
function placeIn(sorted: readonly Entry[], entry: Entry): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const at = sorted[middle];
    if (at !== undefined && byAge(at, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
