/** What a context takes out of a ConfigMap. Data and binaryData share their keys, as the API server sees to. */
import { fail, ok, type Result } from '../kernel/result.ts';
import { quoted } from '../kernel/failure.ts';
import { maxBytes } from './context-config-map.ts';
import type { ConfigMapContext, ConfigMapData, ConfigMaps, FileContent } from './model.ts';
import { isObjectName, placeKey } from './needed-config-maps.ts';

/** By key, sorted; absent: it is not there and need not be. */
export type Found = ReadonlyMap<string, FileContent> | undefined;

/** The one key that the context names, or all of them. A failure is a sentence. */
export function lookUp(item: ConfigMapContext, namespace: string, configMaps: ConfigMaps): Result<Found, string> {
  const { name, key } = item.configMap;
  if (!isObjectName(name)) return fail(`configMap.name is "${quoted(name, 80)}"; write the name of a ConfigMap`);
  const found = configMaps.get(placeKey({ namespace, name }));
  if (found === undefined) {
    const way = 'create it, or set optional: true to go on without it';
    return item.optional ? ok(undefined) : fail(`ConfigMap ${namespace}/${name} not found; ${way}`);
  }
  if (found === 'unread') return fail(tooMuch);
  if (key === undefined) return ok(allOf(found));
  const content = contentOf(found, key);
  if (content !== undefined) return ok(new Map([[key, content]]));
  if (item.optional) return ok(undefined);
  return fail(`key ${quoted(key, 253)} not found in ConfigMap ${name}; write one that it has, or set optional: true`);
}

const tooMuch = `the ConfigMaps of the contexts before it have more than ${maxBytes} bytes together, and one ConfigMap holds no more; take less, or fetch it with a Git context`;

function allOf(found: ConfigMapData): ReadonlyMap<string, FileContent> {
  const keys = [...new Set([...Object.keys(found.data), ...Object.keys(found.binaryData)])].sort();
  const entries = keys.map((key) => [key, contentOf(found, key)] as const);
  return new Map(entries.filter((entry): entry is [string, FileContent] => entry[1] !== undefined));
}

function contentOf({ data, binaryData }: ConfigMapData, key: string): FileContent | undefined {
  const text = Object.hasOwn(data, key) ? data[key] : undefined;
  if (text !== undefined) return { text };
  const base64 = Object.hasOwn(binaryData, key) ? binaryData[key] : undefined;
  return base64 === undefined ? undefined : { base64 };
}

/** For places that hold text only. */
export function textsOf(files: ReadonlyMap<string, FileContent>): Result<ReadonlyMap<string, string>, string> {
  const texts = new Map<string, string>();
  for (const [key, content] of files) {
    if (!('text' in content)) return fail(`key ${quoted(key, 253)} is binary; give the context a mountPath of its own`);
    texts.set(key, content.text);
  }
  return ok(texts);
}
