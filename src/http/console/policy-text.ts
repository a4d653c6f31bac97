import { stringify } from 'yaml';
import type { WrittenObject } from '../../policy/parse-documents.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { cut, html, type Html } from './html.ts';

const maxShown = 64 * 1024;
/** What the API server and kubectl add: nobody wrote it. */
const appliedBy = 'kubectl.kubernetes.io/last-applied-configuration';

/** The policy as its author wrote it. */
export function policyText(written: WrittenObject): Html {
  const { apiVersion, kind, spec } = written;
  const { name, labels, annotations: all } = asRecord(written['metadata']) ?? {};
  const annotations = Object.entries(asRecord(all) ?? {}).filter(([key]) => key !== appliedBy);
  const metadata = {
    name,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
  };
  const text = stringify({ apiVersion, kind, metadata, spec }, { lineWidth: 0 });
  return html`<pre
    class="yaml"
    tabindex="0"
    role="region"
    aria-label="YAML of ${typeof name === 'string' ? name : 'the policy'}"
  ><code>${cut(text, maxShown)}</code></pre>`;
}
