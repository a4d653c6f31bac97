import { describe, expect, it } from 'vitest';
import { podSecurityConflicts, strictestLevel } from '../../../src/contract/pod-security.ts';
import type { PodSecurityLevel } from '../../../src/policy/action-policy.ts';
import { publishedCases } from './published-cases.ts';

type Members = Readonly<Record<string, unknown>>;

const levels = ['privileged', 'baseline', 'restricted'] as const;

describe('the cases that Kubernetes publishes', () => {
  it.each(publishedCases)('$level: $name has to $verdict', ({ level, verdict, podSpec, annotations }) => {
    const conflicts = podSecurityConflicts(level, podSpec, annotations);
    expect(conflicts.length === 0 ? 'pass' : 'fail').toBe(verdict);
    expect(podSecurityConflicts('privileged', podSpec, annotations)).toEqual([]);
  });

  it('are there', () => {
    expect(publishedCases.length).toBe(148);
  });

  it.each(publishedCases.filter(({ level, verdict }) => level === 'baseline' && verdict === 'fail'))(
    '$name is outside of restricted as well',
    ({ podSpec, annotations }) => {
      expect(podSecurityConflicts('restricted', podSpec, annotations)).not.toEqual([]);
    },
  );
});

const confined: Members = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** Restricted but for what is said. */
function podWith(container: Members, pod: Members = {}): Members {
  const securityContext = container['securityContext'] as Members | undefined;
  return { ...pod, containers: [{ name: 'c', ...container, securityContext: { ...confined, ...securityContext } }] };
}

const secured = (securityContext: Members): Members => podWith({ securityContext });
const inPod = (securityContext: Members): Members => podWith({}, { securityContext });

interface Row {
  readonly what: string;
  readonly podSpec: Members;
  readonly annotations?: Members;
  /** The field that is named, where it is outside. */
  readonly baseline?: string;
  readonly restricted?: string;
}

const atFirst = 'containers[0].securityContext';
const both = (field: string): Pick<Row, 'baseline' | 'restricted'> => ({ baseline: field, restricted: field });

