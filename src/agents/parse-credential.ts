/** What of Secrets goes into a Pod, and how: all keys or one, as variables or as files. The Secrets themselves are never read. */
import { defined } from '../kernel/defined.ts';
import type { Members } from '../workflow/fields.ts';
import { readFileMode } from './file-mode.ts';
import type { Credential } from './model.ts';
import { requiredName } from './parse-context.ts';
import { dataKey, path, shortText, variableName } from './rules.ts';

const maxCredentials = 200;

export function readCredentials(spec: Members): readonly Credential[] {
  return spec.objects('credentials', maxCredentials, readCredential);
}

function readCredential(members: Members): Credential {
  const reference = members.object('secretRef');
  if ((members.raw('name') ?? '') === '') members.complain('name', 'is missing; give the credential one');
  const credential = {
    name: members.text('name', shortText) ?? '',
    secret: requiredName(reference, 'name a Secret'),
    ...defined('key', reference.text('key', dataKey)),
    ...defined('env', members.text('env', variableName)),
    ...defined('mountPath', members.text('mountPath', path)),
    ...defined('fileMode', readFileMode(members)),
  };
  if (!isThere(reference, 'key') && isThere(members, 'env')) {
    members.complain('env', 'names one variable, and the Secret has many keys; name one in secretRef.key');
  }
  if (isThere(reference, 'key') && !isThere(members, 'env') && !isThere(members, 'mountPath')) {
    reference.complain('key', 'goes nowhere; write env for a variable or mountPath for a file');
  }
  return credential;
}

function isThere(members: Members, name: string): boolean {
  return (members.raw(name) ?? '') !== '';
}
