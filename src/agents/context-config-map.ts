/** The files of a workspace as the content of one ConfigMap, which context-init (or a mount) puts where they belong. */
import { quoted } from '../kernel/failure.ts';
import { digestOf, hexOf } from '../kernel/digest.ts';
import type { FileContent, Workspace, WorkspaceFile } from './model.ts';
import { dataKey } from './rules.ts';

/** What the API server takes as the values of one ConfigMap, together; keys count here too: etcd counts everything. */
export const maxBytes = 1_048_576;
/** Which file goes where is one variable of context-init, and Linux takes 128 KiB for one. execve(2), MAX_ARG_STRLEN */
const maxMappingBytes = 120_000;
/** Of one file: names of members, mode, punctuation. */
const mappingFrame = 64;
export const maxFiles = Math.floor(maxMappingBytes / mappingFrame);
const hashLength = 10;

interface ContextData {
  readonly data: Readonly<Record<string, string>>;
  readonly binaryData: Readonly<Record<string, string>>;
  /** By path. */
  readonly keys: ReadonlyMap<string, string>;
}

export function contextData({ files }: Pick<Workspace, 'files'>): ContextData {
  const keys = keysOf(files.map(({ path }) => path));
  const keyed = files.map(({ path, content }) => ({ key: keys.get(path) ?? '', content }));
  const data = keyed.flatMap(({ key, content }) =>
    'text' in content ? [[key, content.text.toWellFormed()] as const] : [],
  );
  const binary = keyed.flatMap(({ key, content }) => ('text' in content ? [] : [[key, content.base64] as const]));
  return { data: Object.fromEntries(data), binaryData: Object.fromEntries(binary), keys };
}

/** Undefined: they fit. */
export function sizeProblem(files: readonly WorkspaceFile[]): string | undefined {
  const bytes = files.reduce((sum, { path, content }) => sum + keyBytes(path) + bytesOf(content), 0);
  if (bytes > maxBytes) {
    const largest = files.toSorted((a, b) => bytesOf(b.content) - bytesOf(a.content))[0];
    const most =
      largest === undefined ? '' : ` (the largest is ${quoted(largest.path)} with ${bytesOf(largest.content)})`;
    return `the description and the contexts have ${bytes} bytes together${most}, and a ConfigMap holds ${maxBytes}; shorten them, or fetch large ones with a Git or URL context`;
  }
  const mappings = files.reduce(
    (sum, { path }) => sum + keyBytes(path) + JSON.stringify(path).length + mappingFrame,
    0,
  );
  if (mappings <= maxMappingBytes) return undefined;
  return `the contexts are ${files.length} files, and their names are too long together for one container; fetch them with a Git context, or keep their ConfigMap in the namespace of the Agent`;
}

function keyBytes(path: string): number {
  return Math.min(Buffer.byteLength(path), dataKey.maxLength);
}

export function bytesOf(content: FileContent): number {
  return Buffer.byteLength('text' in content ? content.text : content.base64, 'text' in content ? 'utf8' : 'base64');
}

/** `/workspace/task.md` is `workspace-task.md`; where that is no key, or the key of several, a hash of the path is added. */
function keysOf(paths: readonly string[]): ReadonlyMap<string, string> {
  const uses = Map.groupBy(paths, plainKey);
  const isPlain = (path: string): boolean => isKey(plainKey(path)) && uses.get(plainKey(path))?.length === 1;
  const taken = new Set(paths.filter(isPlain).map(plainKey));
  const keys = new Map<string, string>();
  // In the order of paths, so that a key does not depend on the order of contexts.
  for (const path of paths.toSorted()) {
    const key = isPlain(path) ? plainKey(path) : freeKey(path, taken);
    taken.add(key);
    keys.set(path, key);
  }
  return keys;
}

function plainKey(path: string): string {
  return path
    .slice(1)
    .replaceAll('/', '-')
    .replaceAll(/[^-._a-zA-Z0-9]/g, '_');
}

function freeKey(path: string, taken: ReadonlySet<string>): string {
  const start = plainKey(path)
    .replace(/^\.+/, '_')
    .slice(0, dataKey.maxLength - hashLength - 1);
  for (let attempt = 0; ; attempt += 1) {
    const key = `${start}-${hexOf(digestOf(JSON.stringify([path, attempt]))).slice(0, hashLength)}`;
    if (!taken.has(key)) return key;
  }
}

/** As the API server has it: a file of that name must be possible. */
function isKey(key: string): boolean {
  return key !== '.' && key.length <= dataKey.maxLength && (dataKey.pattern?.test(key) ?? true);
}
