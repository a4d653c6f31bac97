import { RE2JS } from 're2js';
import { quoted } from './failure.ts';

/**
 * A regular expression with RE2 syntax and RE2 time bounds: linear in the text, whatever the pattern. JavaScript's own
 * engine accepts other syntax and is exponential on hostile patterns.
 */
export interface Pattern {
  readonly source: string;
  /** Finds the pattern anywhere in the text; Go's `MatchString`. */
  readonly matches: (text: string) => boolean;
  /** Instructions it was compiled to, counted repeats unfolded: time to match is at most text × size. */
  readonly size: number;
}

/** Shorter than any real identity pattern is long; compiled automata grow with the source. */
const limit = 4096;

export function compilePattern(source: string): { ok: true; value: Pattern } | { ok: false; problem: string } {
  if (source.length > limit) return { ok: false, problem: `regular expression is longer than ${limit} characters` };
  try {
    const compiled = RE2JS.compile(source);
    return {
      ok: true,
      value: { source, matches: (text) => compiled.matcher(text).find(), size: compiled.programSize() },
    };
  } catch (error) {
    return {
      ok: false,
      problem: quoted(asGoSays(error instanceof Error ? error.message : 'not a regular expression')),
    };
  }
}

/** Go ends every message with the part that is wrong, also when that is nothing. */
function asGoSays(message: string): string {
  return message.endsWith('trailing backslash at end of expression') ? `${message}: \`\`` : message;
}
