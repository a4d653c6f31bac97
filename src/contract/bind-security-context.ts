/**
 * The strictest of what a contract demands, what the floor of the policies demands, and what a container has. A value that
 * is absent is set; one that is as strict stays; one that is looser is a conflict, or is replaced.
 */
import { asRecord } from '../kernel/strict-json.ts';
import type { OnConflict, PodSecurityLevel } from '../policy/action-policy.ts';
import type { Conflict, Settled } from './conflict.ts';
import type { Profile, SecurityContext, SeLinuxOptions } from './security-context.ts';

type Members = Readonly<Record<string, unknown>>;

export interface SecurityDemand {
  /** Absent: there is no contract. */
  readonly contract?: SecurityContext;
  readonly floor: PodSecurityLevel;
}

/** What a container itself can do for a level; the rest of the level is checked on the Pod as a whole. */
const floors: Readonly<Record<PodSecurityLevel, SecurityContext>> = {
  privileged: {},
  baseline: {},
  restricted: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  },
};

/** What Kubernetes does where nothing is said. A contract that is silent does not ask for more than that. */
const silent: SecurityContext = { privileged: false, procMount: 'Default', capabilities: { add: [] } };

/** These may stand at the Pod and hold for all its containers. core/v1 PodSecurityContext */
const ofPods: ReadonlySet<string> = new Set([
  'appArmorProfile',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seLinuxOptions',
  'seccompProfile',
]);

export function bindSecurityContext(
  { contract, floor }: SecurityDemand,
  container: unknown,
  pod: unknown,
  onConflict: OnConflict,
  field: string,
): Settled<Members> {
  const demanded = strictest(contract ?? {}, floors[floor]);
  const limits = contract === undefined ? demanded : { ...silent, ...demanded, capabilities: limitsOf(demanded) };
  const value: Record<string, unknown> = { ...asRecord(container) };
  const conflicts: Conflict[] = [];
  for (const name of names(limits)) {
    const own = present(value[name]);
    const ofPod = own === undefined ? podValue(name, pod) : undefined;
    const completed = complete(name, own, ofPod, demanded);
    if (completed !== undefined) value[name] = completed;
    const held = completed ?? ofPod;
    if (held === undefined || isAsStrict(name, held, limits)) continue;
    if (onConflict === 'Override') value[name] = replacement(name, held, limits);
    else conflicts.push(looser(own === undefined ? `securityContext.${name}` : `${field}.${name}`, held, limits[name]));
  }
  return { value, conflicts };
}

/** The container's own value: what it has, or what is demanded where neither it nor its Pod has one. */
function complete(name: keyof SecurityContext, own: unknown, ofPod: unknown, demanded: SecurityContext): unknown {
  if (name === 'capabilities') return withCapabilities(asRecord(own), demanded.capabilities);
  return own ?? (ofPod === undefined ? demanded[name] : undefined);
}

function podValue(name: keyof SecurityContext, pod: unknown): unknown {
  return ofPods.has(name) ? present(asRecord(pod)?.[name]) : undefined;
}

function present(value: unknown): unknown {
  return value === null ? undefined : value;
}

function names(context: SecurityContext): readonly (keyof SecurityContext)[] {
  // Keys of an object that is made in this file and by the parser of contracts, which knows no others.
  return Object.keys(context).sort() as (keyof SecurityContext)[];
}

/** Where both speak, the stricter one counts. */
export function strictest(a: SecurityContext, b: SecurityContext): SecurityContext {
  const merged: Record<string, unknown> = { ...a, ...b };
  for (const name of names(a)) {
    const other = b[name];
    if (other === undefined) continue;
    merged[name] =
      name === 'capabilities' ? strictestCapabilities(a, b) : isAsStrict(name, a[name], b) ? a[name] : other;
  }
  return merged;
}

type Capabilities = NonNullable<SecurityContext['capabilities']>;

