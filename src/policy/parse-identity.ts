import { compilePattern, type Pattern } from '../kernel/pattern.ts';
import type { FieldErrors } from './field-errors.ts';
import type { Fields } from './fields.ts';
import type { Identity, TextMatch } from './model.ts';

/** Who may have signed: issuer and subject, each by its text or by a pattern. */
export function parseIdentity(entry: Fields, errors: FieldErrors): Identity {
  return {
    issuer: readMatch(entry, 'issuer', 'issuerRegExp', errors),
    subject: readMatch(entry, 'subject', 'subjectRegExp', errors),
  };
}

/** A match that matches nothing stands in for one that could not be read; the error beside it keeps it out of use. */
const nothing: TextMatch = { kind: 'regexp', pattern: { source: '', matches: () => false, size: 0 } };

function readMatch(entry: Fields, exact: string, regexp: string, errors: FieldErrors): TextMatch {
  const text = entry.filled(exact);
  const source = entry.filled(regexp);
  const paths = [entry.at(exact), entry.at(regexp)];
  errors.exactlyOne(
    [text, source].flatMap((value, index) => (value === undefined ? [] : [paths[index] ?? ''])),
    paths,
  );
  if (text !== undefined) return { kind: 'exact', text };
  if (source === undefined) return nothing;
  const compiled = compilePattern(source);
  const problem = compiled.ok ? tooLarge(compiled.value) : compiled.problem;
  if (compiled.ok && problem === undefined) return { kind: 'regexp', pattern: compiled.value };
  errors.invalid(source, entry.at(regexp), `regex is invalid: ${problem ?? ''}`);
  return nothing;
}

/** It is matched while a request waits. */
const maxPatternSize = 20_000;

function tooLarge({ size }: Pattern): string | undefined {
  return size > maxPatternSize ? `its repeats unfold to ${size} steps, more than ${maxPatternSize}` : undefined;
}
