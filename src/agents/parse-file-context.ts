/** Contexts of KubeTask, which are all files, as the contexts of KubeOpenCode that they are. */
import { defined } from '../kernel/defined.ts';
import { shown, type Members } from '../workflow/fields.ts';
import type { ContextItem } from './model.ts';
import { requiredName } from './parse-context.ts';
import { dataKey, longText, path } from './rules.ts';

const maxContexts = 500;
const sources = ['inline', 'configMapKeyRef', 'configMapRef'] as const;
type Source = (typeof sources)[number];

export function readFileContexts(spec: Members, field: string): readonly ContextItem[] {
  return spec.objects(field, maxContexts, readFileContext).filter((item) => item !== undefined);
}

function readFileContext(item: Members): ContextItem | undefined {
  if (item.raw('type') !== 'File') {
    const found = item.raw('type') === undefined ? 'is missing' : `is ${shown(item.raw('type'))}`;
    item.complain('type', `${found}; unknown context type, write File`);
    return undefined;
  }
  const file = item.object('file');
  const source = sourceOf(file);
  if (source === undefined) return undefined;
  const mountPath = placeOf(file, source);
  return mountPath === undefined ? undefined : contextOf(file.object('source'), source, mountPath);
}

function sourceOf(file: Members): Source | undefined {
  const source = file.object('source');
  const given = sources.filter((name) => source.raw(name) !== undefined);
  if (given.length === 1) return given[0];
  const found = given.length === 0 ? 'says nothing of the content' : `has ${given.join(' and ')}`;
  file.complain('source', `${found}; write one of ${sources.join(', ')}`);
  return undefined;
}

/** A whole ConfigMap is a folder; everything else is a file. */
function placeOf(file: Members, source: Source): string | undefined {
  const [wanted, other] =
    source === 'configMapRef' ? (['dirPath', 'filePath'] as const) : (['filePath', 'dirPath'] as const);
  if ((file.raw(other) ?? '') !== '') {
    file.complain(other, `does not go with source.${source}; write ${wanted} instead`);
    return undefined;
  }
  if ((file.raw(wanted) ?? '') === '') file.complain(wanted, `is missing; say where ${source} goes`);
  return file.text(wanted, path);
}

function contextOf(source: Members, kind: Source, mountPath: string): ContextItem {
  if (kind === 'inline') {
    return { type: 'Text', optional: false, mountPath, text: source.text('inline', longText) ?? '' };
  }
  const reference = source.object(kind);
  if (kind === 'configMapKeyRef' && (reference.raw('key') ?? '') === '') {
    reference.complain('key', 'is missing; name a key of the ConfigMap');
  }
  return {
    type: 'ConfigMap',
    optional: reference.flag('optional') ?? false,
    mountPath,
    configMap: {
      name: requiredName(reference, 'name a ConfigMap'),
      ...(kind === 'configMapKeyRef' ? defined('key', reference.text('key', dataKey)) : {}),
    },
  };
}
