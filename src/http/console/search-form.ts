/** Forms that narrow a list: what is asked for stands in the address, so that it can be kept and shared. */
import { html, type Html, type Part } from './html.ts';

export type Choices = readonly (readonly [value: string, text: string])[];

/** `address`: of the list without any filter. */
export function searchForm(address: string, filters: object, fields: readonly Part[]): Html {
  const clear = Object.keys(filters).length > 0 && html` <a href="${address}">Clear all filters</a>`;
  return html`<search>
    <form class="filters" method="get" action="${address}">
      <div class="fields">${fields}</div>
      <p class="actions"><button>Filter</button>${clear}</p>
    </form>
  </search>`;
}

export function textField(name: string, label: string, value: string | undefined, hint = ''): Html {
  return html`<p>
    <label for="${name}">${label}</label
    ><input
      id="${name}"
      name="${name}"
      value="${value}"
      placeholder="${hint}"
      maxlength="256"
      autocomplete="off"
      spellcheck="false"
    />
  </p>`;
}

export function choiceField(name: string, label: string, chosen: string | undefined, choices: Choices): Html {
  return html`<p>
    <label for="${name}">${label}</label
    ><select id="${name}" name="${name}">
      ${options(chosen, choices)}
    </select>
  </p>`;
}

function options(chosen: string | undefined, choices: Choices): readonly Html[] {
  return choices.map(([value, text]) =>
    value === (chosen ?? '')
      ? html`<option value="${value}" selected>${text}</option>`
      : html`<option value="${value}">${text}</option>`,
  );
}
