/** FILE_MAPPINGS and DIR_MAPPINGS: JSON that a controller wrote, ours or another's. */
import { quoted } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { InitResult } from '../command.ts';
import { pathProblem } from '../volume-files.ts';

export interface FileMapping {
  /** Of the ConfigMap. */
  readonly key: string;
  readonly targetPath: string;
  readonly mode: number;
}

export interface FolderMapping {
  readonly sourcePath: string;
  readonly targetPath: string;
  readonly mode: number;
}

const maxCharacters = 4_194_304;
const maxMappings = 10_000;
const defaultMode = 0o644;

export function parseFileMappings(text: string | undefined): InitResult<readonly FileMapping[]> {
  return parseList('FILE_MAPPINGS', text, (entry) => {
    const { key, targetPath } = entry;
    const mode = modeIn(entry);
    // Names inside a volume of a ConfigMap begin with two dots: the atomic writer's own.
    if (typeof key !== 'string' || !/^[-._a-zA-Z0-9]{1,253}$/.test(key) || key === '.' || key.startsWith('..')) {
      return fail('key is no key of a ConfigMap');
    }
    if (mode === undefined) return fail('fileMode is no number from 0 to 511 (0777)');
    const problem = targetProblem(targetPath);
    return problem === undefined ? ok({ key, targetPath: String(targetPath), mode }) : fail(problem);
  });
}

export function parseFolderMappings(text: string | undefined): InitResult<readonly FolderMapping[]> {
  return parseList('DIR_MAPPINGS', text, (entry) => {
    const { sourcePath, targetPath } = entry;
    const mode = modeIn(entry);
    if (mode === undefined) return fail('fileMode is no number from 0 to 511 (0777)');
    if (typeof sourcePath !== 'string') return fail('sourcePath is no text');
    const problem = pathProblem(sourcePath) ?? targetProblem(targetPath);
    return problem === undefined ? ok({ sourcePath, targetPath: String(targetPath), mode }) : fail(problem);
  });
}

function parseList<T>(
  name: string,
  text: string | undefined,
  parse: (entry: Readonly<Record<string, unknown>>) => InitResult<T>,
): InitResult<readonly T[]> {
  if (text === undefined) return ok([]);
  if (text.length > maxCharacters) return fail(`${name} is longer than ${maxCharacters} characters`);
  const json = parseStrictJson(text, 8);
  if (!json.ok) return fail(`${name} cannot be read: ${quoted(json.problem)}`);
  // Go writes an empty list as null.
  const entries: readonly unknown[] | undefined = json.value === null ? [] : listIn(json.value);
  if (entries === undefined) return fail(`${name} is no JSON list`);
  if (entries.length > maxMappings) return fail(`${name} has more than ${maxMappings} entries`);
  const parsed: T[] = [];
  for (const [index, entry] of entries.entries()) {
    const members = asRecord(entry);
    const found = members === undefined ? fail('it is no JSON object') : parse(members);
    if (!found.ok) return fail(`${name}[${index}]: ${found.failure}`);
    parsed.push(found.value);
  }
  return ok(parsed);
}

const listIn = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);

function targetProblem(targetPath: unknown): string | undefined {
  return typeof targetPath === 'string' ? pathProblem(targetPath) : 'targetPath is no text';
}

function modeIn({ fileMode }: Readonly<Record<string, unknown>>): number | undefined {
  if (fileMode === undefined || fileMode === null) return defaultMode;
  const isMode = typeof fileMode === 'number' && Number.isInteger(fileMode) && fileMode >= 0 && fileMode <= 0o777;
  return isMode ? fileMode : undefined;
}
