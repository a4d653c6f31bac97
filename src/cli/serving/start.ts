/** A serving process put together from its settings: every part, in the order in which they need each other. */
import { clusterFacts } from '../../adapters/kubernetes/cluster-facts.ts';
import { clusterEvents } from '../../adapters/kubernetes/events.ts';
import { refusalEvents } from '../../adapters/kubernetes/refusal-events.ts';
import type { Listen, WebhookConfig } from '../../config.ts';
import { watchDefinitions, type WatchedDefinitions } from '../../controllers/installation/check-installation.ts';
import { startServer } from '../../http/server.ts';
import { defined } from '../../kernel/defined.ts';
import type { Events } from '../../ports/events.ts';
import type { Logger } from '../../ports/logger.ts';
import { keepCaFile, startCertificates, startKeepingCertificates } from './certificates.ts';
import { onlyTheGate, type ServingConfig } from './config.ts';
import { startConsoles } from './consoles.ts';
import { startControllers, startLeadership } from './controllers.ts';
import { startEvidence } from './evidence.ts';
import { outboxWarnings, startActionOutbox } from './action-outbox.ts';
import { asSetting, Closers, foundationOf, type Foundation } from './foundation.ts';
import { openOwnLog, startGate } from './gate.ts';
import { startPolicies } from './policies.ts';
import { startKeepingRecords } from './records.ts';
import { startTasks } from './tasks.ts';
import { startWorkflows } from './workflows.ts';

export interface Serving {
  readonly address: Listen;
  /** Where the console is, as URLs. */
  readonly console: readonly string[];
  /** What clients verify its certificate with, when it was made here. */
  readonly caPem: string | undefined;
  /** Takes no new requests, finishes those in flight, and writes what is waiting. */
  close(): Promise<void>;
}

/** How long requests still come after readiness was taken back, at most. */
const announceMs = 5_000;

/** The gate alone. */
export function startWebhook(config: WebhookConfig, log: Logger): Promise<Serving> {
  return startServing(onlyTheGate(config), log);
}

/** Throws a UsageError for settings that cannot work, and closes again whatever was opened. */
export async function startServing(config: ServingConfig, log: Logger): Promise<Serving> {
  const closers = new Closers();
  try {
    return { ...(await start(foundationOf(config, log, closers))), close: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(base: Foundation): Promise<Omit<Serving, 'close'>> {
  const { config, log, metrics, onClose } = base;
  const certificates = await startCertificates(base);
  const inForce = await startPolicies(base);
  const events = startEvents(base);
  const leadership = startLeadership(base);
  const decisionLog = config.parts.gate ? await openOwnLog(base) : undefined;
  const records = await startKeepingRecords(base, certificates.source, decisionLog);
  const { policies, fromCluster } = inForce;
  const evidence = startEvidence(base, policies);
  const gate = decisionLog && startGate(base, { policies, evidence, decisionLog, refusals: refusalEvents(events) });
  const kept = startKeepingCertificates(base, certificates, { leadership, events });
  const definitions = startWatchingDefinitions(base);
  if (config.parts.controller && fromCluster !== undefined)
    startControllers(base, { policies: fromCluster, evidence, leadership, events });
  const tasks = startTasks(base, { leadership, events });
  // Closed after the server and the controllers, so that what they decided and did last can still be copied.
  const consoles =
    records === undefined ? [] : await startConsoles(base, certificates.source, policies, records, tasks?.shown);
  const history = startActionOutbox(base, records?.records.history);
  const workflows = config.workflows && startWorkflows(base, { policies, evidence, leadership, events, history });
  const readiness = [
    ...inForce.readiness,
    ...(gate?.readiness ?? []),
    {
      name: 'installation',
      problem: () => undefined,
      warnings: () => [...certificates.warnings(), ...(kept?.warnings() ?? []), ...(definitions?.warnings() ?? [])],
    },
    { name: 'records', problem: () => undefined, warnings: () => records?.warnings() ?? [] },
    {
      name: 'workflows',
      problem: () => undefined,
      warnings: () => [...(workflows?.warnings() ?? []), ...outboxWarnings(history)],
    },
    { name: 'tasks', problem: () => undefined, warnings: () => tasks?.warnings() ?? [] },
  ];
  const ports = { certificates: certificates.source, metrics, log, ...defined('reviewer', gate?.reviewer) };
  const server = await asSetting('--listen', startServer(ports, { listen: config.listen, readiness }));
  const graceMs = config.drainSeconds * 1_000;
  onClose(() => server.close({ announceMs: Math.min(announceMs, graceMs / 4), graceMs }));
  await keepCaFile(base, certificates.source);
  return { address: server.address, console: consoles, caPem: certificates.source.current().ca };
}

const untold: Events = { tell: () => undefined };

function startEvents({ config, kubeConfig, clock, log, metrics, onClose }: Foundation): Events {
  if (kubeConfig === undefined) return untold;
  const events = clusterEvents({ kubeConfig, clock, log, metrics }, { instance: config.instance });
  onClose(() => events.close());
  return events;
}

/** Whose custom resource definitions are used. */
function startWatchingDefinitions({ kubeConfig, log, onClose }: Foundation): WatchedDefinitions | undefined {
  if (kubeConfig === undefined) return undefined;
  const watched = watchDefinitions({ facts: clusterFacts(kubeConfig), log });
  onClose(() => watched.close());
  return watched;
}
