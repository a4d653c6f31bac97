/** One replica as far as certificates go: its own election, its own look at the Secret, its own TLS server. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Lifetimes } from '../../../src/adapters/certificates/authority.ts';
import { secretCertificates } from '../../../src/adapters/certificates/secret-certificates.ts';
import { secretStore } from '../../../src/adapters/certificates/secret-store.ts';
import { leadership, type OwnLeadership } from '../../../src/adapters/kubernetes/leader-election.ts';
import { webhookConfigurations } from '../../../src/adapters/kubernetes/webhook-configurations.ts';
import { expectedWebhooks } from '../../../src/controllers/certificates/judge-configuration.ts';
import { keepCertificates, type KeptCertificates } from '../../../src/controllers/certificates/keep-certificates.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';

export interface Replica {
  readonly port: number;
  readonly leadership: OwnLeadership;
  readonly keeper: KeptCertificates;
  readonly events: readonly ClusterEvent[];
  /** Warnings of both, as /readyz has them. */
  warnings(): readonly string[];
  close(): Promise<void>;
}

export interface ReplicaSettings {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly servicePort: number;
  readonly lifetimes: Lifetimes;
}

/** Seconds where an installation has months. */
export const quickLifetimes: Lifetimes = { authorityMs: 30_000, servingMs: 14_000 };
const quickRotation = { renewAuthorityMs: 20_000, renewServingMs: 5_000, settleMs: 1_000 };
const quickElection = { leaseMs: 3_000, renewMs: 2_000, retryMs: 400 };
const quickFollowing = { pollMs: 700, startMs: 20_000, repairMs: 5_000 };
const namesOf = (namespace: string): readonly string[] => [`countersign.${namespace}.svc`];

export async function startReplica(name: string, settings: ReplicaSettings): Promise<Replica> {
  const { kubeConfig, namespace, servicePort, lifetimes } = settings;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const clock = { now: () => new Date() };
  const events: ClusterEvent[] = [];
  const secret = { kubeConfig, namespace, name: 'countersign-certificates' };
  const store = secretStore({ ...secret, names: namesOf(namespace), lifetimes });
  const made = await secretCertificates({ store, clock, log }, 'the Secret', quickFollowing);
  if (!made.ok) throw new Error(made.failure);
  const source = made.value;
  const election = leadership({
    kubeConfig,
    namespace,
    name: 'countersign',
    identity: name,
    log,
    timing: quickElection,
  });
  const keeper = keepCertificates(
    {
      configurations: webhookConfigurations(kubeConfig, expectedWebhooks),
      leadership: election,
      events: { tell: (event) => events.push(event) },
      clock,
      log,
    },
    { service: { namespace, name: 'countersign', port: servicePort }, heal: 'connection', checkMs: 500 },
    { store, source, rotation: quickRotation },
  );

  const server = createServer(source.current(), (request, response) => {
    void json(request).then((review) => {
      const uid = asRecord(asRecord(review)?.['request'])?.['uid'];
      // Most requests come over a connection of their own, so that certificates are looked at all the time.
      if (Math.random() < 0.7) response.setHeader('connection', 'close');
      response.setHeader('content-type', 'application/json');
      const answer = { uid, allowed: false, status: { message: `refused by ${name}` } };
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    });
  });
  const stop = source.onChange(() => {
    server.setSecureContext(source.current());
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  // It listens on a port.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    leadership: election,
    keeper,
    events,
    warnings: () => [...source.warnings(), ...keeper.warnings()],
    async close() {
      stop();
      await keeper.close();
      source.close();
      await election.close();
      server.closeAllConnections();
      await new Promise((closed) => {
        server.close(closed);
      });
    },
  };
}
