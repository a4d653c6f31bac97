import { compilePattern, type Pattern } from '../kernel/pattern.ts';
import type { FieldErrors } from './field-errors.ts';
import type { Fields } from './fields.ts';
import type { Identity, TextMatch } from './model.ts';

/** Who may have signed: issuer and subject, each by its text or by a pattern. */
export function parseIdentity(entry: Fields, errors: FieldErrors): Identity {
  return {
    issuer: readMatch(entry, 'issuer', 'issuerRegExp', errors),
    subject: readSubject(readMatch(entry, 'subject', 'subjectRegExp', errors)),
  };
}

/**
 * No address of a workflow ends in a star, so who writes one means all that is below it; the linter says how to be exact.
 * An owner has to be named: a whole host is nobody. docs/decisions/0011-subjects-with-a-star.md
 */
function readSubject(match: TextMatch): TextMatch {
  const prefix =
    match.kind === 'exact' ? /^([a-z][a-z0-9+.-]*:\/\/[^/*]+\/[^*]+\/)\*$/.exec(match.text)?.[1] : undefined;
  return prefix === undefined ? match : { kind: 'below', prefix };
}

/** A match that matches nothing stands in for one that could not be read; the error beside it keeps it out of use. */
const nothing: TextMatch = { kind: 'regexp', pattern: { source: '', matches: () => false, size: 0 } };

function readMatch(entry: Fields, exact: string, regexp: string, errors: FieldErrors): TextMatch {
  const text = entry.filled(exact);
  const source = entry.filled(regexp);
  const paths = [entry.at(exact), entry.at(regexp)];
  if (text === undefined && source === undefined) for (const path of paths) errors.missing(path);
  if (text !== undefined && source !== undefined) errors.both(paths);
  if (source !== undefined) return readPattern(source, entry.at(regexp), errors);
  return text === undefined ? nothing : { kind: 'exact', text };
}

function readPattern(source: string, path: string, errors: FieldErrors): TextMatch {
  const compiled = compilePattern(source);
  const problem = compiled.ok ? tooLarge(compiled.value) : compiled.problem;
  if (compiled.ok && problem === undefined) return { kind: 'regexp', pattern: compiled.value };
  errors.invalid(source, path, `regex is invalid: ${problem ?? ''}`);
  return nothing;
}

/** It is matched while a request waits. */
const maxPatternSize = 20_000;

function tooLarge({ size }: Pattern): string | undefined {
  return size > maxPatternSize ? `its repeats unfold to ${size} steps, more than ${maxPatternSize}` : undefined;
}
