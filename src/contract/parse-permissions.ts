/** spec.rbac of a contract, by the rules for a Role's. kubernetes pkg/apis/rbac/validation ValidatePolicyRule, namespaced */
import type { FieldErrors } from '../policy/field-errors.ts';
import type { Fields } from '../policy/fields.ts';
import type { Permission } from './model.ts';

const maxPermissions = 50;
/** Of one permission: groups × resources × verbs × names. */
const maxGrants = 2000;

/** Nothing said is nothing allowed. */
export function readPermissions(spec: Fields, errors: FieldErrors): readonly Permission[] {
  const rbac = spec.object('rbac');
  if (rbac === undefined) return [];
  const permissions = rbac.objects('permissions', (entry) => readPermission(entry, errors));
  if (permissions.length > maxPermissions) errors.add(`more than ${maxPermissions} items`, rbac.at('permissions'));
  rbac.end();
  return permissions;
}

function readPermission(entry: Fields, errors: FieldErrors): Permission {
  const permission = {
    // The empty text is the core group.
    apiGroups: readTexts(entry, 'apiGroups', /^$|^\*$|^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, errors),
    resources: readTexts(entry, 'resources', /^(\*|[a-z0-9-]{1,63})(\/(\*|[a-z0-9-]{1,63}))?$/, errors),
    verbs: readTexts(entry, 'verbs', /^(\*|[a-z]{1,63})$/, errors),
    resourceNames: readTexts(entry, 'resourceNames', /^[^\s/%]{1,253}$/, errors),
  };
  for (const member of ['apiGroups', 'resources', 'verbs'] as const) {
    if (permission[member].length === 0) errors.missing(entry.at(member));
  }
  const { apiGroups, resources, verbs, resourceNames } = permission;
  if (apiGroups.length * resources.length * verbs.length * Math.max(1, resourceNames.length) > maxGrants)
    errors.add(`more than ${maxGrants} combinations; split it or use "*"`, entry.path);
  return permission;
}

function readTexts(entry: Fields, member: keyof Permission, form: RegExp, errors: FieldErrors): readonly string[] {
  const texts = entry.texts(member);
  for (const [index, text] of texts.entries()) {
    if (!form.test(text)) errors.invalid(text, `${entry.at(member)}[${index}]`, `not valid in ${member}`);
  }
  return texts;
}
