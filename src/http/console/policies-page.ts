/** /console/policies: every policy with its state. */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { PolicyProblem } from '../../ports/policies.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page } from './layout.ts';
import {
  policyKinds,
  policyStates,
  type PolicyEntry,
  type PolicyOverview,
  type PolicyState,
} from './policy-entries.ts';
import { choiceField, searchForm, textField } from './search-form.ts';
import { table, type Column } from './table.ts';

const words: Readonly<Record<PolicyState, { readonly sign: string; readonly word: string }>> = {
  ready: { sign: '✓', word: 'Ready' },
  broken: { sign: '✕', word: 'Broken' },
  'not-ready': { sign: '!', word: 'Not ready' },
  'never-matches': { sign: '△', word: 'Never matches' },
};

export function stateBadge(state: PolicyState): Html {
  const { sign, word } = words[state];
  return html`<span class="badge ${state}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
}

const filterNames = ['name', 'state', 'kind', 'page'] as const;
type PolicyFilters = Readonly<Partial<Record<(typeof filterNames)[number], string>>>;

const pageSize = 50;

export interface PoliciesView {
  readonly user?: string;
  readonly overview: PolicyOverview;
  /** Whether anything is in force at all. */
  readonly inForce: boolean;
  readonly filters: PolicyFilters;
  readonly problems: readonly string[];
}

export function readPolicyFilters(search: string): Pick<PoliciesView, 'filters' | 'problems'> {
  const filters: Partial<Record<(typeof filterNames)[number], string>> = {};
  const problems: string[] = [];
  for (const [name, value] of new URLSearchParams(search)) {
    const known = filterNames.find((candidate) => candidate === name);
    if (known === undefined) problems.push(`There is no filter "${quoted(name, 64)}". Filters are name, state, kind.`);
    else if (value.trim() !== '') filters[known] = value.trim().slice(0, 256);
  }
  const { state, kind, page: number } = filters;
  if (state !== undefined && !policyStates.some((known) => known === state))
    problems.push(`There is no state "${quoted(state, 64)}".`);
  if (kind !== undefined && !policyKinds.some((known) => known === kind))
    problems.push(`There is no kind "${quoted(kind, 64)}".`);
  if (number !== undefined && !/^[1-9]\d{0,4}$/.test(number)) problems.push('Pages are numbered from 1.');
  return { filters, problems: [...new Set(problems)].slice(0, 10) };
}

export function policiesPage(view: PoliciesView): Html {
  const { overview, filters } = view;
  const fitting = view.problems.length > 0 ? [] : overview.entries.filter((entry) => fits(entry, filters));
  return page(
    { title: 'Policies', here: 'policies', ...defined('user', view.user) },
    html`<h1>Policies</h1>
      ${
        !view.inForce &&
        html`<div class="notice" role="alert">
          <h2>No policy is in force</h2>
          <p>Every request is refused until a complete set of policies has been read.</p>
        </div>`
      }
      ${sourceProblems(overview.problems)}
      ${
        view.problems.length > 0 &&
        html`<div class="notice" role="alert">
          <h2>This cannot be searched for</h2>
          <ul>
            ${view.problems.map((problem) => html`<li>${problem}</li>`)}
          </ul>
        </div>`
      }
      ${summary(overview.entries)} ${overview.entries.length > 0 && form(filters)} ${list(view, fitting)}`,
  );
}

function fits({ name, kind, state, images }: PolicyEntry, filters: PolicyFilters): boolean {
  const text = filters.name?.toLowerCase();
  const found = text === undefined || name.includes(text) || images.some((image) => image.toLowerCase().includes(text));
  return found && (filters.state ?? state) === state && (filters.kind ?? kind) === kind;
}

function sourceProblems(problems: readonly PolicyProblem[]): Part {
  if (problems.length === 0) return undefined;
  return html`<div class="notice" role="status">
    <h2>What policies are read from has problems</h2>
    <ul>
      ${problems.slice(0, 50).map(({ where, message, consequence }) => html`<li><b>${where}</b>: ${message}${consequence !== undefined && html` ${consequence}`}</li>`)}
    </ul>
  </div>`;
}

function summary(entries: readonly PolicyEntry[]): Part {
  if (entries.length === 0) return undefined;
  const counts = Map.groupBy(entries, ({ state }) => state);
  return html`<ul class="counts">
    ${policyStates.map(
      (state) =>
        html`<li>
          <a href="/console/policies?state=${state}"
            >${stateBadge(state)} <b>${(counts.get(state)?.length ?? 0).toLocaleString('en')}</b></a
          >
        </li> `,
    )}
  </ul>`;
}

function form(filters: PolicyFilters): Html {
  const states = policyStates.map((state) => [state, words[state].word] as const);
  const kinds = policyKinds.map((kind) => [kind, kind] as const);
  return searchForm('/console/policies', filters, [
    textField('name', 'Name or image', filters.name),
    choiceField('state', 'State', filters.state, [['', 'Any state'], ...states]),
    choiceField('kind', 'Kind', filters.kind, [['', 'Any kind'], ...kinds]),
  ]);
}

function list({ overview, filters, problems }: PoliciesView, fitting: readonly PolicyEntry[]): Part {
  if (problems.length > 0) return undefined;
  if (overview.entries.length === 0) {
    return html`<div class="empty">
      <h2>There are no policies</h2>
      <p>
        Without a policy nobody is trusted, and images in namespaces that take part are refused. Copy one from
        <code>policies/</code>, fill in who signs, and apply it: <code>kubectl apply -f policy.yaml</code>
      </p>
    </div>`;
  }
  if (fitting.length === 0) {
    return html`<div class="empty">
      <h2>No policy fits these filters</h2>
      <p><a href="/console/policies">Clear all filters</a></p>
    </div>`;
  }
  const number = Number(filters.page ?? 1);
  const shown = fitting.slice((number - 1) * pageSize, number * pageSize);
  const from = (number - 1) * pageSize + 1;
  const caption =
    shown.length === 0
      ? `No policies on page ${number}`
      : `Policies ${from} to ${from + shown.length - 1} of ${fitting.length}, by name`;
  return html`${table(caption, columns, shown)}
    <nav class="pager" aria-label="Pages">
      ${number > 1 && html`<a rel="prev" href="${address(filters, number - 1)}">Back</a>`}
      ${number * pageSize < fitting.length && html`<a rel="next" href="${address(filters, number + 1)}">Next</a>`}
    </nav>`;
}

function address(filters: PolicyFilters, number: number): string {
  const search = new URLSearchParams({ ...filters, page: String(number) });
  return `/console/policies?${search.toString()}`;
}

export function policyAddress({ kind, name }: Pick<PolicyEntry, 'kind' | 'name'>): string {
  return `/console/policies/${kind}/${encodeURIComponent(name.toWellFormed())}`;
}

const columns: readonly Column<PolicyEntry>[] = [
  {
    title: 'Policy',
    isHeader: true,
    cell: (entry) =>
      html`<a href="${policyAddress(entry)}"><b>${cut(entry.name, 80)}</b></a
        ><br /><span class="quiet">${entry.kind}</span>`,
  },
  { title: 'State', cell: ({ state }) => stateBadge(state) },
  { title: 'Mode', cell: ({ mode }) => mode ?? 'unknown' },
  { title: 'Images', cell: ({ images }) => some(images) },
  {
    title: 'What is wrong',
    cell: ({ messages, consequence }) =>
      messages.length === 0
        ? html`<span class="quiet">nothing</span>`
        : html`${cut(messages[0] ?? '', 240)}${consequence !== undefined && html` <b>${consequence}</b>`}`,
  },
];

function some(images: readonly string[]): Part {
  const [first, second, ...others] = images.map((image) => html`<span class="image">${cut(image, 120)}</span>`);
  if (first === undefined) return html`<span class="quiet">unknown</span>`;
  return html`${first}${second !== undefined && html`<br />${second}`}${others.length > 0 && html`<br /><span class="quiet">and ${others.length} more</span>`}`;
}
