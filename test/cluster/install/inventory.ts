/** Every object of a cluster, of all kinds that can be listed. */
import type { Api } from '../gate/api.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';

/** They come and go by themselves. */
const passing: ReadonlySet<string> = new Set(['/v1/events', 'events.k8s.io/v1/events', '/v1/componentstatuses']);

/** As GROUP/VERSION/RESOURCE NAMESPACE/NAME. */
export async function inventory(api: Api): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { path, title } of await collections(api)) {
    const list = asRecord(JSON.parse((await api.get(path)).text));
    const items: readonly unknown[] = Array.isArray(list?.['items']) ? list['items'] : [];
    for (const item of items) {
      const { namespace = '', name } = asRecord(asRecord(item)?.['metadata']) ?? {};
      found.add(`${title} ${String(namespace)}/${String(name)}`);
    }
  }
  return found;
}

interface Collection {
  readonly path: string;
  readonly title: string;
}

async function collections(api: Api): Promise<readonly Collection[]> {
  const groups = asRecord(JSON.parse((await api.get('/apis')).text))?.['groups'];
  const named = (Array.isArray(groups) ? (groups as readonly unknown[]) : []).map((group) => {
    return String(asRecord(asRecord(group)?.['preferredVersion'])?.['groupVersion']);
  });
  const lists = [{ root: '/api/v1', title: '/v1' }, ...named.map((title) => ({ root: `/apis/${title}`, title }))];
  const all = await Promise.all(lists.map(({ root, title }) => resourcesOf(api, root, title)));
  return all.flat().filter(({ title }) => !passing.has(title));
}

async function resourcesOf(api: Api, root: string, title: string): Promise<readonly Collection[]> {
  const { status, text } = await api.get(root);
  // A group whose last definition was just deleted.
  if (status !== 200) return [];
  const resources = asRecord(JSON.parse(text))?.['resources'];
  return (Array.isArray(resources) ? (resources as readonly unknown[]) : [])
    .map((resource) => asRecord(resource) ?? {})
    .filter(({ verbs }) => Array.isArray(verbs) && verbs.includes('list'))
    .map(({ name }) => ({ path: `${root}/${String(name)}`, title: `${title}/${String(name)}` }));
}
