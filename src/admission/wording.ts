/** Outcomes as sentences for people, within what the API server and its clients show. */
import { quoted } from '../kernel/failure.ts';
import type { Violation } from '../policy/verdict.ts';
import type { Outcome } from './outcome.ts';

const messageLimit = 4_000;
const lineLimit = 1_000;
/** The API server cuts a warning at 256 characters and drops what exceeds 4 KiB in all. */
const warningLimit = 255;
const maxWarnings = 12;
const maxNamedFields = 8;

/**
 * One line per violation, the most definite first: code, reason, field, image. Many clients show the beginning only, so
 * the reason comes before the long image name.
 */
export function refusalMessage({ violations }: Outcome, correlationId: string): string {
  const lines: string[] = [];
  let length = 0;
  for (const violation of violations) {
    const line = lineOf(violation, lineLimit);
    if (length + line.length > messageLimit) break;
    lines.push(line);
    length += line.length + 1;
  }
  const left = violations.length - lines.length;
  if (left > 0) lines.push(`… and ${left} more`);
  return `${withoutTriggers(lines.join('\n'))} [request ${correlationId}]`;
}

export function warningTexts({ warnings, notices }: Outcome): readonly string[] {
  const texts = [...warnings.map((warning) => lineOf(warning, warningLimit)), ...notices].map((text) =>
    cut(withoutTriggers(quoted(text, warningLimit)), warningLimit),
  );
  const left = texts.length - maxWarnings;
  return left > 0 ? [...texts.slice(0, maxWarnings), `… and ${left} more`] : texts;
}

export function namedFields(fields: readonly string[]): string {
  const left = fields.length - maxNamedFields;
  const named = fields.slice(0, maxNamedFields).join(', ');
  return left > 0 ? `${named} and ${left} more` : named;
}

function lineOf({ code, message, fields, image }: Violation, limit: number): string {
  const where = fields.length === 0 ? '' : `: ${namedFields(fields)}${image === '' ? '' : ` "${image}"`}`;
  return cut(`${code}: ${message.replaceAll(/[\r\n]+/g, ' ')}${where}`, limit);
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** Tekton and others match these words in a refusal and then blame, or wait for, something else. */
function withoutTriggers(text: string): string {
  return text.replaceAll(/violates PodSecurity|exceeded quota|security context constraint/gi, (found) =>
    found.replaceAll(' ', '-'),
  );
}
