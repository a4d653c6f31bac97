import { html, type Html, type Part } from './html.ts';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => Part;
  /** The cell that names the row. */
  readonly isHeader?: true;
}

/**
 * A table whose rows become cards on narrow screens. Such a style takes the meaning of a table away in some browsers; the
 * roles give it back.
 */
export function table<T>(caption: Part, columns: readonly Column<T>[], rows: readonly T[]): Html {
  return html`<table role="table">
    <caption>
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(({ title }) => html`<th role="columnheader" scope="col">${title}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row">
            ${columns.map((column) => cellOf(column, row))}
          </tr> `,
      )}
    </tbody>
  </table>`;
}

function cellOf<T>({ title, cell, isHeader }: Column<T>, row: T): Html {
  return isHeader === true
    ? html`<th role="rowheader" scope="row" data-title="${title}">${cell(row)}</th>`
    : html`<td role="cell" data-title="${title}">${cell(row)}</td>`;
}

/** Names and values; absent values leave no line. */
export function facts(entries: readonly (readonly [name: string, value: Part])[]): Html {
  const present = entries.filter(([, value]) => value !== undefined && value !== '' && value !== false);
  return html`<dl>
    ${present.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div> `,
    )}
  </dl>`;
}
