/**
 * The baseline Pod Security Standard of Kubernetes 1.35: no known way to the node. Same cases as the newest version of
 * each check in k8s.io/pod-security-admission v0.35 policy/check_*.go.
 */
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { isOneOf, optional, type Check, type Row } from './pod-security-check.ts';

/** What container runtimes leave to a container by default, NET_RAW taken out. */
export const baselineCapabilities: readonly string[] = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/** SELinux types that confine a container. */
export const containerTypes: readonly unknown[] = [
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
];

/** They change nothing outside of the Pod. */
const safeSysctls: readonly unknown[] = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
];

const confining = isOneOf(['RuntimeDefault', 'Localhost']);

export function isConfiningProfile(profile: unknown): boolean {
  return confining(asRecord(profile)?.['type']);
}

const leaveOut = 'leave it out';

function off(of: Row['of'], path: string): Check {
  return optional({ of, path, allows: isOneOf([false]), wayOut: leaveOut });
}

/** The node itself, or any other machine, would be asked in place of the Pod. */
function hostOf(handler: string): readonly Check[] {
  return ['httpGet', 'tcpSocket'].map((action) =>
    optional({ of: 'containers', path: `${handler}.${action}.host`, allows: isOneOf(['']), wayOut: leaveOut }),
  );
}

function profile(path: string): Check {
  return optional({
    of: 'both',
    path,
    allows: isConfiningProfile,
    wayOut: 'its type has to be RuntimeDefault or Localhost',
  });
}

export const baseline: readonly Check[] = [
  off('pod', 'hostNetwork'),
  off('pod', 'hostPID'),
  off('pod', 'hostIPC'),
  off('containers', 'securityContext.privileged'),
  off('both', 'securityContext.windowsOptions.hostProcess'),
  optional({
    of: 'pod',
    path: 'volumes.*.hostPath',
    allows: () => false,
    wayOut: 'use a volume of another type',
  }),
  optional({ of: 'containers', path: 'ports.*.hostPort', allows: isOneOf([0]), wayOut: leaveOut }),
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.postStart', 'lifecycle.preStop'].flatMap(hostOf),
  optional({
    of: 'containers',
    path: 'securityContext.capabilities.add.*',
    allows: isOneOf(baselineCapabilities),
    wayOut: `of capabilities only these may be added: ${baselineCapabilities.join(', ')}`,
  }),
  optional({
    of: 'containers',
    path: 'securityContext.procMount',
    allows: isOneOf(['Default']),
    wayOut: 'write Default, or leave it out, or give the Pod a user namespace by hostUsers: false',
    unless: ({ hasUserNamespace }) => hasUserNamespace,
  }),
  profile('securityContext.seccompProfile'),
  profile('securityContext.appArmorProfile'),
  optional({
    of: 'both',
    path: 'securityContext.seLinuxOptions.type',
    allows: isOneOf(containerTypes),
    wayOut: `leave it out, or write one of ${containerTypes.filter(Boolean).join(', ')}`,
  }),
  optional({ of: 'both', path: 'securityContext.seLinuxOptions.user', allows: isOneOf(['']), wayOut: leaveOut }),
  optional({ of: 'both', path: 'securityContext.seLinuxOptions.role', allows: isOneOf(['']), wayOut: leaveOut }),
  optional({
    of: 'pod',
    path: 'securityContext.sysctls.*',
    allows: (sysctl) => safeSysctls.includes(asRecord(sysctl)?.['name']),
    wayOut: `of sysctls only these may be set: ${safeSysctls.join(', ')}`,
  }),
  appArmorAnnotations,
];

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

/** How profiles were chosen before there was a field for it; API servers still read them. */
function appArmorAnnotations({ annotations }: Parameters<Check>[0]): ReturnType<Check> {
  const wayOut = 'leave it out, or write runtime/default or localhost/ and a name';
  return Object.entries(annotations)
    .filter(([name, value]) => name.startsWith(appArmorPrefix) && !isConfiningAnnotation(value))
    .map(([name, value]) => ({ field: `annotations[${quoted(name)}]`, value, wayOut }));
}

function isConfiningAnnotation(value: unknown): boolean {
  return value === '' || value === 'runtime/default' || (typeof value === 'string' && value.startsWith('localhost/'));
}
