/**
 * Keeps a server for each Agent of KubeOpenCode that is to have one: observe, decide, act. Deployment and Service are
 * watched; where nothing changes, nothing is asked or written.
 */
import { LRUCache } from 'lru-cache';
import { agentKinds } from '../../agents/kinds.ts';
import type { Agent, ConfigMaps, TaskProblem } from '../../agents/model.ts';
import { neededConfigMaps } from '../../agents/needed-config-maps.ts';
import { serverWork } from '../../agents/server.ts';
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import { limited } from '../runtime/limited.ts';
import type { Key, Reconciler, Settled } from '../runtime/reconciler.ts';
import { tell } from '../runtime/tell.ts';
import { parsedAgent } from '../tasks/parsed.ts';
import { configOf } from '../tasks/resolve.ts';
import { act } from './act.ts';
import { decide } from './decide.ts';
import type { AgentAct, Existing, Observed, ServerPart, Setback } from './decision.ts';
import { eventsOf } from './events.ts';
import { existing, placeOf, wantedFor } from './observe.ts';
import { readConfigMaps, sizeOf } from './read-config-maps.ts';
import { parseAgentStatus } from './status.ts';

export interface AgentReconcilerPorts {
  readonly objects: ClusterObjects;
  readonly events: Events;
  readonly clock: Clock;
  readonly systemImage: string;
}

/** What this round has found out already. Undefined: it is not there. */
interface Found {
  readonly parts: Map<ServerPart, KubeObject | undefined>;
  setback?: Setback;
}

/** Each part read, made or changed, with some to spare. */
const maxActs = 12;
/** Others write into the status of an Agent too. */
const maxWrites = 4;
const writeTimeoutMs = 15_000;
/** A Deployment that comes up says so many times: its Agent's ConfigMaps are not read each time. */
const contextsAgeMs = 50_000;
/** One that was missing is looked for sooner. */
const missingAgeMs = 20_000;
const maxAgents = 2_000;
const maxContextBytes = 32 * 1024 * 1024;

export function createAgentReconciler(ports: AgentReconcilerPorts): Reconciler {
  const { objects, clock, events, systemImage } = ports;
  /** By UID and generation of the Agent. */
  const contexts = new LRUCache<string, { readonly at: number; readonly configMaps: ConfigMaps }>({
    max: maxAgents,
    maxSize: maxContextBytes,
    sizeCalculation: ({ configMaps }) => sizeOf(configMaps),
  });

  async function reconcile({ namespace, name }: Key, signal: AbortSignal): Promise<Settled> {
    if (!objects.isReady()) return { kind: 'retry', why: 'not everything that is watched was listed yet' };
    const found: Found = { parts: new Map() };
    for (let writes = 0; writes < maxWrites; writes += 1) {
      const agent = objects.get({ kind: agentKinds.agent, namespace, name });
      // Its server goes with it.
      if (agent === undefined || agent.metadata.deletionTimestamp !== undefined) return { kind: 'settled' };
      const outcome = await round(agent, found, signal);
      if (outcome !== 'superseded') return outcome;
      // Memory may be late.
      const read = await objects.read({ kind: agentKinds.agent, namespace, name }, limited(signal, writeTimeoutMs));
      if (!read.ok) return { kind: 'retry', why: read.failure.message };
    }
    return { kind: 'retry', why: 'somebody else writes into the status of the Agent again and again' };
  }

  async function round(agent: KubeObject, found: Found, signal: AbortSignal): Promise<Settled | 'superseded'> {
    const parsed = parsedAgent(agent);
    const read = await configMapsFor(agent, parsed, signal);
    if (!read.ok) return { kind: 'retry', why: read.failure.message };
    const wanted = wantedFor(parsed, read.value, configOf(objects, agent.metadata.namespace ?? '', { systemImage }));
    for (let acts = 0; acts < maxActs; acts += 1) {
      const observed = observe(agent, wanted, found);
      const next = decide(observed);
      if (next.kind === 'settled') return settle(observed, next, signal);
      const done = await actOn(agent, next.act, found, signal);
      if (done !== undefined) return done;
    }
    return { kind: 'retry', why: 'it cannot be decided what is to become of its server' };
  }

  async function configMapsFor(
    { metadata: { uid, generation = 0 } }: KubeObject,
    parsed: Result<Agent, TaskProblem>,
    signal: AbortSignal,
  ): Promise<Result<ConfigMaps>> {
    if (!parsed.ok || parsed.value.server === undefined) return ok(new Map());
    const places = neededConfigMaps(serverWork(parsed.value));
    if (places.length === 0) return ok(new Map());
    const key = `${uid} ${generation}`;
    const now = clock.now().getTime();
    const known = contexts.get(key);
    const maxAgeMs = known?.configMaps.size === places.length ? contextsAgeMs : missingAgeMs;
    if (known !== undefined && now - known.at < maxAgeMs) return ok(known.configMaps);
    const read = await readConfigMaps(objects, places, signal);
    if (read.ok) contexts.set(key, { at: now, configMaps: read.value });
    return read;
  }

  function observe(agent: KubeObject, wanted: Observed['wanted'], { parts, setback }: Found): Observed {
    const status = parseAgentStatus(agent);
    // Services of the controller before us have no label that they are watched by; one that is to be would be met when it is made.
    const mayBeUnseen = (part: ServerPart): boolean =>
      part === 'configMap' || (part === 'service' && wanted.kind === 'nothing' && status.hasServer);
    const known = (part: ServerPart): Existing => {
      const object = objects.get(placeOf(part, agent)) ?? parts.get(part);
      if (object === undefined && mayBeUnseen(part) && !parts.has(part)) return { kind: 'unknown' };
      return existing(object, agent);
    };
    return {
      agent,
      wanted,
      existing: { service: known('service'), configMap: known('configMap'), deployment: known('deployment') },
      status,
      now: clock.now(),
      ...defined('setback', setback),
    };
  }

  /** Undefined: go on. */
  async function actOn(
    agent: KubeObject,
    what: AgentAct,
    found: Found,
    signal: AbortSignal,
  ): Promise<Settled | undefined> {
    const place = placeOf(what.part, agent);
    const done = await act(objects, what, place, signal);
    switch (done.kind) {
      case 'done':
        found.parts.set(what.part, done.object);
        if (done.told !== undefined) {
          const { kind } = place.kind;
          const message = `${kind} ${place.name} ${done.told.toLowerCase()}`;
          tell(events, agent, { type: 'Normal', reason: `${kind}${done.told}`, message });
        }
        return undefined;
      case 'setback':
        found.setback = done.setback;
        return undefined;
      case 'retry':
        return done;
    }
  }

  async function settle(
    { agent, status: before }: Observed,
    { status, requeueAfterMs }: { readonly status?: object; readonly requeueAfterMs?: number },
    signal: AbortSignal,
  ): Promise<Settled | 'superseded'> {
    const settled: Settled = { kind: 'settled', ...defined('requeueAfterMs', requeueAfterMs) };
    if (status === undefined) return settled;
    const written = await objects.writeStatus(agent, agentKinds.agent, status, limited(signal, writeTimeoutMs));
    if (!written.ok) return { kind: 'retry', why: written.failure.message };
    switch (written.value.kind) {
      case 'written':
        for (const told of eventsOf(before, parseAgentStatus(written.value.object))) tell(events, agent, told);
        return settled;
      case 'superseded':
        return 'superseded';
      case 'refused':
        return { kind: 'retry', why: `the API server refused the status: ${written.value.message}` };
    }
  }

  return { name: 'agents', reconcile };
}
