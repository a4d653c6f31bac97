/** What to do when there is nothing to show. */
import type { ChainPosition } from '../../ports/records.ts';
import { decisionsAddress, type Asked } from './filters.ts';
import { html, type Html } from './html.ts';

export function noDecisions({ filters, place }: Asked, positions: readonly ChainPosition[] | undefined): Html {
  if (place.after !== undefined) {
    return html`<div class="empty">
      <h2>Nothing older</h2>
      <p><a href="${decisionsAddress(filters)}">Back to the newest</a></p>
    </div>`;
  }
  if (positions !== undefined && total(positions) === 0) return nothingYet;
  if (Object.keys(filters).length > 0) {
    return html`<div class="empty">
      <h2>No decision fits these filters</h2>
      <p>
        <a href="/console">Clear all filters</a
        >${filters.verdict === undefined && html`, or look among <a href="${decisionsAddress({ ...filters, verdict: 'all' })}">everything that was decided</a>, also what was let in`}.
      </p>
    </div>`;
  }
  return html`<div class="empty">
    <h2>Nothing was refused</h2>
    <p>Everything that was judged so far was let in. <a href="/console?verdict=all">See every decision</a>.</p>
  </div>`;
}

const nothingYet = html`<div class="empty">
  <h2>Nothing has been decided yet</h2>
  <p>Decisions appear here within seconds of being made. To see the first one:</p>
  <ol>
    <li>See that there is a policy, and that it is ready: <a href="/console/policies">Policies</a>.</li>
    <li>Let a namespace take part: <code>kubectl label namespace NAMESPACE policy.sigstore.dev/include=true</code></li>
    <li>
      Run an image there that nobody has signed:
      <code>kubectl run try --image=index.docker.io/library/busybox:latest -n NAMESPACE</code>
    </li>
  </ol>
</div>`;

export function total(positions: readonly ChainPosition[]): number {
  return positions.reduce((sum, { count }) => sum + count, 0);
}