const rows: readonly Row[] = [
  { what: 'nothing that matters', podSpec: podWith({}) },
  { what: 'null everywhere', podSpec: podWith({ ports: null, lifecycle: null }, { hostPID: null, volumes: null }) },
  ...['hostNetwork', 'hostPID', 'hostIPC'].map((name) => ({
    what: `${name}`,
    podSpec: podWith({}, { [name]: true }),
    ...both(name),
  })),
  { what: 'a host namespace in a type that it has not', podSpec: podWith({}, { hostPID: 'true' }), ...both('hostPID') },
  { what: 'privileged', podSpec: secured({ privileged: true }), ...both(`${atFirst}.privileged`) },
  {
    what: 'privileged in an init container',
    podSpec: { ...podWith({}), initContainers: [{ securityContext: { ...confined, privileged: true } }] },
    ...both('initContainers[0].securityContext.privileged'),
  },
  {
    what: 'privileged in an ephemeral container',
    podSpec: { ...podWith({}), ephemeralContainers: [{ securityContext: { ...confined, privileged: true } }] },
    ...both('ephemeralContainers[0].securityContext.privileged'),
  },
  {
    what: 'an ephemeral container that is not confined',
    podSpec: { ...podWith({}), ephemeralContainers: [{ securityContext: { ...confined, runAsNonRoot: false } }] },
    restricted: 'ephemeralContainers[0].securityContext.runAsNonRoot',
  },
  { what: 'a host port', podSpec: podWith({ ports: [{ hostPort: 80 }] }), ...both('containers[0].ports[0].hostPort') },
  { what: 'host port 0', podSpec: podWith({ ports: [{ hostPort: 0, containerPort: 1 }] }) },
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.preStop', 'lifecycle.postStart'].flatMap((path) =>
    ['httpGet', 'tcpSocket'].flatMap((action) => {
      const handler = (host: string): Members =>
        podWith(path.split('.').reduceRight<Members>((inner, name) => ({ [name]: inner }), { [action]: { host } }));
      return [
        {
          what: `${path} ${action} of another host`,
          podSpec: handler('a'),
          ...both(`containers[0].${path}.${action}.host`),
        },
        { what: `${path} ${action} of no host`, podSpec: handler('') },
      ];
    }),
  ),
  {
    what: 'capability CHOWN',
    podSpec: secured({ capabilities: { drop: ['ALL'], add: ['CHOWN'] } }),
    restricted: `${atFirst}.capabilities.add[0]`,
  },
  {
    what: 'capability NET_BIND_SERVICE',
    podSpec: secured({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
  },
  ...['NET_RAW', 'SYS_ADMIN', 'ALL', 'chown', 'CAP_CHOWN', 7, null].map((name) => ({
    what: `capability ${String(name)}`,
    podSpec: secured({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', name] } }),
    ...both(`${atFirst}.capabilities.add[1]`),
  })),
  {
    what: 'all but one capability dropped',
    podSpec: secured({ capabilities: { drop: ['NET_RAW'] } }),
    restricted: `${atFirst}.capabilities.drop`,
  },
  {
    what: 'all capabilities dropped in lower case',
    podSpec: secured({ capabilities: { drop: ['all'] } }),
    restricted: `${atFirst}.capabilities.drop`,
  },
  {
    what: 'no capability dropped',
    podSpec: secured({ capabilities: null }),
    restricted: `${atFirst}.capabilities.drop`,
  },
  {
    what: 'capabilities in a text',
    podSpec: secured({ capabilities: { drop: 'ALL' } }),
    restricted: `${atFirst}.capabilities.drop`,
  },
  {
    what: 'added capabilities in a text',
    podSpec: secured({ capabilities: { drop: ['ALL'], add: 'CHOWN' } }),
    ...both(`${atFirst}.capabilities.add`),
  },
  { what: 'procMount Unmasked', podSpec: secured({ procMount: 'Unmasked' }), ...both(`${atFirst}.procMount`) },
  { what: 'procMount Default', podSpec: secured({ procMount: 'Default' }) },
  { what: 'procMount of no known kind', podSpec: secured({ procMount: 'default' }), ...both(`${atFirst}.procMount`) },
  {
    what: 'procMount Unmasked in a user namespace',
    podSpec: { ...secured({ procMount: 'Unmasked' }), hostUsers: false },
    restricted: `${atFirst}.procMount`,
  },
  ...['seccompProfile', 'appArmorProfile'].flatMap((name) => [
    { what: `${name} Localhost`, podSpec: secured({ [name]: { type: 'Localhost', localhostProfile: 'a' } }) },
    { what: `${name} Unconfined`, podSpec: secured({ [name]: { type: 'Unconfined' } }), ...both(`${atFirst}.${name}`) },
    { what: `${name} without a type`, podSpec: secured({ [name]: {} }), ...both(`${atFirst}.${name}`) },
    { what: `${name} as a text`, podSpec: secured({ [name]: 'RuntimeDefault' }), ...both(`${atFirst}.${name}`) },
    {
      what: `${name} Unconfined in the Pod`,
      podSpec: inPod({ [name]: { type: 'Unconfined' } }),
      ...both(`securityContext.${name}`),
    },
    { what: `${name} RuntimeDefault in the Pod`, podSpec: inPod({ [name]: { type: 'RuntimeDefault' } }) },
  ]),
  { what: 'no seccompProfile', podSpec: secured({ seccompProfile: null }), restricted: `${atFirst}.seccompProfile` },
  {
    what: 'a seccompProfile in the Pod only',
    podSpec: { ...secured({ seccompProfile: null }), securityContext: { seccompProfile: { type: 'Localhost' } } },
  },
  {
    what: 'an AppArmor annotation unconfined',
    podSpec: podWith({}),
    annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' },
    ...both('annotations[container.apparmor.security.beta.kubernetes.io/c]'),
  },
  ...['runtime/default', 'localhost/a', ''].map((value) => ({
    what: `an AppArmor annotation "${value}"`,
    podSpec: podWith({}),
    annotations: { 'container.apparmor.security.beta.kubernetes.io/c': value },
  })),
  { what: 'another annotation', podSpec: podWith({}), annotations: { 'example.com/c': 'unconfined' } },
  ...['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'].map((type) => ({
    what: `SELinux type "${type}"`,
    podSpec: secured({ seLinuxOptions: { type, level: 's0:c1', user: '', role: '' } }),
  })),
  {
    what: 'SELinux type spc_t',
    podSpec: secured({ seLinuxOptions: { type: 'spc_t' } }),
    ...both(`${atFirst}.seLinuxOptions.type`),
  },
  {
    what: 'an SELinux user',
    podSpec: secured({ seLinuxOptions: { user: 'u' } }),
    ...both(`${atFirst}.seLinuxOptions.user`),
  },
  {
    what: 'an SELinux role in the Pod',
    podSpec: inPod({ seLinuxOptions: { role: 'r' } }),
    ...both('securityContext.seLinuxOptions.role'),
  },
  { what: 'a safe sysctl', podSpec: inPod({ sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] }) },
  ...['kernel.msgmax', 'net/ipv4/tcp_rmem', undefined].map((name) => ({
    what: `sysctl ${name ?? 'without a name'}`,
    podSpec: inPod({ sysctls: [{ name: 'net.ipv4.tcp_wmem' }, { name }] }),
    ...both('securityContext.sysctls[1]'),
  })),
  ...[
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'image',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ].map((type) => ({
    what: `a volume of type ${type}`,
    podSpec: podWith({}, { volumes: [{ name: 'v', [type]: {}, nfs: null }] }),
  })),
  { what: 'a volume of no type', podSpec: podWith({}, { volumes: [{ name: 'v' }] }) },
  {
    what: 'a hostPath volume',
    podSpec: podWith({}, { volumes: [{ name: 'v', hostPath: {} }] }),
    ...both('volumes[0].hostPath'),
  },
  {
    what: 'a hostPath volume beside another type',
    podSpec: podWith({}, { volumes: [{ emptyDir: {}, hostPath: {} }] }),
    ...both('volumes[0].hostPath'),
  },
  ...['nfs', 'iscsi', 'gitRepo', 'rbd', 'fc', 'flexVolume', 'newerThanThis'].map((type) => ({
    what: `a volume of type ${type}`,
    podSpec: podWith(
      {},
      {
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'v', [type]: {} },
        ],
      },
    ),
    restricted: `volumes[1].${type}`,
  })),
  {
    what: 'windowsOptions.hostProcess',
    podSpec: secured({ windowsOptions: { hostProcess: true } }),
    ...both(`${atFirst}.windowsOptions.hostProcess`),
  },
  {
    what: 'windowsOptions.hostProcess in the Pod',
    podSpec: inPod({ windowsOptions: { hostProcess: true } }),
    ...both('securityContext.windowsOptions.hostProcess'),
  },
  ...[true, null, undefined].map((value) => ({
    what: `allowPrivilegeEscalation ${String(value)}`,
    podSpec: secured({ allowPrivilegeEscalation: value }),
    restricted: `${atFirst}.allowPrivilegeEscalation`,
  })),
  {
    what: 'allowPrivilegeEscalation in the Pod, where it has no meaning',
    podSpec: { ...secured({ allowPrivilegeEscalation: null }), securityContext: { allowPrivilegeEscalation: false } },
    restricted: `${atFirst}.allowPrivilegeEscalation`,
  },
  ...[false, null, 'true'].map((value) => ({
    what: `runAsNonRoot ${String(value)}`,
    podSpec: secured({ runAsNonRoot: value }),
    restricted: `${atFirst}.runAsNonRoot`,
  })),
  {
    what: 'runAsNonRoot in the Pod only',
    podSpec: { ...secured({ runAsNonRoot: null }), securityContext: { runAsNonRoot: true } },
  },
  {
    what: 'runAsNonRoot false in the Pod, true in the container',
    podSpec: inPod({ runAsNonRoot: false }),
    restricted: 'securityContext.runAsNonRoot',
  },
  {
    what: 'runAsNonRoot false in a user namespace',
    podSpec: { ...secured({ runAsNonRoot: false }), hostUsers: false },
  },
  { what: 'runAsUser 0', podSpec: secured({ runAsUser: 0 }), restricted: `${atFirst}.runAsUser` },
  {
    what: 'runAsUser 0 in the Pod, another in the container',
    podSpec: { ...secured({ runAsUser: 1 }), securityContext: { runAsUser: 0 } },
    restricted: 'securityContext.runAsUser',
  },
  { what: 'runAsUser 1', podSpec: secured({ runAsUser: 1 }) },
  { what: 'runAsUser 0 in a user namespace', podSpec: { ...secured({ runAsUser: 0 }), hostUsers: false } },
  {
    what: 'user namespaces asked for in a wrong type',
    podSpec: { ...secured({ runAsUser: 0 }), hostUsers: 'false' },
    restricted: `${atFirst}.runAsUser`,
  },
  {
    what: 'a Windows Pod that says nothing',
    podSpec: { os: { name: 'windows' }, securityContext: { runAsNonRoot: true }, containers: [{}] },
  },
  {
    what: 'a Windows Pod that may run as root',
    podSpec: { os: { name: 'windows' }, containers: [{}] },
    restricted: 'containers[0].securityContext.runAsNonRoot',
  },
];

