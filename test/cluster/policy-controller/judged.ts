/** What comes of an object that somebody wants to create, told in one vocabulary whoever judges. */
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { Answer } from '../gate/api.ts';

export interface Judged {
  readonly verdict: 'admitted' | 'warned' | 'refused';
  /** What was said: of a refusal the message, otherwise the warnings. */
  readonly said: string;
}

const denial = /^admission webhook "[^"]+" denied the request: /;

export function judged({ status, headers, text }: Answer): Judged {
  const warnings = warningsOf(headers['warning']);
  if (status < 300) return { verdict: warnings === '' ? 'admitted' : 'warned', said: warnings };
  const message = String(asRecord(JSON.parse(text))?.['message']);
  // Anything else is no verdict of a webhook: the case is wrong.
  if (!denial.test(message)) throw new Error(`${status}: ${message}`);
  return { verdict: 'refused', said: message.replace(denial, '') };
}

/** RFC 7234 §5.5: 299 - "text". Quotes in the text are told as they are in a refusal. */
function warningsOf(header: string | readonly string[] | undefined): string {
  const lines = [header ?? []].flat().join(', ');
  return [...lines.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)]
    .map(([, text = '']) => text.replaceAll('\\"', '"'))
    .join('\n');
}

/** What policy-controller's words mean, as our codes. */
const meanings: readonly (readonly [RegExp, readonly string[]])[] = [
  [/no matching policies:/, ['NO_MATCHING_POLICY']],
  [/must be an image digest/, ['IMAGE_NOT_FOUND']],
  [/disallowed by static policy/, ['STATIC_FAIL']],
  [/no signatures found/, ['SIGNATURE_MISSING']],
  [/failed evaluating (?:cue|rego) policy for|(?:^|\s)warning: /, ['POLICY_UNSATISFIED']],
  [/no matching attestations with type|no matching attestations: *$|no valid bundles exist/m, ['ATTESTATION_MISSING']],
  [/accepted signatures do not match threshold/, ['SIGNATURE_INVALID']],
  [/none of the expected identities matched/, ['IDENTITY_MISMATCH']],
  [/no matching (?:signatures|attestations): empty key/, ['KEY_MISMATCH']],
  [/invalid signature when validating|verification error/, ['SIGNATURE_INVALID', 'KEY_MISMATCH']],
  [/searching log query/, ['TLOG_MISSING']],
  [/certificate has expired/, ['CERTIFICATE_EXPIRED']],
];

/** The codes of which one must be ours; none when nothing was said. */
function codesFor({ said }: Judged): readonly string[] {
  return meanings.filter(([words]) => words.test(said)).flatMap(([, codes]) => codes);
}

/** The first line is the most definite. */
function codeOf({ said }: Judged): string | undefined {
  return /^([A-Z_]+): /.exec(said)?.[1];
}

/** What authors of policies wrote themselves, or engines say of it: word for word the same. */
function wordsOfAuthors({ said }: Judged): string {
  const words = /(?:failed evaluating (?:cue|rego) policy for .*|disallowed by static policy: \S.*)$/s;
  return oneLine(words.exec(said)?.[0] ?? '');
}

const oneLine = (text: string): string => text.trim().replaceAll(/\s+/g, ' ');

/** Places that a refusal names. */
function fieldsOf({ said }: Judged): readonly string[] {
  return [...new Set(said.match(/\bspec\.[a-zA-Z.]+\[\d+\]\.image\b/g))];
}

export interface Comparison {
  readonly verdict: string;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly words: string;
}

/** What is compared, of policy-controller. */
export function comparable(theirs: Judged): Comparison {
  const reason = codesFor(theirs).length === 0 ? `not known: ${theirs.said}` : 'the same';
  return {
    verdict: theirs.verdict,
    reason: theirs.verdict === 'admitted' ? 'none' : reason,
    fields: fieldsOf(theirs),
    words: wordsOfAuthors(theirs),
  };
}

/** The same of ours, with every difference spelt out. */
export function compared(ours: Judged, theirs: Judged): Comparison {
  const isSame = codesFor(theirs).includes(codeOf(ours) ?? '');
  const reason = isSame ? 'the same' : `${ours.said}\ninstead of ${theirs.said}`;
  const words = wordsOfAuthors(theirs);
  return {
    verdict: ours.verdict,
    reason: ours.verdict === 'admitted' ? 'none' : reason,
    fields: fieldsOf(ours),
    words: oneLine(ours.said).includes(words) ? words : ours.said,
  };
}
