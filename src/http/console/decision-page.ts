/** /console/decisions/ID: everything about one request, and what to do about it. */
import { defined } from '../../kernel/defined.ts';
import type { Decision, DecisionReason } from '../../ports/decision-log.ts';
import type { DecisionRecord } from '../../ports/records.ts';
import { adviceFor, type AdviceSubject, type Step } from './advice.ts';
import { decisionAddress } from './decisions-page.ts';
import { phaseName, recordDetails } from './decision-details.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page, time } from './layout.ts';
import { policyAddress, stateBadge } from './policies-page.ts';
import type { PolicyEntry } from './policy-entries.ts';
import { policyText } from './policy-text.ts';
import { facts, table, type Column } from './table.ts';
import { verdictBadge, verdictMeaning, verdictWord } from './verdict-words.ts';

export interface DecisionView {
  readonly user?: string;
  /** All of one request, oldest first; at least one. */
  readonly records: readonly [DecisionRecord, ...DecisionRecord[]];
  /** Policies that the reasons name, as far as they are there now. */
  readonly policies: readonly PolicyEntry[];
  /** Generation of the policies that are in force now. */
  readonly snapshot?: string;
  readonly ofObject: readonly DecisionRecord[];
  readonly ofImage: readonly DecisionRecord[];
}

/** A request that was judged by several webhooks, or tried again under its uid. */
const maxRecords = 20;

export function decisionPage(view: DecisionView): Html {
  const { records, user } = view;
  const { verdict, kind, name, namespace } = records[0].decision;
  const object = [kind ?? 'Request', name].filter((part) => part !== undefined && part !== '').join(' ');
  const place = namespace === undefined || namespace === '' ? '' : ` in ${namespace}`;
  const shown = records.slice(0, maxRecords);
  const isSeveral = records.length > 1;
  return page(
    { title: `${verdictWord(verdict)}: ${cut(object, 80)}`, here: 'decisions', ...defined('user', user) },
    html`<p><a href="/console">All decisions</a></p>
      <h1>${object}${place}</h1>
      ${shown.map(({ decision }) => outcome(decision, isSeveral))} ${fixes(records.map(({ decision }) => decision))}
      ${policyTexts(view)} ${shown.map((record) => recordDetails(record, isSeveral))}
      ${records.length > maxRecords && html`<p>${records.length - maxRecords} more records of this request are not shown.</p>`}
      ${related('Other decisions about this object', view.ofObject)}
      ${related('Other decisions about its first image', view.ofImage)}`,
  );
}

/** What was answered, and why. */
function outcome(decision: Decision, isOneOfSeveral: boolean): Html {
  return html`<section>
    ${isOneOfSeveral && html`<h2>${phaseName(decision.phase)}</h2>`}
    <p class="verdict">${verdictBadge(decision.verdict)} ${verdictMeaning(decision.verdict)}</p>
    ${reasons(isOneOfSeveral ? html`<h3>Why</h3>` : html`<h2>Why</h2>`, decision.reasons)}
    ${reasons(html`<h3>What policies that only watch would have refused</h3>`, decision.audited ?? [])}
  </section>`;
}

function reasons(heading: Html, found: readonly DecisionReason[]): Part {
  if (found.length === 0) return undefined;
  return html`${heading}
    <ul class="reasons">
      ${found.map(
        ({ code, message, field, image, policy }) =>
          html`<li>
            <p><code class="code">${code}</code> <span class="message">${message}</span></p>
            ${facts([
              ['Image', image !== undefined && html`<span class="image">${image}</span>`],
              ['Field', field !== undefined && html`<code>${field}</code>`],
              ['Policy', policy],
            ])}
          </li> `,
      )}
    </ul>`;
}

/** Each code once, with the first image and policy that it is about. */
function fixes(decisions: readonly Decision[]): Part {
  const subjects = new Map<string, AdviceSubject>();
  for (const { reasons: found, images, namespace } of decisions) {
    for (const { code, image, policy } of found) {
      const digest = images.find((one) => one.image === image)?.digest;
      const subject = {
        ...defined('image', pinned(image, digest)),
        ...defined('policy', policy),
        ...defined('namespace', namespace),
      };
      if (!subjects.has(code)) subjects.set(code, subject);
    }
  }
  if (subjects.size === 0) return undefined;
  return html`<section class="fix" aria-labelledby="fix">
    <h2 id="fix">How to fix it</h2>
    ${[...subjects].map(([code, subject]) => fix(code, subject))}
  </section>`;
}

/** Signatures are made and looked for by digest. */
function pinned(image: string | undefined, digest: string | undefined): string | undefined {
  if (image === undefined || digest === undefined || image.includes('@')) return image;
  return `${image.replace(/:[^/:]*$/, '')}@${digest}`;
}

function fix(code: string, subject: AdviceSubject): Html {
  const advice = adviceFor(code, subject);
  if (advice === undefined)
    return html`<h3>${code}</h3>
      <p>This code is newer than this program, or older. Its message says what it is about.</p>`;
  return html`<h3><code>${code}</code></h3>
    <p>${advice.meaning}</p>
    <ul>
      ${advice.steps.map(oneStep)}
    </ul>`;
}

function oneStep({ say, run }: Step): Html {
  return html`<li>${say}${run !== undefined && html`<pre class="command" tabindex="0"><code>${run}</code></pre>`}</li>`;
}

function policyTexts({ policies, records, snapshot }: DecisionView): Part {
  if (policies.length === 0) return undefined;
  const then = records.at(-1)?.decision.snapshot;
  const changed = then !== undefined && snapshot !== undefined && then !== snapshot;
  return html`<section>
    <h2>Policies that it names</h2>
    ${changed && html`<p>Policies or trust roots have changed since this was decided. This is what they say now.</p>`}
    ${policies.map(
      (entry) =>
        html`<details open>
          <summary>${entry.kind} <b>${entry.name}</b> ${stateBadge(entry.state)}</summary>
          ${entry.messages.map((message) => html`<p class="message">${message}</p>`)}
          ${entry.document !== undefined && policyText(entry.document.written)}
          <p><a href="${policyAddress(entry)}">More about ${entry.kind} ${entry.name}</a></p>
        </details>`,
    )}
  </section>`;
}

function related(title: string, records: readonly DecisionRecord[]): Part {
  if (records.length === 0) return undefined;
  return html`<h2>${title}</h2>
    ${table('Newest first', relatedColumns, records)}`;
}

const relatedColumns: readonly Column<DecisionRecord>[] = [
  {
    title: 'Time',
    isHeader: true,
    cell: (record) => html`<a href="${decisionAddress(record)}">${time(record.decision.time)}</a>`,
  },
  { title: 'Verdict', cell: ({ decision }) => verdictBadge(decision.verdict) },
  { title: 'Object', cell: ({ decision }) => `${cut(decision.kind ?? 'Request', 64)} ${cut(decision.name ?? '', 80)}` },
  {
    title: 'Reason',
    cell: ({ decision }) =>
      decision.reasons[0] === undefined
        ? html`<span class="quiet">none</span>`
        : html`<code>${decision.reasons[0].code}</code>`,
  },
];
