import type { DecidedImage, Decision, DecisionReason } from '../../ports/decision-log.ts';

/** Longest text of one member, in UTF-16 units; names that Kubernetes and registries accept are far shorter. */
const textLimit = 1024;
const messageLimit = 4096;
const listLimit = 128;
/** What all limits together may come to, in UTF-16 units; beyond it lists are cut further. */
const jsonLimit = 1024 * 1024;

/**
 * A decision of bounded size as JSON of one line: what a requester wrote can neither fill the log nor start a line of its
 * own. Text that was cut ends with "…"; `cut` counts the images, policies and reasons that were left out.
 */
export function boundedJson(decision: Decision): string {
  return jsonWithin(decision, listLimit);
}

function jsonWithin(decision: Decision, most: number): string {
  const images = decision.images.slice(0, most).map((found) => image(found, most));
  const reasons = decision.reasons.slice(0, most).map(reason);
  const cut = countEntries(decision) - countEntries({ images, reasons });
  const bounded = { ...shortTexts(decision), images, reasons, ...(cut > 0 ? { cut } : {}) };
  const json = escapeLineBreaks(JSON.stringify(bounded));
  return json.length > jsonLimit && most > 1 ? jsonWithin(decision, most / 4) : json;
}

function countEntries({ images, reasons }: Pick<Decision, 'images' | 'reasons'>): number {
  return images.reduce((sum, { policies }) => sum + policies.length, images.length + reasons.length);
}

function image(found: DecidedImage, most: number): DecidedImage {
  return { ...shortTexts(found), policies: found.policies.slice(0, most).map((name) => shorten(name, textLimit)) };
}

function reason(found: DecisionReason): DecisionReason {
  return { ...shortTexts(found), message: shorten(found.message, messageLimit) };
}

/** Copies only when something is too long, which is never so in ordinary requests. */
function shortTexts<T extends object>(value: T): T {
  const long = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].length > textLimit,
  );
  if (long.length === 0) return value;
  return { ...value, ...Object.fromEntries(long.map(([key, text]) => [key, shorten(text, textLimit)])) };
}

function shorten(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

/** JSON leaves C1 controls and the Unicode line separators as they are; some readers end a line there. */
function escapeLineBreaks(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
