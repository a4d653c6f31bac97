/**
 * etcd, kube-apiserver, kube-controller-manager and kube-scheduler with certificates of their own, everything in one folder.
 * The API server listens on the address of the cluster's network, so that Pods reach it, or on loopback when there is none:
 * a control plane alone admits and stores objects.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { issue, makeAuthority, type Identity, type KeyPair } from './certificates.ts';
import type { Network } from './network.ts';
import { freePorts, ProgramGroup } from './processes.ts';
import type { KubePrograms } from './programs.ts';

export interface ControlPlane {
  /** https://ADDRESS:PORT */
  readonly server: string;
  /** Path of a kubeconfig with all rights. */
  readonly kubeconfig: string;
  /** Of the CA that signs all certificates here. */
  readonly caFile: string;
  /** Writes NAME.key, NAME.crt and NAME.kubeconfig, and gives the path of the latter. */
  addIdentity(name: string, identity: Identity): Promise<string>;
  /** The body that the API server answers to a GET; undefined unless it is a 200. */
  get(path: string): Promise<string | undefined>;
  /** Ends the API server, all else runs on. */
  stopApiServer(): Promise<void>;
  /** With the same data, address and certificates; resolves when it is ready. */
  startApiServer(): Promise<void>;
  /** What the API server was asked by the service accounts of the product, one event a line (audit.k8s.io/v1). */
  readonly auditLog: string;
  stop(): Promise<void>;
}

interface Setting {
  readonly programs: KubePrograms;
  readonly folder: string;
  readonly group: ProgramGroup;
  readonly network: Network | undefined;
  readonly address: string;
  readonly server: string;
  readonly ports: { readonly client: number; readonly peer: number; readonly api: number };
}

export async function startControlPlane(
  programs: KubePrograms,
  folder: string,
  network: Network | undefined,
): Promise<ControlPlane> {
  const [client = 0, peer = 0, api = 0] = await freePorts(3);
  const address = network?.address ?? '127.0.0.1';
  const setting: Setting = {
    programs,
    folder,
    group: new ProgramGroup(folder),
    network,
    address,
    server: `https://${address}:${api}`,
    ports: { client, peer, api },
  };
  const authority = await makeAuthority();
  const admin = await writeCertificates(setting, authority);
  const get = (path: string): Promise<string | undefined> => getOnce(setting.server + path, authority, admin);
  try {
    await startEtcd(setting);
    await startApiServer(setting, get);
    await startControllers(setting, get);
    await startScheduler(setting);
  } catch (error) {
    await setting.group.stop();
    throw error;
  }
  return {
    server: setting.server,
    kubeconfig: join(folder, 'admin.kubeconfig'),
    caFile: join(folder, 'ca.crt'),
    addIdentity: async (name, identity) => {
      await writeIdentity(setting, authority, name, identity);
      return join(folder, `${name}.kubeconfig`);
    },
    get,
    stopApiServer: () => setting.group.stopOne('kube-apiserver'),
    startApiServer: () => startApiServer(setting, get),
    auditLog: join(folder, auditLog),
    stop: () => setting.group.stop(),
  };
}

async function writeCertificates(setting: Setting, authority: KeyPair): Promise<KeyPair> {
  const file = (name: string): string => join(setting.folder, name);
  writeFileSync(file('ca.crt'), authority.cert);
  writeFileSync(file('ca.key'), authority.key, { mode: 0o600 });
  const accounts = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(file('accounts.pub'), accounts.publicKey);
  writeFileSync(file('accounts.key'), accounts.privateKey, { mode: 0o600 });
  await writeIdentity(setting, authority, 'apiserver', {
    commonName: 'kube-apiserver',
    addresses: setting.network === undefined ? [setting.address] : [setting.address, setting.network.apiService],
    names: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
  });
  await writeIdentity(setting, authority, 'controllers', { commonName: 'system:kube-controller-manager' });
  await writeIdentity(setting, authority, 'scheduler', { commonName: 'system:kube-scheduler' });
  return writeIdentity(setting, authority, 'admin', { commonName: 'admin', organization: 'system:masters' });
}

