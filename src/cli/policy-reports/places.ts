/** Where policies stand: for annotations, and for nothing that is decided. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { listFiles } from '../../adapters/policies/list-files.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { parseStrictYaml, yamlPlaces, type YamlPlaces } from '../../kernel/strict-yaml.ts';
import type { Place } from './outcome.ts';

const limits = { characters: 1024 * 1024, documents: 1000 };

interface Placed {
  readonly place: Place;
  readonly value: unknown;
}

/** Of ClusterImagePolicies, by name. */
export async function policyPlaces(
  paths: readonly string[],
  shownAs: (file: string) => string = fromHere,
): Promise<ReadonlyMap<string, Place>> {
  const { files } = await listFiles(paths);
  const objects = files.flatMap((file) => objectsIn(readFileSync(file, 'utf8'), shownAs(file)));
  return new Map(
    objects.flatMap(({ place, value }) => {
      const record = asRecord(value);
      const name = asRecord(record?.['metadata'])?.['name'];
      return record?.['kind'] === 'ClusterImagePolicy' && typeof name === 'string' ? [[name, place] as const] : [];
    }),
  );
}

/** One for each of what `parsePolicyDocuments` makes of the same text, in the same order. */
export function documentPlaces(text: string, file: string): readonly Place[] {
  const found = objectsIn(text, fromHere(file));
  return found.map(({ place }) => place);
}

/** As GitHub wants them: from the folder that the command runs in. */
function fromHere(file: string): string {
  const path = relative('', file);
  return path.startsWith('..') ? file : path;
}

function objectsIn(text: string, file: string): readonly Placed[] {
  const stream = parseStrictYaml(text, limits);
  if (!stream.ok) return [{ place: { file, line: 1 }, value: undefined }];
  const places = yamlPlaces(text, limits);
  return stream.documents.flatMap((document, index) => {
    const at = places[index] ?? (() => 1);
    if (!document.ok) return [{ place: { file, line: at([]) }, value: undefined }];
    return document.value === null ? [] : objectsOf(document.value, [], at, file);
  });
}

function objectsOf(
  value: unknown,
  path: readonly (string | number)[],
  at: YamlPlaces,
  file: string,
): readonly Placed[] {
  const { kind, items } = asRecord(value) ?? {};
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item: unknown, index) => objectsOf(item, [...path, 'items', index], at, file));
  }
  const lineOf = (message: string): number => at([...path, ...fieldIn(message)]);
  return [{ place: { file, line: at(path), lineOf }, value }];
}

/** The path that a message names: at its beginning, or as knative writes it, behind its last colon. */
function fieldIn(message: string): readonly (string | number)[] {
  const [field = ''] = /^spec[\w.[\]-]*/.exec(message) ?? /(?<=: )spec[\w.[\]-]*/.exec(message) ?? [];
  return [...field.matchAll(/[\w-]+/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step));
}
