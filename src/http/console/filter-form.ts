import { failureCodes } from '../../kernel/failure.ts';
import { spans, verdicts, type FilterName, type Filters } from './filters.ts';
import { html, type Html } from './html.ts';
import { choiceField, textField, type Choices } from './search-form.ts';
import { verdictWord } from './verdict-words.ts';

export function filterForm(filters: Filters): Html {
  const text = (name: FilterName, label: string, hint?: string): Html => textField(name, label, filters[name], hint);
  const moment = (name: 'since' | 'until', label: string): Html =>
    html`<p>
      <label for="${name}">${label}</label
      ><input id="${name}" name="${name}" type="datetime-local" value="${filters[name]?.replace(/Z$/, '')}" />
    </p>`;
  const more = (['name', 'policy', 'code', 'image', 'since', 'until'] as const).filter((name) => filters[name]);
  return html`<search><form class="filters" method="get" action="/console">
<div class="fields">
${choiceField('verdict', 'Verdict', filters.verdict, verdictChoices)}
${choiceField('within', 'When', filters.within, spanChoices)}
${text('namespace', 'Namespace')}
${text('kind', 'Kind', 'such as Pod')}
${text('text', 'Any text', 'image, user, message')}
</div>
<details${more.length > 0 && html` open`}><summary>More filters</summary>
<div class="fields">
${text('name', 'Name of the object')}
${text('policy', 'Policy')}
${choiceField('code', 'Code', filters.code, codeChoices)}
${text('image', 'Image or digest', 'registry.example/app')}
${moment('since', 'From (UTC)')}
${moment('until', 'Until before (UTC)')}
</div></details>
<p class="actions"><button>Filter</button>${Object.keys(filters).length > 0 && html` <a href="/console">Clear all filters</a>`}</p>
</form></search>`;
}

const verdictChoices: Choices = [
  ['', 'Not let in'],
  ...verdicts.map((verdict) => [verdict, verdictWord(verdict)] as const),
  ['all', 'Every decision'],
];
const spanNames: Readonly<Record<string, string>> = {
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
};
export const spanChoices: Choices = [
  ['', 'Any time'],
  ...[...spans.keys()].map((span) => [span, spanNames[span] ?? span] as const),
];
const codeChoices: Choices = [['', 'Any code'], ...failureCodes.toSorted().map((code) => [code, code] as const)];
