/**
 * What contracts and action policies make of a Pod: the Pod as it has to be, and everything in which the one that was
 * sent is outside of them. Doing it again changes nothing. docs/decisions/0009-binding.md
 */
import type { Digest } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionRules, PodSecurityLevel } from '../policy/action-policy.ts';
import { bindAccount } from './bind-account.ts';
import { allowedTargets, bindInputs, isAllowed } from './bind-inputs.ts';
import { bindResources } from './bind-resources.ts';
import { bindSecurityContext } from './bind-security-context.ts';
import type { Conflict, Settled } from './conflict.ts';
import type { ActionContract } from './model.ts';
import { podSecurityConflicts, strictestLevel } from './pod-security.ts';

type Members = Readonly<Record<string, unknown>>;

/** One container that runs an action, by what it is bound. */
export interface Binding {
  readonly list: 'containers' | 'initContainers' | 'ephemeralContainers';
  readonly index: number;
  readonly digest: Digest;
  readonly rules: ActionRules;
  /** Absent: the image has none, and none is demanded. */
  readonly contract?: ActionContract;
}

export interface PodToBind {
  readonly podSpec: Members;
  /** Of the Pod, or of the template that Pods are made from. */
  readonly annotations: Members;
  readonly namespace: string;
  /** Of a Pod that runs already only containers can be set. */
  readonly containersOnly: boolean;
}

export interface BoundPod<B> {
  readonly podSpec: Members;
  readonly annotations: Members;
  readonly conflicts: readonly BindingConflict<B>[];
}

export interface BindingConflict<B> extends Conflict {
  /** Whose demand it is. */
  readonly binding: B;
}

export function bindPod<B extends Binding>(pod: PodToBind, bindings: readonly B[]): BoundPod<B> {
  const { podSpec, annotations, namespace, containersOnly } = pod;
  const conflicts: BindingConflict<B>[] = [];
  const collect = <T>(binding: B, { value, conflicts: found }: Settled<T>): T => {
    conflicts.push(...found.map((conflict) => ({ ...conflict, binding })));
    return value;
  };
  let bound = podSpec;
  for (const binding of bindings) {
    collect(binding, whereItRuns(binding, namespace));
    bound = withContainer(bound, binding, (container) => collect(binding, bindContainer(binding, container, podSpec)));
  }
  const strictest = strictestBinding(bindings);
  if (strictest !== undefined) {
    const found = podSecurityConflicts(strictest.rules.podSecurity, bound);
    collect(strictest, { value: undefined, conflicts: found });
  }
  if (containersOnly) return { podSpec: bound, annotations, conflicts };
  const demands = bindings.flatMap((binding) =>
    binding.contract === undefined ? [] : [{ binding, contract: binding.contract, rules: binding.rules }],
  );
  const [first] = demands;
  if (first !== undefined) bound = collect(first.binding, bindAccount(bound, demands));
  return { podSpec: bound, annotations: { ...withoutOurs(annotations), ...told(bindings) }, conflicts };
}

function whereItRuns({ contract, rules }: Binding, namespace: string): Settled<undefined> {
  const lists = contract?.run === undefined ? rules.namespaces : [...rules.namespaces, contract.run];
  if (isAllowed(lists, namespace)) return { value: undefined, conflicts: [] };
  const names = contract?.run === undefined ? rules.policies : [...rules.policies, `the contract of ${contract.name}`];
  const message = `namespace ${namespace} is not in the allowlist of ${names.join(', ')}`;
  return { value: undefined, conflicts: [{ code: 'NAMESPACE_NOT_ALLOWED', field: '', message }] };
}

function withContainer(podSpec: Members, { list, index }: Binding, change: (container: Members) => Members): Members {
  const containers: readonly unknown[] = Array.isArray(podSpec[list]) ? podSpec[list] : [];
  return { ...podSpec, [list]: containers.map((item, at) => (at === index ? change(asRecord(item) ?? {}) : item)) };
}

function bindContainer(
  { list, index, contract, rules }: Binding,
  container: Members,
  podSpec: Members,
): Settled<Members> {
  const field = `${list}[${index}]`;
  const { onConflict } = rules.contract;
  const demanded = { ...defined('contract', contract?.securityContext), floor: rules.podSecurity };
  const security = bindSecurityContext(
    demanded,
    container['securityContext'],
    podSpec['securityContext'],
    onConflict,
    `${field}.securityContext`,
  );
  const secured = isEmpty(security.value) ? container : { ...container, securityContext: security.value };
  if (contract === undefined) return { value: secured, conflicts: security.conflicts };
  const inputs = bindInputs(contract, rules.targets, container['env'], `${field}.env`);
  const value = { ...secured, ...(inputs.value.length === 0 ? {} : { env: inputs.value }) };
  const conflicts = [...security.conflicts, ...inputs.conflicts];
  // core/v1 EphemeralContainerCommon: "Resources are not allowed for ephemeral containers."
  if (list === 'ephemeralContainers') return { value, conflicts };
  const resources = bindResources(contract.resources, container['resources'], onConflict, `${field}.resources`);
  const limited = isEmpty(resources.value) ? value : { ...value, resources: resources.value };
  return { value: limited, conflicts: [...conflicts, ...resources.conflicts] };
}

function strictestBinding<B extends Binding>(bindings: readonly B[]): B | undefined {
  const level = bindings.reduce<PodSecurityLevel>(
    (most, { rules }) => strictestLevel(most, rules.podSecurity),
    'privileged',
  );
  return bindings.find(({ rules }) => rules.podSecurity === level);
}

export const contractAnnotation = 'countersign.dev/contract';
export const targetsAnnotation = 'countersign.dev/allowed-namespaces';

/** For people and for the action; nothing here is ever read as proof. */
function told(bindings: readonly Binding[]): Readonly<Record<string, string>> {
  const contracts = bindings.flatMap(({ contract, digest }) =>
    contract === undefined ? [] : [`${contract.name}@${contract.version.text} ${digest}`],
  );
  const lists = bindings.flatMap(({ rules, contract }) =>
    contract?.target === undefined ? rules.targets : [...rules.targets, contract.target],
  );
  const targets = allowedTargets(lists);
  return {
    ...(contracts.length === 0 ? {} : { [contractAnnotation]: [...new Set(contracts)].join(', ') }),
    ...(targets === undefined ? {} : { [targetsAnnotation]: targets.join(',') }),
  };
}

/** Whatever somebody else wrote there. */
function withoutOurs({ [contractAnnotation]: _contract, [targetsAnnotation]: _targets, ...others }: Members): Members {
  return others;
}

function isEmpty(members: Members): boolean {
  return Object.keys(members).length === 0;
}
