/**
 * A container's securityContext, held against what its contract demands and what the floor of the policies demands: the
 * strictest wins. A value that is absent is set; one that is as strict stays; one that is looser is a conflict, or is
 * replaced. The floor is checked on the Pod as a whole, pod-security.ts: here it is only completed and restored.
 */
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { OnConflict, PodSecurityLevel } from '../policy/action-policy.ts';
import type { Conflict, Settled } from './conflict.ts';
import { baselineCapabilities } from './pod-security-baseline.ts';
import { restrictedCapabilities } from './pod-security-restricted.ts';
import type { SecurityContext } from './security-context.ts';
import { capabilitiesOf, isAsStrict, membersOf, strictened, strictest, within } from './security-lattice.ts';
import type { Capabilities, SecurityMember } from './security-lattice.ts';

type Members = Readonly<Record<string, unknown>>;

export interface SecurityDemand {
  /** Absent: there is no contract. */
  readonly contract?: SecurityContext;
  readonly floor: PodSecurityLevel;
}

interface Floor {
  /** Set where they are absent. */
  readonly demands: SecurityContext;
  /** Nothing may be looser, but all may be absent. */
  readonly limits: SecurityContext;
}

const confined = { type: 'RuntimeDefault' } as const;

const baselineLimits: SecurityContext = {
  appArmorProfile: confined,
  capabilities: { add: baselineCapabilities },
  privileged: false,
  seLinuxOptions: {},
  seccompProfile: confined,
};

const restrictedDemands: SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: confined,
};

const floors: Readonly<Record<PodSecurityLevel, Floor>> = {
  privileged: { demands: {}, limits: {} },
  baseline: { demands: {}, limits: baselineLimits },
  restricted: {
    demands: restrictedDemands,
    limits: {
      ...baselineLimits,
      ...restrictedDemands,
      capabilities: { add: restrictedCapabilities, drop: ['ALL'] },
      procMount: 'Default',
    },
  },
};

/** Of what restricted demands, this is all that a Pod for Windows may have. */
const windowsDemands: SecurityContext = { runAsNonRoot: true };

function demandsOf(floor: PodSecurityLevel, { os }: Members): SecurityContext {
  const isWindows = asRecord(os)?.['name'] === 'windows';
  return isWindows && floor === 'restricted' ? windowsDemands : floors[floor].demands;
}

/** What Kubernetes does where nothing is said. A contract that is silent does not ask for more than that. */
const silent: SecurityContext = {
  appArmorProfile: confined,
  privileged: false,
  procMount: 'Default',
  seLinuxOptions: {},
};

/** These may stand at the Pod and hold for all its containers. core/v1 PodSecurityContext */
const ofPods: ReadonlySet<SecurityMember> = new Set([
  'appArmorProfile',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seLinuxOptions',
  'seccompProfile',
]);

/** `field` is where the container's securityContext is inside the PodSpec. */
export function bindSecurityContext(
  { contract, floor }: SecurityDemand,
  container: unknown,
  podSpec: Members,
  onConflict: OnConflict,
  field: string,
): Settled<Members> {
  const { limits } = floors[floor];
  const demanded = within(strictest(contract ?? {}, demandsOf(floor, podSpec)), limits);
  const agreed = contract === undefined ? {} : limitsOf(contract);
  const strict = strictest(agreed, limits);
  const value: Record<string, unknown> = { ...asRecord(container) };
  const conflicts: Conflict[] = [];
  for (const name of membersOf({ ...demanded, ...strict })) {
    const own = present(value[name]);
    const ofPod = own === undefined ? podValue(name, podSpec) : undefined;
    const completed = complete(name, own, ofPod, demanded);
    if (completed !== undefined) value[name] = completed;
    const held = completed ?? ofPod;
    const limit = onConflict === 'Override' ? strict : agreed;
    if (held === undefined || isAsStrict(name, held, limit)) continue;
    if (onConflict === 'Override') value[name] = strictened(name, held, limit);
    else conflicts.push(looser(own === undefined ? `securityContext.${name}` : `${field}.${name}`, held, limit[name]));
  }
  return { value, conflicts };
}

/** Nothing may be added but what is demanded. */
function limitsOf(contract: SecurityContext): SecurityContext {
  const { capabilities } = contract;
  return { ...silent, ...contract, capabilities: { ...capabilities, add: capabilities?.add ?? [] } };
}

/** The container's own value: what it has, or what is demanded where neither it nor its Pod has one. */
function complete(name: SecurityMember, own: unknown, ofPod: unknown, demanded: SecurityContext): unknown {
  if (name === 'capabilities') return withCapabilities(own, demanded.capabilities);
  return own ?? (ofPod === undefined ? demanded[name] : undefined);
}

function podValue(name: SecurityMember, { securityContext }: Members): unknown {
  return ofPods.has(name) ? present(asRecord(securityContext)?.[name]) : undefined;
}

function present(value: unknown): unknown {
  return value === null ? undefined : value;
}

/** What a container drops is completed. A container that speaks of capabilities and adds none wants none. */
function withCapabilities(own: unknown, demanded: Capabilities | undefined): unknown {
  if (demanded === undefined) return own;
  const { add = [], drop = [] } = demanded;
  const members = asRecord(own);
  if (own !== undefined && members === undefined) return own;
  if (members !== undefined) return drop.length === 0 || hasItems(members['drop']) ? members : { ...members, drop };
  return capabilitiesOf(add, drop);
}

function hasItems(list: unknown): boolean {
  return present(list) !== undefined && !(Array.isArray(list) && list.length === 0);
}

function looser(field: string, held: unknown, limit: unknown): Conflict {
  const shown = (value: unknown): string => quoted(JSON.stringify(value) ?? 'nothing', 200);
  const message = `${shown(held)} is looser than what the contract allows, ${shown(limit)}; write that, or leave it out`;
  return { code: 'CONTRACT_CONFLICT', field, message };
}
