/**
 * What the restricted Pod Security Standard of Kubernetes 1.35 demands on top of baseline: no rights that an ordinary
 * program can do without. Same cases as the newest version of each check in k8s.io/pod-security-admission v0.35
 * policy/check_*.go.
 */
import { asRecord } from '../kernel/strict-json.ts';
import { isConfiningProfile } from './pod-security-baseline.ts';
import { isOneOf, mandatory, optional, partsAt, type Check, type CheckedPod } from './pod-security-check.ts';

export const restrictedCapabilities: readonly string[] = ['NET_BIND_SERVICE'];

/** What these fields say is of Linux: a Pod for Windows cannot have them. */
const isWindows = ({ isWindows: forWindows }: CheckedPod): boolean => forWindows;
const hasUserNamespace = (pod: CheckedPod): boolean => pod.hasUserNamespace;

export const restricted: readonly Check[] = [
  volumes,
  mandatory({
    of: 'containers',
    path: 'securityContext.allowPrivilegeEscalation',
    allows: isOneOf([false]),
    wayOut: 'write false',
    unless: isWindows,
  }),
  mandatory({
    of: 'both',
    path: 'securityContext.runAsNonRoot',
    allows: isOneOf([true]),
    wayOut: 'write true, here or for the whole Pod',
    unless: hasUserNamespace,
  }),
  optional({
    of: 'both',
    path: 'securityContext.runAsUser',
    allows: (user) => typeof user === 'number' && user !== 0,
    wayOut: 'leave it out, or write the number of another user than root',
    unless: hasUserNamespace,
  }),
  mandatory({
    of: 'both',
    path: 'securityContext.seccompProfile',
    allows: isConfiningProfile,
    wayOut: 'write a type of RuntimeDefault or Localhost, here or for the whole Pod',
    unless: isWindows,
  }),
  mandatory({
    of: 'containers',
    path: 'securityContext.capabilities.drop',
    allows: (drop) => Array.isArray(drop) && drop.includes('ALL'),
    wayOut: 'write ["ALL"]',
    unless: isWindows,
  }),
  optional({
    of: 'containers',
    path: 'securityContext.capabilities.add.*',
    allows: isOneOf(restrictedCapabilities),
    wayOut: 'of capabilities only NET_BIND_SERVICE may be added',
    unless: isWindows,
  }),
  optional({
    of: 'containers',
    path: 'securityContext.procMount',
    allows: isOneOf(['Default']),
    wayOut: 'write Default, or leave it out',
  }),
];

const volumeTypes: readonly string[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** A volume of which no type is said is an emptyDir. */
function volumes({ spec }: CheckedPod): ReturnType<Check> {
  const wayOut = `use a volume of one of the types ${volumeTypes.join(', ')}`;
  return partsAt({ field: '', value: spec }, ['volumes', '*']).flatMap((volume) => {
    const members = asRecord(volume.value);
    if (members === undefined) return [{ ...volume, wayOut }];
    return Object.entries(members)
      .filter(([name, value]) => name !== 'name' && value !== null && !volumeTypes.includes(name))
      .map(([name, value]) => ({ field: `${volume.field}.${name}`, value, wayOut }));
  });
}
