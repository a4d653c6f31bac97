/** Text of files as objects: manifests as kubectl reads them, Lists taken apart, and Helm values, which have no kind. */
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { parseStrictYaml } from '../kernel/strict-yaml.ts';
import type { Json, SourceObject } from './model.ts';
import { memberOf, nameOf } from './read-json.ts';

const limits = { characters: 16 * 1024 * 1024, documents: 10_000, aliases: 100, depth: 100 };

/** Fails with a sentence: half of a configuration would be a weaker one. */
export function objectsIn(text: string, where: string): Result<readonly SourceObject[], string> {
  const stream = parseStrictYaml(text, limits, 'kubectl');
  if (!stream.ok) return fail(`${where}: ${stream.problem}`);
  const objects: SourceObject[] = [];
  for (const [index, document] of stream.documents.entries()) {
    const place = stream.documents.length === 1 ? where : `${where}, document ${index + 1}`;
    if (!document.ok) return fail(`${place}: ${document.problem}`);
    if (document.value === null) continue;
    const record = asRecord(document.value);
    if (record === undefined) return fail(`${place}: this is no object`);
    const inner = flattened(record, place);
    if (!inner.ok) return inner;
    objects.push(...inner.value);
  }
  return ok(objects);
}

/** Lists, and ConfigMaps that hold the configuration of Connaisseur, are what is in them. */
export function flattened(record: Json, where: string): Result<readonly SourceObject[], string> {
  const { kind, items } = record;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    const objects: SourceObject[] = [];
    for (const [index, item] of items.entries()) {
      const value = asRecord(item);
      if (value === undefined) return fail(`${where}, items[${index}]: this is no object`);
      const inner = flattened(value, `${where}, items[${index}]`);
      if (!inner.ok) return inner;
      objects.push(...inner.value);
    }
    return ok(objects);
  }
  const config = kind === 'ConfigMap' ? memberOf(memberOf(record, 'data'), 'config.yaml') : undefined;
  const isConnaisseurs = typeof config === 'string' && /connaisseur/i.test(nameOf(record));
  return isConnaisseurs ? objectsIn(config, `${where}, ConfigMap ${nameOf(record)}`) : ok([{ where, value: record }]);
}