describe('what a Pod has', () => {
  it.each(rows)('$what', (row) => {
    const named = (level: PodSecurityLevel): readonly string[] =>
      podSecurityConflicts(level, row.podSpec, row.annotations).map(({ field }) => field);
    const expected = (field: string | undefined): readonly string[] => (field === undefined ? [] : [field]);
    expect({ baseline: named('baseline'), restricted: named('restricted'), privileged: named('privileged') }).toEqual({
      baseline: expected(row.baseline),
      restricted: expected(row.restricted),
      privileged: [],
    });
  });

  it.each([
    ['containers', { containers: 'all' }],
    ['containers[0]', { containers: ['c'] }],
    ['securityContext', podWith({}, { securityContext: 'strict' })],
    ['volumes', podWith({}, { volumes: 'v' })],
  ])('refuses %s of a type that they have not', (field, podSpec) => {
    for (const level of ['baseline', 'restricted'] as const) {
      expect(podSecurityConflicts(level, podSpec).some((conflict) => conflict.field.startsWith(field))).toBe(true);
    }
  });

  it('finds the one that is outside among very many that are not', () => {
    const many = <T>(good: T, bad: T): readonly T[] => [...Array.from({ length: 5_000 }, () => good), bad];
    const fields = (podSpec: Members): readonly string[] =>
      podSecurityConflicts('baseline', podSpec).map(({ field }) => field);
    expect(fields(secured({ capabilities: { add: many('CHOWN', 'SYS_ADMIN') } }))).toEqual([
      `${atFirst}.capabilities.add[5000]`,
    ]);
    expect(fields({ containers: many<Members>({}, { securityContext: { privileged: true } }) })).toEqual([
      'containers[5000].securityContext.privileged',
    ]);
    expect(fields({ volumes: many<Members>({ emptyDir: {} }, { hostPath: {} }) })).toEqual(['volumes[5000].hostPath']);
  });

  it('names no more than a person can read', () => {
    const ports = Array.from({ length: 10_000 }, () => ({ hostPort: 1 }));
    expect(podSecurityConflicts('baseline', podWith({ ports }))).toHaveLength(64);
  });

  it('says every way out in one sentence, and only once for a field', () => {
    const podSpec = { hostPID: true, containers: [{ securityContext: { procMount: 'Unmasked' } }] };
    expect(podSecurityConflicts('restricted', podSpec)).toMatchInlineSnapshot(`
      [
        {
          "code": "POD_SECURITY_VIOLATION",
          "field": "hostPID",
          "message": "true is outside the Pod Security Standard restricted; leave it out",
        },
        {
          "code": "POD_SECURITY_VIOLATION",
          "field": "containers[0].securityContext.procMount",
          "message": ""Unmasked" is outside the Pod Security Standard restricted; write Default, or leave it out",
        },
        {
          "code": "POD_SECURITY_VIOLATION",
          "field": "containers[0].securityContext.allowPrivilegeEscalation",
          "message": "leaving it out is outside the Pod Security Standard restricted; write false",
        },
        {
          "code": "POD_SECURITY_VIOLATION",
          "field": "containers[0].securityContext.runAsNonRoot",
          "message": "leaving it out is outside the Pod Security Standard restricted; write true, here or for the whole Pod",
        },
        {
          "code": "POD_SECURITY_VIOLATION",
          "field": "containers[0].securityContext.seccompProfile",
          "message": "leaving it out is outside the Pod Security Standard restricted; write a type of RuntimeDefault or Localhost, here or for the whole Pod",
        },
        {
          "code": "POD_SECURITY_VIOLATION",
          "field": "containers[0].securityContext.capabilities.drop",
          "message": "leaving it out is outside the Pod Security Standard restricted; write ["ALL"]",
        },
      ]
    `);
  });
});

describe('the strictest of two levels', () => {
  it.each(levels.flatMap((a, less) => levels.map((b, more) => ({ a, b, strictest: levels[Math.max(less, more)] }))))(
    '$a and $b: $strictest',
    ({ a, b, strictest }) => {
      expect([strictestLevel(a, b), strictestLevel(b, a)]).toEqual([strictest, strictest]);
    },
  );
});
