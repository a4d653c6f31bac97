/** An installation whose replicas are processes of the machine, reached by the API server through its Service. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { kubeconfig } from '../access.ts';
import { connect, type Api, type ApiObject } from '../gate/api.ts';
import { install } from '../gate/installation.ts';
import type { Replica } from './replica.ts';

export const namespace = 'countersign-system';

export interface Installation {
  readonly api: Api;
  /** With no rights but those of the manifests. */
  readonly own: KubeConfig;
  readonly servicePort: number;
  /** Whom the Service leads to, in turns. */
  readonly replicas: Replica[];
  close(): Promise<void>;
}

export async function startInstallation(): Promise<Installation> {
  const api = connect(kubeconfig);
  const file = join(tmpdir(), `countersign-certificates-${process.pid}.kubeconfig`);
  await install(api, file);
  const own = new KubeConfig();
  own.loadFromFile(file);
  const replicas: Replica[] = [];
  let turn = 0;
  const balancer = createServer((socket) => {
    const next = replicas[(turn += 1) % replicas.length];
    const onward = connectTcp(next?.port ?? 0, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((listening) => {
    balancer.listen(0, '127.0.0.1', listening);
  });
  // It listens on a port.
  const { port: servicePort } = balancer.address() as AddressInfo;
  // Without a node the API server reaches this machine by a name only.
  const spec = { type: 'ExternalName', externalName: 'localhost' };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name: 'countersign' }, spec };
  await api.apply(service);
  return {
    api,
    own,
    servicePort,
    replicas,
    async close() {
      for (const replica of replicas) await replica.close();
      for (const object of [...configurations(0), service, secretObject, leaseObject]) await api.remove(object);
      await new Promise((closed) => {
        balancer.close(closed);
      });
      await api.close();
      rmSync(file, { force: true });
    },
  };
}

export const secretObject: ApiObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace, name: 'countersign-certificates' },
};
export const leaseObject: ApiObject = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace, name: 'countersign' },
};

/** As the manifests have them: without a caBundle. */
export function configurations(servicePort: number): readonly ApiObject[] {
  const read = (file: string): readonly ApiObject[] =>
    parseAllDocuments(readFileSync(join(import.meta.dirname, '../../../manifests/base', file), 'utf8')).map(
      (document): ApiObject => document.toJS(),
    );
  return [...read('webhooks.yaml'), ...read('policy-webhook.yaml')].map((configuration) => ({
    ...configuration,
    webhooks: webhooksOf(configuration).map((webhook) => {
      const { service } = asRecord(webhook['clientConfig']) ?? {};
      return { ...webhook, clientConfig: { service: { ...asRecord(service), port: servicePort } } };
    }),
  }));
}

export function webhooksOf(configuration: unknown): readonly Readonly<Record<string, unknown>>[] {
  const { webhooks } = asRecord(configuration) ?? {};
  return (Array.isArray(webhooks) ? webhooks : []).map((webhook: unknown) => asRecord(webhook) ?? {});
}

/** PEM, of the first webhook in a configuration as the API server has it. */
export async function caBundleOf(api: Api, configuration: ApiObject): Promise<string> {
  const [webhook] = webhooksOf(await api.read(configuration));
  const { caBundle } = asRecord(webhook?.['clientConfig']) ?? {};
  return typeof caBundle === 'string' ? Buffer.from(caBundle, 'base64').toString('utf8') : '';
}

/** Shakes hands as the API server would; the failure is a sentence. */
export function handshake(port: number, ca: string): Promise<{ readonly problem?: string; readonly issuer?: string }> {
  return new Promise((resolve) => {
    const socket = connectTls({ port, host: '127.0.0.1', ca, servername: `countersign.${namespace}.svc` }, () => {
      const raw = socket.getPeerCertificate().raw;
      resolve({ issuer: new X509Certificate(raw).issuer });
      socket.destroy();
    });
    socket.on('error', (error) => resolve({ problem: error.message }));
  });
}
