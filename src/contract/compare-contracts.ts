/**
 * What a new version of a contract breaks for those who use the old one. Within a major version inputs and outputs may be
 * added; nothing may be removed or retyped, no caller may be refused who was not, and the action may do no more than before.
 */
import { stableJson } from '../kernel/stable-json.ts';
import { coversNames } from '../kernel/name-glob.ts';
import type { Glob } from '../kernel/glob.ts';
import { strictest } from './security-lattice.ts';
import { compareInputs, compareOutputs } from './compare-values.ts';
import type { ActionContract, Permission } from './model.ts';
import { printContract } from './print-contract.ts';
import type { SecurityContext } from './security-context.ts';
import { compareVersions } from './version.ts';

export type CompatibilityRule =
  | 'action-renamed'
  | 'version-not-raised'
  | 'input-removed'
  | 'input-retyped'
  | 'input-required'
  | 'input-narrowed'
  | 'output-removed'
  | 'output-retyped'
  | 'permissions-loosened'
  | 'namespaces-loosened'
  | 'security-loosened';

export interface Incompatibility {
  readonly rule: CompatibilityRule;
  readonly path: string;
  readonly message: string;
}

export function compareContracts(before: ActionContract, after: ActionContract): readonly Incompatibility[] {
  return [...compareHeaders(before, after), ...(isFreeToBreak(before, after) ? [] : compareSpecs(before, after))];
}

/** semver.org §4 and §8: another major version, and before 1.0 another minor version, may change everything. */
function isFreeToBreak({ version: a }: ActionContract, { version: b }: ActionContract): boolean {
  return b.major > a.major || (a.major === 0 && b.major === 0 && b.minor > a.minor);
}

function compareHeaders(before: ActionContract, after: ActionContract): readonly Incompatibility[] {
  const found: Incompatibility[] = [];
  if (before.name !== after.name) {
    const message = `is ${after.name}, was ${before.name}: another name is another action`;
    found.push({ rule: 'action-renamed', path: 'metadata.name', message });
  }
  const order = compareVersions(after.version, before.version);
  if (order < 0 || (order === 0 && !isSame(before, after))) {
    const message = `is ${after.version.text}, was ${before.version.text}: a changed contract needs a higher version`;
    found.push({ rule: 'version-not-raised', path: 'metadata.version', message });
  }
  return found;
}

function isSame(before: ActionContract, after: ActionContract): boolean {
  const text = (contract: ActionContract): string =>
    stableJson(printContract({ ...contract, version: before.version }));
  return text(before) === text(after);
}

function compareSpecs(before: ActionContract, after: ActionContract): readonly Incompatibility[] {
  return [
    ...compareInputs(before.inputs, after.inputs),
    ...compareOutputs(before.outputs, after.outputs),
    ...comparePermissions(before.permissions, after.permissions),
    ...compareNamespaces(before, after),
    ...compareSecurity(before, after),
  ];
}

function comparePermissions(before: readonly Permission[], after: readonly Permission[]): readonly Incompatibility[] {
  return after.flatMap((permission, index) => {
    const grant = grants(permission).find((wanted) => !before.some((old) => allows(old, wanted)));
    if (grant === undefined) return [];
    const message = `allows ${sentence(grant)}, which was not allowed`;
    return [{ rule: 'permissions-loosened', path: `spec.rbac.permissions[${index}]`, message } as const];
  });
}

interface Grant {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  /** Absent: every name. */
  readonly name?: string;
}

/** How many there are was limited when the contract was read. */
function grants({ apiGroups, resources, verbs, resourceNames }: Permission): readonly Grant[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb): readonly Grant[] =>
        resourceNames.length === 0
          ? [{ group, resource, verb }]
          : resourceNames.map((name) => ({ group, resource, verb, name })),
      ),
    ),
  );
}

/** kubernetes pkg/registry/rbac/validation ruleCovers, pkg/apis/rbac/v1 ResourceMatches */
function allows({ apiGroups, resources, verbs, resourceNames }: Permission, grant: Grant): boolean {
  const subresource = grant.resource.includes('/') ? `*/${grant.resource.slice(grant.resource.indexOf('/') + 1)}` : '*';
  return (
    has(apiGroups, grant.group) &&
    (has(resources, grant.resource) || resources.includes(subresource)) &&
    has(verbs, grant.verb) &&
    (resourceNames.length === 0 || (grant.name !== undefined && resourceNames.includes(grant.name)))
  );
}

function has(list: readonly string[], wanted: string): boolean {
  return list.includes('*') || list.includes(wanted);
}

function sentence({ group, resource, verb, name }: Grant): string {
  return `"${verb}" of ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` "${name}"`}`;
}

function compareNamespaces(before: ActionContract, after: ActionContract): readonly Incompatibility[] {
  const widened = (['run', 'target'] as const).flatMap((member): readonly Incompatibility[] => {
    const wider = widening(before[member], after[member]);
    if (wider === undefined) return [];
    return [{ rule: 'namespaces-loosened', path: `spec.namespaces.${member}`, message: wider }];
  });
  const unchecked = before.targetInputs
    .filter((name) => before.inputs.some((input) => input.name === name) && !after.targetInputs.includes(name))
    .map((name): Incompatibility => ({
      rule: 'namespaces-loosened',
      path: 'spec.namespaces.targetInputs',
      message: `no longer names ${name}, which was held against the allowlist`,
    }));
  return [...widened, ...unchecked];
}

function widening(before: readonly Glob[] | undefined, after: readonly Glob[] | undefined): string | undefined {
  if (before === undefined) return undefined;
  if (after === undefined) return 'is absent, which allows every namespace';
  const added = after.find((glob) => !before.some((old) => coversNames(old, glob)));
  return added === undefined ? undefined : `allows ${added.source}, which was not allowed`;
}

/** What Kubernetes does where nothing is said, or where that is up to the node, the loosest. */
const silent: SecurityContext = {
  allowPrivilegeEscalation: true,
  appArmorProfile: { type: 'RuntimeDefault' },
  privileged: false,
  procMount: 'Default',
  readOnlyRootFilesystem: false,
  runAsNonRoot: false,
  seccompProfile: { type: 'Unconfined' },
};

function compareSecurity(before: ActionContract, after: ActionContract): readonly Incompatibility[] {
  const old = spokenOut(before.securityContext);
  const own = spokenOut(after.securityContext);
  const strict = strictest(own, old);
  // Of itself, so that lists are written alike.
  const same = strictest(own, own);
  // Names of members are those of the type that both have.
  const members = Object.keys(strict).sort() as (keyof SecurityContext)[];
  return members
    .filter((member) => stableJson(strict[member]) !== stableJson(same[member]))
    .map((member) => ({
      rule: 'security-loosened',
      path: `spec.securityContext.${member}`,
      message: `is ${shown(after.securityContext[member])}, was ${shown(before.securityContext[member])}, which is stricter`,
    }));
}

function spokenOut(context: SecurityContext): SecurityContext {
  return { ...silent, ...context, capabilities: { add: [], ...context.capabilities } };
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : stableJson(value);
}
