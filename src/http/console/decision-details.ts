/** The facts of one record: images, request, and its place in the chain. */
import type { DecidedImage, Decision } from '../../ports/decision-log.ts';
import type { DecisionRecord } from '../../ports/records.ts';
import { html, type Html } from './html.ts';
import { time } from './layout.ts';
import { facts, table, type Column } from './table.ts';

export function recordDetails(record: DecisionRecord, isOneOfSeveral: boolean): Html {
  const { decision } = record;
  return html`<section>
    <h2>${isOneOfSeveral ? `Details: ${phaseName(decision.phase)}` : 'Details'}</h2>
    ${decision.images.length > 0 && table('Images of the object', imageColumns, decision.images)}
    <h3>Request</h3>
    ${requestFacts(decision)}
    <h3>Place in the record</h3>
    ${facts([
      ['Written by', html`<code>${record.writer.id}</code>, since ${time(record.writer.startedAt)}`],
      ['Number', `${record.sequence} of its chain`],
      ['Hash', html`<code>${record.hash}</code>`],
      ['To check it', html`<code>countersign audit verify --head ${record.hash}</code>`],
    ])}
  </section>`;
}

function requestFacts(decision: Decision): Html {
  return facts([
    ['Time', time(decision.time)],
    ['User', decision.user],
    ['Operation', decision.operation],
    ['Object', [decision.kind, decision.namespace, decision.name].filter((part) => part).join(' / ')],
    ['Dry run', decision.dryRun === true && 'yes: nothing would have been stored'],
    ['Not judged', decision.skipped],
    ['Judged in', `${decision.durationMs} ms`],
    ['Webhook', phaseName(decision.phase)],
    ['Correlation id', html`<code>${decision.correlationId}</code>`],
    ['Uid of the request', html`<code>${decision.uid}</code>`],
    ['Policies in force then', decision.snapshot !== undefined && html`<code>${decision.snapshot}</code>`],
  ]);
}

export function phaseName(phase: Decision['phase']): string {
  switch (phase) {
    case 'mutate':
      return 'Mutating webhook';
    case 'validate':
      return 'Validating webhook';
    case 'review':
      return 'Review';
  }
}

const imageColumns: readonly Column<DecidedImage>[] = [
  { title: 'Image', isHeader: true, cell: ({ image }) => html`<span class="image">${image}</span>` },
  {
    title: 'Digest',
    cell: ({ digest, deferred }) =>
      digest === undefined
        ? html`<span class="quiet">${deferred === true ? 'judged when its Pod is made' : 'not known'}</span>`
        : html`<code>${digest}</code>`,
  },
  {
    title: 'Policies',
    cell: ({ policies }) => (policies.length === 0 ? html`<span class="quiet">none</span>` : policies.join(', ')),
  },
  { title: 'Contract', cell: ({ contract }) => contract ?? html`<span class="quiet">none</span>` },
  { title: 'Field', cell: ({ field }) => html`<code>${field}</code>` },
];
