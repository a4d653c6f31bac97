/** spec.securityContext of a contract, by the rules for a Linux container's. kubernetes pkg/apis/core/validation ValidateSecurityContext */
import { defined } from '../kernel/defined.ts';
import type { FieldErrors } from '../policy/field-errors.ts';
import type { Fields } from '../policy/fields.ts';
import type { Profile, SecurityContext, SeLinuxOptions } from './security-context.ts';

export function readSecurityContext(spec: Fields, errors: FieldErrors): SecurityContext {
  const fields = spec.object('securityContext');
  if (fields === undefined) return {};
  const context: SecurityContext = {
    ...defined('allowPrivilegeEscalation', fields.flag('allowPrivilegeEscalation')),
    ...defined('appArmorProfile', readProfile(fields, 'appArmorProfile', errors)),
    ...defined('capabilities', readCapabilities(fields, errors)),
    ...defined('privileged', fields.flag('privileged')),
    ...defined('procMount', readChoice(fields, 'procMount', procMounts, errors)),
    ...defined('readOnlyRootFilesystem', fields.flag('readOnlyRootFilesystem')),
    ...defined('runAsGroup', readId(fields, 'runAsGroup', errors)),
    ...defined('runAsNonRoot', fields.flag('runAsNonRoot')),
    ...defined('runAsUser', readId(fields, 'runAsUser', errors)),
    ...defined('seLinuxOptions', readSeLinux(fields)),
    ...defined('seccompProfile', readProfile(fields, 'seccompProfile', errors)),
  };
  fields.end();
  checkTogether(context, fields.path, errors);
  return context;
}

const procMounts = ['Default', 'Unmasked'] as const;

function checkTogether(context: SecurityContext, path: string, errors: FieldErrors): void {
  const { allowPrivilegeEscalation, capabilities, privileged, runAsNonRoot, runAsUser } = context;
  if (allowPrivilegeEscalation === false && privileged === true)
    errors.add('privileged includes privilege escalation: allow it, or leave privileged out', path);
  if (allowPrivilegeEscalation === false && capabilities?.add?.includes('SYS_ADMIN') === true)
    errors.add('SYS_ADMIN includes privilege escalation: allow it, or do not add SYS_ADMIN', path);
  if (runAsNonRoot === true && runAsUser === 0) errors.add('runAsNonRoot and user 0 exclude each other', path);
}

function readChoice<T extends string>(
  fields: Fields,
  member: string,
  choices: readonly T[],
  errors: FieldErrors,
): T | undefined {
  const written = fields.text(member);
  const found = choices.find((choice) => choice === written);
  if (written !== undefined && found === undefined)
    errors.invalid(written, fields.at(member), `expected ${choices.join(', ')}`);
  return found;
}

// apimachinery validation.IsValidUserID
const maxId = 2 ** 31 - 1;

function readId(fields: Fields, member: string, errors: FieldErrors): number | undefined {
  const value = fields.raw(member);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxId) return value;
  errors.invalid(value, fields.at(member), `expected an integer from 0 to ${maxId}`);
  return undefined;
}

// capabilities(7), without the prefix that container runtimes put before it.
const capability = /^(?!CAP_)[A-Z][A-Z0-9_]{1,31}$/;

function readCapabilities(fields: Fields, errors: FieldErrors): SecurityContext['capabilities'] {
  const capabilities = fields.object('capabilities');
  if (capabilities === undefined) return undefined;
  const read = (member: 'add' | 'drop'): readonly string[] | undefined => {
    const isGiven = capabilities.has(member);
    const names = capabilities.texts(member);
    for (const [index, name] of names.entries()) {
      if (!capability.test(name))
        errors.invalid(name, `${capabilities.at(member)}[${index}]`, 'expected ALL or a name such as NET_BIND_SERVICE');
    }
    return isGiven ? names : undefined;
  };
  const value = { ...defined('add', read('add')), ...defined('drop', read('drop')) };
  capabilities.end();
  return value;
}

const profileTypes = ['RuntimeDefault', 'Localhost', 'Unconfined'] as const;
const maxPath = 4095;

function readProfile(parent: Fields, member: string, errors: FieldErrors): Profile | undefined {
  const fields = parent.object(member);
  if (fields === undefined) return undefined;
  const type = readChoice(fields, 'type', profileTypes, errors);
  const localhostProfile = fields.text('localhostProfile');
  fields.end();
  if (!fields.has('type')) errors.missing(fields.at('type'));
  const path = fields.at('localhostProfile');
  if (type !== 'Localhost' && localhostProfile !== undefined) errors.forbidden(path);
  if (type === 'Localhost' && localhostProfile === undefined) errors.missing(path);
  if (localhostProfile !== undefined && !isPathBelow(localhostProfile))
    errors.invalid(localhostProfile, path, 'expected a relative path without ".."');
  return { type: type ?? 'RuntimeDefault', ...defined('localhostProfile', localhostProfile) };
}

function isPathBelow(path: string): boolean {
  return (
    path !== '' &&
    path.length <= maxPath &&
    path.trim() === path &&
    !path.startsWith('/') &&
    !path.split('/').includes('..')
  );
}

function readSeLinux(parent: Fields): SeLinuxOptions | undefined {
  const fields = parent.object('seLinuxOptions');
  if (fields === undefined) return undefined;
  const options = {
    ...defined('level', fields.filled('level')),
    ...defined('role', fields.filled('role')),
    ...defined('type', fields.filled('type')),
    ...defined('user', fields.filled('user')),
  };
  fields.end();
  return options;
}
