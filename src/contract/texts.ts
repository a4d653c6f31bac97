import type { FieldErrors } from '../policy/field-errors.ts';
import type { Fields } from '../policy/fields.ts';

const maxDescription = 4096;
/** Everything but line ends and tabs: a description is shown on terminals. */
const control = /[[\p{Cc}\p{Cf}\p{Cs}]--[\n\t]]/v;

export function readDescription(fields: Fields, errors: FieldErrors): string {
  const text = fields.text('description') ?? '';
  const path = fields.at('description');
  if (text.length > maxDescription) errors.add(`longer than ${maxDescription} characters`, path);
  if (control.test(text)) errors.add('holds control characters', path);
  return text;
}
