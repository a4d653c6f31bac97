import { html, type Html } from './html.ts';
import { newerPlace, olderPlace, type Place } from './search.ts';

/** From page to page of a list; `next` is where older ones begin. */
export function pager(place: Place, next: string | undefined, addressOf: (place?: Place) => string): Html {
  const newer = newerPlace(place);
  return html`<nav class="pager" aria-label="Pages">
    ${place.after !== undefined && html`<a href="${addressOf()}">Newest</a>`}
    ${newer !== undefined && html`<a rel="prev" href="${addressOf(newer)}">Newer</a>`}
    ${next !== undefined && html`<a rel="next" href="${addressOf(olderPlace(place, next))}">Older</a>`}
  </nav>`;
}