function strictestCapabilities(
  { capabilities: a = {} }: SecurityContext,
  { capabilities: b = {} }: SecurityContext,
): Capabilities {
  const drop = [...new Set([...(a.drop ?? []), ...(b.drop ?? [])])].sort();
  const both = a.add !== undefined && b.add !== undefined;
  const add = both ? (a.add ?? []).filter((name) => b.add?.includes(name) === true) : (a.add ?? b.add);
  return {
    ...(add === undefined ? {} : { add }),
    ...(drop.length === 0 ? {} : { drop: drop.includes('ALL') ? ['ALL'] : drop }),
  };
}

/** Nothing may be added but what is demanded. */
function limitsOf({ capabilities }: SecurityContext): Capabilities {
  return { ...capabilities, add: capabilities?.add ?? [] };
}

/** Each of the two lists is set where it is absent. */
function withCapabilities(own: Members | undefined, demanded: Capabilities | undefined): unknown {
  if (demanded === undefined) return own;
  const add = present(own?.['add']) ?? demanded.add;
  const drop = present(own?.['drop']) ?? demanded.drop;
  return { ...own, ...(add === undefined ? {} : { add }), ...(drop === undefined ? {} : { drop }) };
}

type Rule = (held: unknown, limit: never) => boolean;

const rules: Readonly<Record<keyof SecurityContext, Rule>> = {
  allowPrivilegeEscalation: (held, limit: boolean) => limit || held === false,
  privileged: (held, limit: boolean) => limit || held === false,
  readOnlyRootFilesystem: (held, limit: boolean) => !limit || held === true,
  runAsNonRoot: (held, limit: boolean) => !limit || held === true,
  // Numbers other than 0 are not ordered: another user than the contract's is no less confined.
  runAsUser: (held, limit: number) => limit === 0 || (typeof held === 'number' && held > 0),
  runAsGroup: (held, limit: number) => limit === 0 || (typeof held === 'number' && held > 0),
  procMount: (held, limit: string) => limit === 'Unmasked' || held === 'Default',
  seccompProfile: isConfined,
  appArmorProfile: isConfined,
  seLinuxOptions: (held, limit: SeLinuxOptions) =>
    Object.entries(limit).every(([name, value]) => asRecord(held)?.[name] === value),
  capabilities: (held, limit: Capabilities) => {
    const add = textsOf(asRecord(held)?.['add']);
    const drop = textsOf(asRecord(held)?.['drop']);
    const isDropped = (name: string): boolean => drop.includes('ALL') || drop.includes(name);
    const demanded = limit.drop ?? [];
    const dropsAll = demanded.includes('ALL') ? drop.includes('ALL') : demanded.every(isDropped);
    return dropsAll && (limit.add === undefined || add.every((name) => limit.add?.includes(name)));
  },
};

/** Confined by some profile is as strict as by the runtime's; a profile of one's own has to be the very one. */
function isConfined(held: unknown, limit: Profile): boolean {
  const { type, localhostProfile } = asRecord(held) ?? {};
  switch (limit.type) {
    case 'Unconfined':
      return true;
    case 'RuntimeDefault':
      return type === 'RuntimeDefault' || type === 'Localhost';
    case 'Localhost':
      return type === 'Localhost' && localhostProfile === limit.localhostProfile;
  }
}

function isAsStrict(name: keyof SecurityContext, held: unknown, limits: SecurityContext): boolean {
  // Each rule is given the limit of its own name.
  return rules[name](held, limits[name] as never);
}

/** The demanded value; of capabilities only the part that is too much is taken back. */
function replacement(name: keyof SecurityContext, held: unknown, limits: SecurityContext): unknown {
  const { capabilities: limit } = limits;
  if (name !== 'capabilities' || limit === undefined) return limits[name];
  const drop = [...new Set([...textsOf(asRecord(held)?.['drop']), ...(limit.drop ?? [])])];
  const add = textsOf(asRecord(held)?.['add']).filter((one) => limit.add === undefined || limit.add.includes(one));
  return { ...asRecord(held), add, ...(drop.length === 0 ? {} : { drop: drop.includes('ALL') ? ['ALL'] : drop }) };
}

function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];
}

function looser(field: string, held: unknown, limit: unknown): Conflict {
  const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 200) ?? 'nothing';
  const message = `${shown(held)} is looser than ${shown(limit)}, which is demanded; write that, or leave it out`;
  return { code: 'CONTRACT_CONFLICT', field, message };
}
