/**
 * What contracts and action policies make of a Pod: the Pod as it has to be, and everything in which the one that was
 * sent is outside of them. Doing it again changes nothing. docs/decisions/0009-binding.md
 */
import type { Digest } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionMode, ActionRules, PodSecurityLevel } from '../policy/action-policy.ts';
import { bindAccount, type BoundAccount } from './bind-account.ts';
import { bindHostNamespaces } from './bind-host-namespaces.ts';
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
  /** `set`: what is absent is set. `tell`: no more than its annotations are. `check`: nothing is changed at all. */
  readonly effect: 'set' | 'tell' | 'check';
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

export function bindPod<B extends Binding>(pod: PodToBind, given: readonly B[]): BoundPod<B> {
  const { podSpec, annotations, namespace, containersOnly } = pod;
  // Where two demand different things of the Pod that they share, the stricter mode settles it.
  const bindings = [...given].sort((a, b) => modes.indexOf(a.rules.mode) - modes.indexOf(b.rules.mode));
  const conflicts: BindingConflict<B>[] = [];
  const collect = (binding: B, found: readonly Conflict[]): void => {
    conflicts.push(...found.map((conflict) => ({ ...conflict, binding })));
  };
  let bound = podSpec;
  for (const binding of bindings) {
    collect(binding, whereItRuns(binding, namespace));
    const unshared = bindHostNamespaces(bound, binding, containersOnly);
    collect(binding, unshared.conflicts);
    if (binding.effect === 'set') bound = unshared.value;
    const container = containerOf(bound, binding);
    const settled = bindContainer(binding, container, podSpec);
    collect(binding, settled.conflicts);
    if (binding.effect === 'set') bound = withContainer(bound, binding, settled.value);
  }
  if (!containersOnly) {
    const account = boundAccount(bound, bindings);
    bound = account.podSpec;
    for (const { demand, conflict } of account.conflicts) collect(demand, [conflict]);
  }
  for (const binding of strictestOfModes(bindings)) {
    const { mode, podSecurity } = binding.rules;
    const isChecked = ({ effect, rules }: B): boolean =>
      effect !== 'set' && modes.indexOf(rules.mode) <= modes.indexOf(mode);
    collect(binding, podSecurityConflicts(podSecurity, onceSet(bound, bindings.filter(isChecked)), annotations));
  }
  const isTold = !containersOnly && bindings.some(({ effect }) => effect !== 'check');
  return { podSpec: bound, annotations: isTold ? withOurs(annotations, given) : annotations, conflicts };
}

/** What is only checked is checked as it will be, not for what is absent yet. */
function onceSet(podSpec: Members, checked: readonly Binding[]): Members {
  return checked.reduce(
    (pod, binding) => withContainer(pod, binding, bindContainer(binding, containerOf(pod, binding), pod).value),
    podSpec,
  );
}

/** From strict to loose. */
const modes: readonly ActionMode[] = ['enforce', 'warn', 'audit'];

function boundAccount<B extends Binding>(podSpec: Members, bindings: readonly B[]): BoundAccount<B> {
  const isSet = ({ effect }: B): boolean => effect === 'set';
  const account = bindAccount(podSpec, bindings.filter(isSet));
  const checked = bindings
    .filter((binding) => !isSet(binding))
    .map((binding) => bindAccount(account.podSpec, [binding]));
  return { ...account, conflicts: [account, ...checked].flatMap(({ conflicts }) => conflicts) };
}

function whereItRuns({ contract, rules }: Binding, namespace: string): readonly Conflict[] {
  const lists = contract?.run === undefined ? rules.namespaces : [...rules.namespaces, contract.run];
  if (isAllowed(lists, namespace)) return [];
  const own = contract?.run === undefined ? [] : [`the contract of ${contract.name}`];
  const names = [...(rules.namespaces.length === 0 ? [] : rules.policies), ...own];
  const message = `namespace ${namespace} is not in the allowlist of ${names.join(', ')}`;
  return [{ code: 'NAMESPACE_NOT_ALLOWED', field: '', message }];
}

function containersOf(podSpec: Members, list: Binding['list']): readonly unknown[] {
  return Array.isArray(podSpec[list]) ? podSpec[list] : [];
}

function containerOf(podSpec: Members, { list, index }: Binding): Members {
  return asRecord(containersOf(podSpec, list)[index]) ?? {};
}

function withContainer(podSpec: Members, { list, index }: Binding, container: Members): Members {
  return { ...podSpec, [list]: containersOf(podSpec, list).with(index, container) };
}

function bindContainer(binding: Binding, container: Members, podSpec: Members): Settled<Members> {
  const { list, index, contract, rules } = binding;
  const field = `${list}[${index}]`;
  const { onConflict } = rules.contract;
  const security = bindSecurityContext(
    { ...defined('contract', contract?.securityContext), floor: rules.podSecurity },
    container['securityContext'],
    podSpec,
    onConflict,
    `${field}.securityContext`,
  );
  const inputs = bindInputs(binding, container, `${field}.env`);
  // core/v1 EphemeralContainerCommon: "Resources are not allowed for ephemeral containers."
  const resources =
    contract === undefined || list === 'ephemeralContainers'
      ? { value: {}, conflicts: [] }
      : bindResources(contract.resources, container['resources'], onConflict, `${field}.resources`);
  const value = {
    ...container,
    ...(isEmpty(security.value) ? {} : { securityContext: security.value }),
    ...(inputs.value.length === 0 ? {} : { env: inputs.value }),
    ...(isEmpty(resources.value) ? {} : { resources: resources.value }),
  };
  return { value, conflicts: [...security.conflicts, ...inputs.conflicts, ...resources.conflicts] };
}

/** Of each mode the one that demands most of the Pod as a whole, unless a stricter mode demands as much. */
function strictestOfModes<B extends Binding>(bindings: readonly B[]): readonly B[] {
  const levelOf = (some: readonly B[]): PodSecurityLevel =>
    some.reduce<PodSecurityLevel>((most, { rules }) => strictestLevel(most, rules.podSecurity), 'privileged');
  return modes.flatMap((mode, at) => {
    const level = levelOf(bindings.filter(({ rules }) => rules.mode === mode));
    const above = levelOf(bindings.filter(({ rules }) => modes.indexOf(rules.mode) < at));
    const one = bindings.find(({ rules }) => rules.mode === mode && rules.podSecurity === level);
    return one === undefined || (at > 0 && strictestLevel(above, level) === above) ? [] : [one];
  });
}

const contractAnnotation = 'countersign.dev/contract';
const targetsAnnotation = 'countersign.dev/allowed-namespaces';

/** For people and for the action; nothing here is ever read as proof. What somebody else wrote there is gone. */
function withOurs(annotations: Members, bindings: readonly Binding[]): Members {
  const { [contractAnnotation]: _contract, [targetsAnnotation]: _targets, ...others } = annotations;
  return { ...others, ...told(bindings.filter(({ effect }) => effect !== 'check')) };
}

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

function isEmpty(members: Members): boolean {
  return Object.keys(members).length === 0;
}