async function writeIdentity(setting: Setting, authority: KeyPair, name: string, identity: Identity): Promise<KeyPair> {
  const pair = await issue(authority, identity);
  const path = join(setting.folder, name);
  writeFileSync(`${path}.crt`, pair.cert);
  writeFileSync(`${path}.key`, pair.key, { mode: 0o600 });
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: setting.server, 'certificate-authority': join(setting.folder, 'ca.crt') } },
    ],
    users: [{ name, user: { 'client-certificate': `${path}.crt`, 'client-key': `${path}.key` } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
    'current-context': 'test',
  };
  writeFileSync(`${path}.kubeconfig`, JSON.stringify(kubeconfig, undefined, 2));
  return pair;
}

function startEtcd({ programs, folder, group, ports }: Setting): Promise<void> {
  const client = `http://127.0.0.1:${ports.client}`;
  const peer = `http://127.0.0.1:${ports.peer}`;
  const args = [
    `--data-dir=${join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
  ];
  return group.start('etcd', programs.etcd, args, async () => (await fetch(`${client}/health`)).ok);
}

type Get = ControlPlane['get'];

const auditLog = 'audit.jsonl';

/** Who asked for what and what came of it, of the product alone. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts:countersign-system'] }, { level: 'None' }],
};

function startApiServer({ programs, folder, group, ports, address, network }: Setting, get: Get): Promise<void> {
  const file = (name: string): string => join(folder, name);
  writeFileSync(file('audit-policy.json'), JSON.stringify(auditPolicy));
  const args = [
    `--etcd-servers=http://127.0.0.1:${ports.client}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${ports.api}`,
    // The endpoints of the Service `kubernetes` may not be loopback addresses.
    ...(network === undefined ? ['--endpoint-reconciler-type=none'] : []),
    `--service-cluster-ip-range=${network?.serviceSubnet ?? '10.97.0.0/24'}`,
    `--audit-policy-file=${file('audit-policy.json')}`,
    `--audit-log-path=${file(auditLog)}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--kubelet-client-certificate=${file('admin.crt')}`,
    `--kubelet-client-key=${file('admin.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--service-account-key-file=${file('accounts.pub')}`,
    `--service-account-signing-key-file=${file('accounts.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    // Whether a Pod may be privileged is for admission to say, as on every usual cluster.
    '--allow-privileged',
  ];
  const ready = async (): Promise<boolean> => (await get('/readyz')) !== undefined;
  return group.start('kube-apiserver', programs['kube-apiserver'], args, ready);
}

function startControllers({ programs, folder, group }: Setting, get: Get): Promise<void> {
  const file = (name: string): string => join(folder, name);
  const args = [
    `--kubeconfig=${file('controllers.kubeconfig')}`,
    '--secure-port=0',
    '--leader-elect=false',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${file('accounts.key')}`,
    `--root-ca-file=${file('ca.crt')}`,
    `--cluster-signing-cert-file=${file('ca.crt')}`,
    `--cluster-signing-key-file=${file('ca.key')}`,
  ];
  // A Pod needs its namespace's service account, which a controller makes.
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  const ready = async (): Promise<boolean> => (await get(account)) !== undefined;
  return group.start('kube-controller-manager', programs['kube-controller-manager'], args, ready);
}

function startScheduler({ programs, folder, group }: Setting): Promise<void> {
  const args = [`--kubeconfig=${join(folder, 'scheduler.kubeconfig')}`, '--secure-port=0', '--leader-elect=false'];
  return group.start('kube-scheduler', programs['kube-scheduler'], args, async () => true);
}

function getOnce(url: string, authority: KeyPair, login: KeyPair): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca: authority.cert, ...login, agent: false, timeout: 5000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        resolve(answer.statusCode === 200 ? Buffer.concat(chunks).toString('utf8') : undefined);
      });
    });
    call
      .on('error', reject)
      .on('timeout', () => call.destroy(new Error('timed out')))
      .end();
  });
}
