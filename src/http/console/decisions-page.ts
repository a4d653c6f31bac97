/** /console: what was refused, newest first, narrowed down by filters that are all in the address. */
import { defined } from '../../kernel/defined.ts';
import type { Decision } from '../../ports/decision-log.ts';
import type { ChainPosition, DecisionRecord, RecordPage } from '../../ports/records.ts';
import { filterForm } from './filter-form.ts';
import { decisionsAddress, type Asked, type Filters } from './filters.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page, time } from './layout.ts';
import { noDecisions, total } from './no-decisions.ts';
import { pager } from './pager.ts';
import { table, type Column } from './table.ts';
import { verdictBadge } from './verdict-words.ts';

export interface DecisionsView {
  readonly user?: string;
  readonly asked: Asked;
  /** Absent: nothing was asked, or there was no answer. */
  readonly found?: RecordPage;
  readonly positions?: readonly ChainPosition[];
  /** Why there is no answer. */
  readonly unavailable?: string;
}

export function decisionsPage(view: DecisionsView): Html {
  const { filters } = view.asked;
  const title = filters.verdict === undefined ? 'What was refused' : 'Decisions';
  return page(
    { title, here: 'decisions', ...defined('user', view.user) },
    html`<h1>${title}</h1>
      ${filterForm(filters)} ${problems(view.asked.problems, view.unavailable)}
      ${view.found !== undefined && results(view, view.found)} ${kept(view.positions)}`,
  );
}

/** Why there is no list, if there is a reason. */
export function problems(found: readonly string[], unavailable: string | undefined): Part {
  if (found.length > 0) {
    return html`<div class="notice" role="alert">
      <h2>This cannot be searched for</h2>
      <ul>
        ${found.map((problem) => html`<li>${problem}</li>`)}
      </ul>
    </div>`;
  }
  return unavailable !== undefined && recordsNotice(unavailable);
}

export function recordsNotice(why: string): Html {
  return html`<div class="notice" role="alert">
    <h2>The records are not available</h2>
    <p>
      The reason: ${why.replace(/\.$/, '')}. Load this page again in a moment. Admission does not depend on the records:
      what is refused now will be here later.
    </p>
  </div>`;
}

function results(view: DecisionsView, { records, next }: RecordPage): Html {
  if (records.length === 0) return noDecisions(view.asked, view.positions);
  const { filters, place } = view.asked;
  const first = records[0]?.decision.time ?? '';
  const last = records.at(-1)?.decision.time ?? '';
  const count = records.length === 1 ? '1 decision' : `${records.length} decisions`;
  const caption = html`${count}, newest first${next !== undefined && ', and older ones'}: ${time(last)} to
  ${time(first)}`;
  return html`${table(caption, columnsFor(filters), records)}
  ${pager(place, next, (to) => decisionsAddress(filters, to))}`;
}

function columnsFor(filters: Filters): readonly Column<DecisionRecord>[] {
  return [
    { title: 'Time', cell: ({ decision }) => time(decision.time) },
    { title: 'Verdict', cell: ({ decision }) => verdictBadge(decision.verdict) },
    { title: 'Object', isHeader: true, cell: objectLink },
    { title: 'Reason', cell: ({ decision }) => reasonCell(decision, filters) },
    { title: 'Images', cell: imagesCell },
  ];
}

export function decisionAddress({ decision }: DecisionRecord): string {
  return `/console/decisions/${encodeURIComponent(decision.correlationId.toWellFormed())}`;
}

function objectLink(record: DecisionRecord): Html {
  const { kind, namespace, name } = record.decision;
  return html`<a href="${decisionAddress(record)}">${cut(kind ?? 'Request', 64)} <b>${cut(name ?? '', 80)}</b></a
    >${namespace !== undefined && namespace !== '' && html`<br /><span class="quiet">in ${cut(namespace, 64)}</span>`}`;
}

/** Of several reasons the one that was looked for. */
function reasonCell({ reasons, skipped }: Decision, { code, policy }: Filters): Part {
  const wanted = reasons.find(
    (reason) => (code ?? reason.code) === reason.code && (policy ?? reason.policy) === reason.policy,
  );
  const first = wanted ?? reasons[0];
  if (first === undefined) return html`<span class="quiet">${skipped ?? 'none'}</span>`;
  return html`<code>${first.code}</code>
    ${cut(first.message, 160)}${first.policy !== undefined && html` <span class="quiet">(policy ${cut(first.policy, 64)})</span>`}${reasons.length > 1 && html` <span class="quiet">and ${reasons.length - 1} more</span>`}`;
}

function imagesCell({ decision }: DecisionRecord): Part {
  const [first, ...others] = decision.images;
  if (first === undefined) return html`<span class="quiet">none</span>`;
  return html`<span class="image">${cut(first.image, 120)}</span
    >${others.length > 0 && html` <span class="quiet">and ${others.length} more</span>`}`;
}

function kept(positions: readonly ChainPosition[] | undefined): Part {
  const count = total(positions ?? []);
  if (positions === undefined || count === 0) return undefined;
  const decisions = count === 1 ? 'One decision is' : `${count.toLocaleString('en')} decisions are`;
  const chains = positions.length === 1 ? 'one chain' : `${positions.length} chains`;
  return html`<p class="quiet">${decisions} kept, in ${chains}.</p>`;
}
