import type { Decision } from '../../ports/decision-log.ts';
import { html, type Html } from './html.ts';

type Verdict = Decision['verdict'];

/** A sign and a word each: colour is never all that tells them apart. */
const words: Readonly<Record<Verdict, { readonly sign: string; readonly word: string; readonly meaning: string }>> = {
  refuse: { sign: '✕', word: 'Refused', meaning: 'Refused: a policy says no.' },
  unavailable: {
    sign: '◷',
    word: 'Undecided',
    meaning: 'Not let in: it could not be decided. The same may pass later.',
  },
  error: { sign: '!', word: 'Error', meaning: 'Not let in: the request makes no sense, or the program failed.' },
  warn: { sign: '△', word: 'Warned', meaning: 'Let in with a warning.' },
  admit: { sign: '✓', word: 'Admitted', meaning: 'Let in.' },
  skip: { sign: '–', word: 'Not judged', meaning: 'Let in: not judged.' },
};

export function verdictWord(verdict: Verdict): string {
  return words[verdict].word;
}

export function verdictMeaning(verdict: Verdict): string {
  return words[verdict].meaning;
}

export function verdictBadge(verdict: Verdict): Html {
  const { sign, word } = words[verdict];
  return html`<span class="badge ${verdict}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
}
