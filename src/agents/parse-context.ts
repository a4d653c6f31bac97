/** Contexts of KubeOpenCode: what is written of each, with its defaults. Whether addresses and places are any good is asked later. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { shown, type Members } from '../workflow/fields.ts';
import { readFileMode } from './file-mode.ts';
import type { ConfigMapContext, ContextItem, GitSource, UrlSource } from './model.ts';
import { address, dataKey, gitRef, headerName, headerValue, longText, objectName, path, shortText } from './rules.ts';

const maxContexts = 500;
const maxHeaders = 100;
const maxDepth = 2 ** 31 - 1;
const maxTimeoutSeconds = 3600;

const types = ['Text', 'ConfigMap', 'Git', 'Runtime', 'URL'] as const;

export function readContexts(spec: Members, field: string): readonly ContextItem[] {
  return spec.objects(field, maxContexts, readContext).filter((item) => item !== undefined);
}

function readContext(item: Members): ContextItem | undefined {
  const type = types.find((one) => one === item.raw('type'));
  if (type === undefined) {
    const found = item.raw('type') === undefined ? 'is missing' : `is ${shown(item.raw('type'))}`;
    item.complain('type', `${found}; unknown context type, write ${types.slice(0, -1).join(', ')} or ${types.at(-1)}`);
    return undefined;
  }
  const optional = item.flag('optional');
  const any = {
    ...defined('name', item.text('name', shortText)),
    ...defined('description', item.text('description', longText)),
    optional: optional ?? false,
    ...defined('mountPath', item.text('mountPath', path)),
    ...defined('fileMode', readFileMode(item)),
  };
  switch (type) {
    case 'Text':
      return { ...any, type, text: item.text('text', longText) ?? '' };
    case 'ConfigMap':
      // The item's own word wins.
      return { ...any, type, ...readConfigMap(item.object('configMap'), optional) };
    case 'Git':
      return { ...any, type, git: readGit(item.object('git')) };
    case 'Runtime':
      return { ...any, type };
    case 'URL':
      return { ...any, type, url: readUrl(item.object('url')) };
  }
}

function readConfigMap(
  configMap: Members,
  optional: boolean | undefined,
): Pick<ConfigMapContext, 'optional' | 'configMap'> {
  return {
    optional: optional ?? configMap.flag('optional') ?? false,
    configMap: {
      name: requiredName(configMap, 'name a ConfigMap'),
      ...defined('key', configMap.text('key', dataKey)),
    },
  };
}

function readGit(git: Members): GitSource {
  if ((git.raw('repository') ?? '') === '') {
    git.complain('repository', 'is missing; write an address such as https://github.com/org/repo');
  }
  return {
    repository: git.text('repository', address) ?? '',
    ...defined('path', git.text('path', path)),
    ref: git.text('ref', gitRef) ?? 'HEAD',
    depth: git.whole('depth', 0, maxDepth) ?? 1,
    recurseSubmodules: git.flag('recurseSubmodules') ?? false,
    ...defined('secretRef', readSecretRef(git)),
  };
}

function readUrl(url: Members): UrlSource {
  if ((url.raw('source') ?? '') === '') {
    url.complain('source', 'is missing; write an address that begins with https://');
  }
  return {
    source: url.text('source', address) ?? '',
    headers: readHeaders(url),
    ...defined('secretRef', readSecretRef(url)),
    timeoutSeconds: url.whole('timeout', 1, maxTimeoutSeconds) ?? 30,
    insecureSkipTlsVerify: url.flag('insecureSkipTLSVerify') ?? false,
  };
}

/** A list of name and value, or a mapping. */
function readHeaders(url: Members): UrlSource['headers'] {
  if (asRecord(url.raw('headers')) === undefined) {
    return url.objects('headers', maxHeaders, (header) => {
      if ((header.raw('name') ?? '') === '') header.complain('name', 'is missing; name the header');
      return { name: header.text('name', headerName) ?? '', value: header.text('value', headerValue) ?? '' };
    });
  }
  const headers = url.object('headers');
  if (headers.names.length > maxHeaders) url.complain('headers', `has more than ${maxHeaders} members; write fewer`);
  return headers.names.slice(0, maxHeaders).map((name) => {
    if (headerName.pattern?.test(name) !== true)
      headers.complain(quoted(name, 80), 'is no name of a header; rename it');
    return { name, value: headers.text(name, headerValue) ?? '' };
  });
}

function readSecretRef(members: Members): string | undefined {
  if (members.raw('secretRef') === undefined) return undefined;
  const name = requiredName(members.object('secretRef'), 'name a Secret');
  return name === '' ? undefined : name;
}

/** Empty where it is missing, which was said then. */
export function requiredName(members: Members, wayOut: string): string {
  if ((members.raw('name') ?? '') === '') members.complain('name', `is missing; ${wayOut}`);
  return members.text('name', objectName) ?? '';
}
