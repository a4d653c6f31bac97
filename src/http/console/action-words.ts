/** How pages speak of what was run. */
import type { ActionRecord, ActionRecordStatus } from '../../ports/action-history.ts';
import { cut, html, type Html, type Part } from './html.ts';

const words: Readonly<Record<ActionRecordStatus, { readonly sign: string; readonly word: string }>> = {
  executing: { sign: '▷', word: 'Executing' },
  completed: { sign: '✓', word: 'Completed' },
  failed: { sign: '✕', word: 'Failed' },
  skipped: { sign: '–', word: 'Skipped' },
  cancelled: { sign: '◻', word: 'Cancelled' },
};

export function statusWord(status: ActionRecordStatus): string {
  return words[status].word;
}

/** A sign and a word each: colour is never all that tells them apart. */
export function statusBadge(status: ActionRecordStatus): Html {
  const { sign, word } = words[status];
  return html`<span class="badge ${status}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
}

export const engineNames: Readonly<Record<ActionRecord['engine'], string>> = { job: 'Jobs', tekton: 'Tekton' };

/** Without a type only the image says what it does. */
export function whatItDoes({ actionType, image }: ActionRecord): Part {
  if (actionType !== '') return cut(actionType, 120);
  return image === ''
    ? html`<span class="quiet">not known</span>`
    : html`<span class="image">${cut(image, 120)}</span>`;
}

export function howLong(ms: number | undefined): Part {
  if (ms === undefined) return html`<span class="quiet">not known</span>`;
  if (ms < 1_000) return `${ms} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function workflowAddress({ workflowUid }: Pick<ActionRecord, 'workflowUid'>): string {
  return `/console/actions/${encodeURIComponent(workflowUid.toWellFormed())}`;
}
