/** What is allowed in a contract but probably not meant. */
import type { ActionContract, InputSpec, Permission } from './model.ts';

export function lintContract(contract: ActionContract): readonly string[] {
  return [
    ...lintLimits(contract),
    ...lintSecurity(contract),
    ...contract.permissions.flatMap(lintPermission),
    ...lintNamespaces(contract),
    ...contract.inputs.flatMap(lintInput),
  ];
}

function lintLimits({ resources: { limits } }: ActionContract): readonly string[] {
  return ['cpu', 'memory']
    .filter((name) => !limits.has(name))
    .map((name) => `spec.resources.limits: no limit for ${name}; the action may take all that its node has`);
}

function lintSecurity({ securityContext: context }: ActionContract): readonly string[] {
  const loose = [
    context.privileged === true ? 'privileged' : undefined,
    context.allowPrivilegeEscalation === true ? 'allowPrivilegeEscalation' : undefined,
    context.procMount === 'Unmasked' ? 'procMount' : undefined,
    context.runAsUser === 0 ? 'runAsUser' : undefined,
    context.seccompProfile?.type === 'Unconfined' ? 'seccompProfile' : undefined,
    context.appArmorProfile?.type === 'Unconfined' ? 'appArmorProfile' : undefined,
    (context.capabilities?.add ?? []).some((name) => name !== 'NET_BIND_SERVICE') ? 'capabilities.add' : undefined,
  ];
  return loose
    .filter((member) => member !== undefined)
    .map((member) => `spec.securityContext.${member}: refused where the floor is restricted`);
}

/** Each of them leads to everything. kubernetes.io/docs/concepts/security/rbac-good-practices */
const escalating: ReadonlySet<string> = new Set(['*', 'escalate', 'bind', 'impersonate']);

function lintPermission(permission: Permission, index: number): readonly string[] {
  const path = `spec.rbac.permissions[${index}]`;
  const { verbs, resources, apiGroups, resourceNames } = permission;
  const wide = [
    ...new Set([...verbs.filter((verb) => escalating.has(verb)), ...[...resources, ...apiGroups].filter(isStar)]),
  ];
  const secrets = apiGroups.includes('') && resources.includes('secrets') && resourceNames.length === 0;
  return [
    ...wide.map((word) => `${path}: "${word}" allows more than an action needs; name what it uses`),
    ...(secrets ? [`${path}: all secrets of a namespace; add resourceNames`] : []),
  ];
}

function isStar(word: string): boolean {
  return word === '*';
}

function lintNamespaces(contract: ActionContract): readonly string[] {
  return (['run', 'target'] as const)
    .filter((member) => contract[member]?.length === 0)
    .map((member) => `spec.namespaces.${member}: an empty list allows no namespace; leave it out to allow all`);
}

function lintInput({ name, pattern }: InputSpec): readonly string[] {
  if (pattern === undefined || /^(\(\?[a-z]+\))?(\^|\\A)[^]*(\$|\\z)$/.test(pattern.source)) return [];
  return [`spec.inputs.${name}.pattern: matches anywhere in the text; write ^…$ to match all of it`];
}
