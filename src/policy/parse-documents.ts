/** A file of policies: YAML or JSON, one or several documents, each of them one object or a List of objects. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { parseStrictYaml } from '../kernel/strict-yaml.ts';
import type { ActionPolicy } from './action-policy.ts';
import type { PolicyRules } from './model.ts';
import { actionPolicyApiVersions, parseActionPolicy } from './parse-action-policy.ts';
import { parseClusterImagePolicy, policyApiVersions, type ParsedPolicy } from './parse-cluster-image-policy.ts';
import { parseTrustRoot, type ParsedTrustRoot } from './parse-trust-root.ts';
import { standInPolicy } from './stand-in.ts';

export type PolicyDocument =
  | {
      readonly kind: 'policy';
      readonly where: string;
      readonly name: string;
      readonly policy: ParsedPolicy;
      readonly written: WrittenObject;
    }
  | {
      readonly kind: 'action-policy';
      readonly where: string;
      readonly name: string;
      readonly policy: ActionPolicy;
      readonly written: WrittenObject;
    }
  | { readonly kind: 'trust-root'; readonly where: string; readonly name: string; readonly root: ParsedTrustRoot }
  | {
      readonly kind: 'secret';
      readonly where: string;
      readonly name: string;
      readonly data: ReadonlyMap<string, string>;
    }
  | {
      readonly kind: 'config-map';
      readonly where: string;
      readonly name: string;
      readonly data: ReadonlyMap<string, string>;
    }
  | {
      readonly kind: 'problem';
      readonly where: string;
      /** The object that the document was meant to be, as kind/name, where that much can be read. */
      readonly of?: string;
      readonly messages: readonly string[];
      /** For a policy whose images can be read: what to judge under while there is no better version of it. */
      readonly standIn?: ParsedPolicy;
    };

/** The object before it was parsed, for people to look at; nothing is decided by it. */
export type WrittenObject = Readonly<Record<string, unknown>>;

const limits = { characters: 1024 * 1024, documents: 1000 };

export function parsePolicyDocuments(text: string, file: string): readonly PolicyDocument[] {
  const stream = parseStrictYaml(text, limits);
  if (!stream.ok) return [{ kind: 'problem', where: file, messages: [stream.problem] }];
  return stream.documents.flatMap((document, index) => {
    const where = stream.documents.length === 1 ? file : `${file}, document ${index + 1}`;
    if (!document.ok) return [{ kind: 'problem', where, messages: [document.problem] } as const];
    return document.value === null ? [] : parsePolicyValue(document.value, where);
  });
}

/** One object, or a List of them, that is no text any more. */
export function parsePolicyValue(value: unknown, where: string, rules: PolicyRules = {}): readonly PolicyDocument[] {
  const record = asRecord(value);
  const kind = record?.['kind'];
  if (record === undefined || typeof kind !== 'string')
    return [{ kind: 'problem', where, messages: ['this is no Kubernetes object: it has no kind'] }];
  const { items } = record;
  if (kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item: unknown, index) => parsePolicyValue(item, `${where}, items[${index}]`, rules));
  }
  return [readObject(record, kind, where, rules)];
}

function readObject(record: WrittenObject, kind: string, where: string, rules: PolicyRules): PolicyDocument {
  const found = asRecord(record['metadata'])?.['name'];
  const name = typeof found === 'string' ? found : '';
  const problem = (messages: readonly string[]): PolicyDocument => ({
    kind: 'problem',
    where,
    of: `${kind}/${name}`,
    messages,
  });
  if (kind === 'ClusterImagePolicy') {
    const parsed = parseClusterImagePolicy(record, rules);
    if (parsed.ok) return { kind: 'policy', where, name, policy: parsed.value, written: record };
    return { ...problem(parsed.failure), ...defined('standIn', standInPolicy(record, parsed.failure)) };
  }
  if (kind === 'ActionPolicy') {
    const parsed = parseActionPolicy(record);
    if (parsed.ok) return { kind: 'action-policy', where, name, policy: parsed.value, written: record };
    return { ...problem(parsed.failure), ...defined('standIn', standInPolicy(record, parsed.failure)) };
  }
  if (kind === 'TrustRoot') {
    const parsed = parseTrustRoot(record);
    return parsed.ok ? { kind: 'trust-root', where, name, root: parsed.value } : problem(parsed.failure);
  }
  if (isMaterial(record, kind)) {
    return readMaterial(record, kind, { where, name }) ?? problem([`data is not a map of ${contentOf[kind]}`]);
  }
  const known = `ClusterImagePolicy (${policyApiVersions.join(', ')}), TrustRoot, ActionPolicy (${actionPolicyApiVersions.join(', ')}), Secret, ConfigMap`;
  return problem([`kind ${quoted(kind, 64)} is not a policy; expected one of ${known}`]);
}

const contentOf = { Secret: 'base64 texts', ConfigMap: 'texts' } as const;

type MaterialKind = keyof typeof contentOf;

function isMaterial(record: Readonly<Record<string, unknown>>, kind: string): kind is MaterialKind {
  return record['apiVersion'] === 'v1' && Object.hasOwn(contentOf, kind);
}

/** Keys and code that policies name. */
function readMaterial(
  record: Readonly<Record<string, unknown>>,
  kind: MaterialKind,
  place: { readonly where: string; readonly name: string },
): PolicyDocument | undefined {
  const data = kind === 'Secret' ? secretData(record) : configMapData(record);
  if (data === undefined) return undefined;
  return kind === 'Secret' ? { kind: 'secret', ...place, data } : { kind: 'config-map', ...place, data };
}

/** Decoded entries of `data` and `stringData`. */
export function secretData(secret: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> | undefined {
  const entries: [string, string][] = [];
  for (const [member, decode] of [
    ['data', true],
    ['stringData', false],
  ] as const) {
    const values = secret[member] === undefined || secret[member] === null ? {} : asRecord(secret[member]);
    if (values === undefined) return undefined;
    for (const [key, value] of Object.entries(values)) {
      if (typeof value !== 'string') return undefined;
      entries.push([key, decode ? Buffer.from(value, 'base64').toString('utf8') : value]);
    }
  }
  return new Map(entries);
}

/** Texts of `data`; bytes in `binaryData` are no policy code. */
export function configMapData(configMap: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> | undefined {
  const data = configMap['data'] === undefined || configMap['data'] === null ? {} : asRecord(configMap['data']);
  if (data === undefined) return undefined;
  const texts = Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return texts.length === Object.keys(data).length ? new Map(texts) : undefined;
}
