/** /console/policies/KIND/NAME: one policy as it is in force, and what was decided by it of late. */
import { defined } from '../../kernel/defined.ts';
import type { DecidedImage } from '../../ports/decision-log.ts';
import type { DecisionRecord } from '../../ports/records.ts';
import { decisionAddress, recordsNotice } from './decisions-page.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page, time } from './layout.ts';
import { stateBadge } from './policies-page.ts';
import type { PolicyEntry } from './policy-entries.ts';
import { policyText } from './policy-text.ts';
import { facts, table, type Column } from './table.ts';
import { verdictBadge } from './verdict-words.ts';

export interface PolicyView {
  readonly user?: string;
  readonly entry: PolicyEntry;
  readonly warnings: readonly string[];
  /** Decisions in which the policy had a say, newest first; absent: not known. */
  readonly records?: readonly DecisionRecord[];
  readonly unavailable?: string;
}

export function policyPage({ user, entry, warnings, records, unavailable }: PolicyView): Html {
  const { kind, name, state, mode, images, messages, consequence, document } = entry;
  return page(
    { title: `${kind} ${cut(name, 80)}`, here: 'policies', ...defined('user', user) },
    html`<p><a href="/console/policies">All policies</a></p>
      <h1>${kind} ${name}</h1>
      ${facts([
        ['State', stateBadge(state)],
        ['Mode', mode],
        ['Source', document?.where],
        ['Effect', consequence],
      ])}
      ${
        messages.length > 0 &&
        html`<div class="notice">
          <h2>What is wrong</h2>
          <ul>
            ${messages.map((message) => html`<li class="message">${message}</li>`)}
          </ul>
        </div>`
      }
      ${hints(warnings)}
      <h2>Images</h2>
      <ul>
        ${images.map((image) => html`<li class="image">${image}</li>`)}
      </ul>
      <h2>${state === 'broken' && document !== undefined ? 'Text of the version that is in force' : 'Text'}</h2>
      ${document === undefined ? html`<p>It cannot be shown: no version of it was ever good. Repair it at its source.</p>` : policyText(document.written)}
      <h2>Recent decisions</h2>
      ${unavailable !== undefined && recordsNotice(unavailable)} ${records !== undefined && recent(records, name)}`,
  );
}

function hints(warnings: readonly string[]): Part {
  if (warnings.length === 0) return undefined;
  return html`<h2>What is probably not meant</h2>
    <ul>
      ${warnings.map((warning) => html`<li class="message">${warning}</li>`)}
    </ul>`;
}

interface Seen {
  readonly record: DecisionRecord;
  readonly image: DecidedImage;
}

const maxShown = 50;

/** Every image once, with the newest decision about it. */
function recent(records: readonly DecisionRecord[], policy: string): Html {
  const seen = new Map<string, Seen>();
  for (const record of records) {
    for (const image of record.decision.images) {
      const key = `${image.image} ${image.digest ?? ''}`;
      if (image.policies.includes(policy) && !seen.has(key)) seen.set(key, { record, image });
    }
  }
  if (seen.size === 0) return html`<p>None of the decisions that are kept is about an image of this policy.</p>`;
  const all = `/console?${new URLSearchParams({ verdict: 'all', policy }).toString()}`;
  return html`${table('Images, each with the newest decision about it', columns, [...seen.values()].slice(0, maxShown))}
    <p><a href="${all}">All decisions of this policy</a></p>`;
}

const columns: readonly Column<Seen>[] = [
  { title: 'Image', isHeader: true, cell: ({ image }) => html`<span class="image">${cut(image.image, 200)}</span>` },
  { title: 'Verdict', cell: ({ record }) => verdictBadge(record.decision.verdict) },
  { title: 'Time', cell: ({ record }) => html`<a href="${decisionAddress(record)}">${time(record.decision.time)}</a>` },
];
