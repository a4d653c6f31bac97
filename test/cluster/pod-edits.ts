/** Changes of a Pod in the fields that the Pod Security Standards speak about, with values on both sides of the border. */
import fc from 'fast-check';

type Members = Readonly<Record<string, unknown>>;

export type Target = 'pod' | 'first' | 'second' | 'init';

export interface Edit {
  readonly target: Target;
  readonly path: string;
  readonly value: unknown;
}

function edit(targets: readonly Target[], path: string, values: readonly unknown[]): fc.Arbitrary<Edit> {
  return fc.record({
    target: fc.constantFrom(...targets),
    path: fc.constant(path),
    value: fc.constantFrom(...values),
  });
}

export const containers = ['first', 'second', 'init'] as const;
const everywhere = ['pod', ...containers] as const;
const flags = [true, false, null];

const profiles: readonly unknown[] = [
  { type: 'RuntimeDefault' },
  { type: 'Localhost', localhostProfile: 'a.json' },
  { type: 'Unconfined' },
  null,
];

const capabilities = ['NET_BIND_SERVICE', 'CHOWN', 'SYS_CHROOT', 'NET_RAW', 'NET_ADMIN', 'ALL', 'chown', 'CAP_CHOWN'];
const lists: readonly unknown[] = [[], null, ...capabilities.map((name) => [name]), ['NET_BIND_SERVICE', 'KILL']];

const hosts = ['', '127.0.0.1', 'example.com', null];
const handlers: readonly unknown[] = hosts.flatMap((host) => [
  { httpGet: { path: '/', port: 80, host } },
  { tcpSocket: { port: 80, host } },
]);

const volumes: Members = {
  none: undefined,
  configMap: { name: 'a' },
  csi: { driver: 'a.example' },
  downwardAPI: { items: [] },
  emptyDir: {},
  ephemeral: {
    volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  },
  image: { reference: 'registry.example/data:1' },
  persistentVolumeClaim: { claimName: 'a' },
  projected: { sources: [] },
  secret: { secretName: 'a' },
  hostPath: { path: '/' },
  gcePersistentDisk: { pdName: 'a' },
  awsElasticBlockStore: { volumeID: 'a' },
  gitRepo: { repository: 'a' },
  nfs: { server: 'a', path: '/a' },
  iscsi: { targetPortal: 'a', iqn: 'iqn.2020-01.example:a', lun: 0 },
  glusterfs: { endpoints: 'a', path: 'a' },
  rbd: { monitors: ['a'], image: 'a' },
  flexVolume: { driver: 'a.example/a' },
  cinder: { volumeID: 'a' },
  cephfs: { monitors: ['a'] },
  flocker: { datasetName: 'a' },
  fc: { targetWWNs: ['a'], lun: 0 },
  azureFile: { secretName: 'a', shareName: 'a' },
  vsphereVolume: { volumePath: 'a' },
  quobyte: { registry: 'a:1', volume: 'a' },
  azureDisk: { diskName: 'a', diskURI: 'https://blob.example/a' },
  photonPersistentDisk: { pdID: 'a' },
  portworxVolume: { volumeID: 'a' },
  scaleIO: { gateway: 'a', system: 'a', volumeName: 'a', secretRef: { name: 'a' } },
  storageos: { volumeName: 'a' },
};

const volume = fc.tuple(fc.nat(999), fc.constantFrom(...Object.entries(volumes))).map(([number, [type, source]]) => ({
  name: `v${number}`,
  ...(source === undefined ? {} : { [type]: source }),
}));

const sysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.ip_forward',
  'net.core.somaxconn',
  'kernel.msgmax',
  'net/ipv4/tcp_rmem',
  'fs.mqueue.msg_max',
];

export const linuxEdits = fc.oneof(
  edit(['pod'], 'hostNetwork', flags),
  edit(['pod'], 'hostPID', flags),
  edit(['pod'], 'hostIPC', flags),
  edit(['pod'], 'hostUsers', [false, false, true, null]),
  edit(['pod'], 'os', [{ name: 'linux' }]),
  edit(['pod'], 'volumes', [null, []]),
  fc
    .uniqueArray(volume, { selector: ({ name }) => name, minLength: 1, maxLength: 3 })
    .map((value): Edit => ({ target: 'pod', path: 'volumes', value })),
  fc
    .uniqueArray(fc.constantFrom(...sysctls), { minLength: 1, maxLength: 3 })
    .map((names) => names.map((name) => ({ name, value: '1' })))
    .map((value): Edit => ({ target: 'pod', path: 'securityContext.sysctls', value })),
  edit(everywhere, 'securityContext.runAsUser', [0, 0, 1, 1000, null]),
  edit(everywhere, 'securityContext.runAsGroup', [0, 1000]),
  edit(everywhere, 'securityContext.runAsNonRoot', flags),
  edit(everywhere, 'securityContext.seccompProfile', profiles),
  edit(everywhere, 'securityContext.appArmorProfile', profiles),
  edit(everywhere, 'securityContext.seLinuxOptions', [
    ...['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t', 'spc_t'].map((type) => ({
      type,
    })),
    {},
    null,
    { level: 's0:c1' },
    { user: '' },
    { user: 'u' },
    { role: 'r' },
    { role: '', type: 'container_t' },
  ]),
  edit(containers, 'securityContext.allowPrivilegeEscalation', flags),
  edit(containers, 'securityContext.privileged', flags),
  edit(containers, 'securityContext.readOnlyRootFilesystem', flags),
  edit(containers, 'securityContext.procMount', ['Default', 'Unmasked', null]),
  edit(containers, 'securityContext.capabilities', [null, {}]),
  edit(containers, 'securityContext.capabilities.add', lists),
  edit(containers, 'securityContext.capabilities.drop', [...lists, ['ALL'], ['NET_RAW', 'ALL']]),
  edit(everywhere, 'securityContext', [{}, null]),
  edit(['first', 'init'], 'ports', [
    [{ containerPort: 80 }],
    [{ containerPort: 80, hostPort: 80 }],
    [{ containerPort: 81, hostPort: 0 }],
    [{ containerPort: 82 }, { containerPort: 83, hostPort: 83 }],
    null,
  ]),
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.postStart', 'lifecycle.preStop'].map((path) =>
    edit(['first', 'second'], path, handlers),
  ),
  // A sidecar may have probes.
  edit(['init'], 'restartPolicy', ['Always']),
);

export const windowsEdits = fc.oneof(
  edit(everywhere, 'securityContext.runAsNonRoot', flags),
  edit(everywhere, 'securityContext.windowsOptions', [{ hostProcess: false }, { runAsUserName: 'a' }, {}, null]),
  fc.constant({ target: 'pod', path: 'hostNetwork', value: true } satisfies Edit),
  edit(['pod'], 'securityContext.windowsOptions', [{ hostProcess: true }]),
);
