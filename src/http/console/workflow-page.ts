/** /console/actions/UID: one run of a workflow, step by step. */
import { defined } from '../../kernel/defined.ts';
import type { ActionRecord, ActionRecordStatus } from '../../ports/action-history.ts';
import { actionsAddress } from './action-filters.ts';
import { engineNames, howLong, statusBadge, statusWord, whatItDoes } from './action-words.ts';
import { decisionsAddress } from './filters.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page, time } from './layout.ts';
import { facts, table, type Column } from './table.ts';

export interface WorkflowView {
  readonly user?: string;
  /** In the order in which they began; at least one. */
  readonly actions: readonly [ActionRecord, ...ActionRecord[]];
  /** There are more than are shown. */
  readonly isCut: boolean;
}

/** Of inputs and outputs on the page. */
const mostText = 4_096;

export function workflowPage({ user, actions, isCut }: WorkflowView): Html {
  const [first] = actions;
  const status = statusOf(actions);
  return page(
    { title: `${statusWord(status)}: ${cut(first.workflowId, 80)}`, here: 'actions', ...defined('user', user) },
    html`<p><a href="/console/actions">All actions</a></p>
      <h1>${first.workflowId} in ${first.namespace}</h1>
      <p class="verdict">${statusBadge(status)} ${sentence(actions)}</p>
      ${workflowFacts(actions)} ${table('Steps, in the order in which they began', columns, actions)}
      ${isCut && html`<p>More steps than these are recorded; <code>countersign actions list</code> shows all.</p>`}
      ${actions.map(stepSection)}`,
  );
}

/** What is under way comes before what has failed: it is not over. */
const strongest: readonly ActionRecordStatus[] = ['executing', 'failed', 'cancelled', 'completed', 'skipped'];

function statusOf(actions: readonly ActionRecord[]): ActionRecordStatus {
  return strongest.find((status) => actions.some((action) => action.status === status)) ?? 'executing';
}

function sentence(actions: readonly ActionRecord[]): Part {
  const failed = actions.find(({ status }) => status === 'failed');
  if (failed !== undefined) return html`<span class="message">${cut(failed.failureMessage ?? '', 1_000)}</span>`;
  return actions.length === 1 ? 'One step was recorded.' : `${actions.length} steps were recorded.`;
}

function workflowFacts(actions: WorkflowView['actions']): Html {
  const [{ workflowUid, workflowId, workflowType, namespace, reason, engine, executedAt }] = actions;
  const ends = actions.map(({ completedAt }) => completedAt);
  const isOver = ends.every((end) => end !== undefined);
  const last = ends
    .filter((end) => end !== undefined)
    .toSorted()
    .at(-1);
  const others = actionsAddress({ workflow: workflowId, namespace });
  return facts([
    ['Namespace', namespace],
    ['Type', workflowType],
    ['Why it was started', reason !== undefined && html`<span class="message">${reason}</span>`],
    ['Engine', engineNames[engine]],
    ['Began', time(executedAt)],
    [
      'Ended',
      isOver && last !== undefined && html`${time(last)}, after ${howLong(Date.parse(last) - Date.parse(executedAt))}`,
    ],
    ['UID', html`<code>${workflowUid}</code>`],
    ['All runs', html`<a href="${others}">Actions of workflows of this name</a>`],
  ]);
}

const columns: readonly Column<ActionRecord>[] = [
  { title: 'Step', isHeader: true, cell: ({ step }) => cut(step, 80) },
  { title: 'Status', cell: ({ status }) => statusBadge(status) },
  { title: 'Action', cell: whatItDoes },
  { title: 'Began', cell: ({ executedAt }) => time(executedAt) },
  { title: 'Took', cell: ({ durationMs }) => howLong(durationMs) },
];

function stepSection(action: ActionRecord): Html {
  const { step, actionType, image, signers = [], contract, attempts, exitCode } = action;
  return html`<section>
    <h2>Step ${step}</h2>
    ${failure(action)}
    ${facts([
      ['Action type', actionType],
      [
        'Image',
        image !== '' &&
          html`<span class="image">${image}</span><br /><a href="${decisionsOf(image)}">Decisions about this image</a>`,
      ],
      ['Signed by', signers.length > 0 && signers.map((signer, index) => html`${index > 0 && html`<br />`}${signer}`)],
      ['Contract', contract],
      ['Ended', action.completedAt !== undefined && time(action.completedAt)],
      ['Attempts', attempts],
      ['Exit code', exitCode],
    ])}
    ${json('Inputs', action, action.inputs)} ${action.outputs !== undefined && json('Outputs', action, action.outputs)}
  </section>`;
}

/** By digest, under whatever name. */
function decisionsOf(image: string): string {
  return decisionsAddress({ verdict: 'all', image: image.slice(image.indexOf('@') + 1) });
}

function failure({ failureReason, failureMessage }: ActionRecord): Part {
  if (failureReason === undefined && failureMessage === undefined) return undefined;
  return html`<ul class="reasons">
    <li>
      <p><code class="code">${failureReason}</code> <span class="message">${failureMessage}</span></p>
    </li>
  </ul>`;
}

function json(title: string, { workflowUid }: ActionRecord, value: Readonly<Record<string, unknown>>): Html {
  if (Object.keys(value).length === 0)
    return html`<h3>${title}</h3>
      <p class="quiet">none</p>`;
  const text = JSON.stringify(value, undefined, 2);
  return html`<h3>${title}</h3>
    <pre class="yaml" tabindex="0"><code>${cut(text, mostText)}</code></pre>
    ${text.length > mostText && html`<p class="quiet">The whole of it: <code>countersign actions show ${workflowUid}</code>.</p>`}`;
}
