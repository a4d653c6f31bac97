/** Files of policies: text in, documents out. Everything is read each time; only what changed is parsed again. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { parsePolicyDocuments, type PolicyDocument } from '../../policy/parse-documents.ts';
import { trustRootFromJson } from '../../policy/parse-trust-root-json.ts';
import type { Source } from './last-good.ts';
import { listFiles, reason, type UnreadablePath } from './list-files.ts';

const maxBytes = 1024 * 1024;

interface ReadFile {
  readonly text: string;
  readonly source: Source;
}

/** Gives a function that reads files and folders as they are now. */
export function policyFileReader(paths: readonly string[]): () => Promise<readonly Source[]> {
  let known: ReadonlyMap<string, ReadFile> = new Map();

  return async () => {
    const { files, unreadable } = await listFiles(paths);
    const now = new Map<string, ReadFile>();
    const sources = unreadable.map(unreadableSource);
    for (const file of files) {
      const text = await readText(file);
      if (typeof text !== 'string') {
        sources.push(unreadableSource(text));
        continue;
      }
      const before = known.get(file);
      const read = before?.text === text ? before : { text, source: { name: file, documents: parseFile(text, file) } };
      now.set(file, read);
      sources.push(read.source);
    }
    known = now;
    return sources;
  };
}

async function readText(path: string): Promise<string | UnreadablePath> {
  try {
    const { size } = await stat(path);
    return size > maxBytes ? { path, message: `it is larger than ${maxBytes} bytes` } : await readFile(path, 'utf8');
  } catch (error) {
    return { path, message: reason(error) };
  }
}

function unreadableSource({ path, message }: UnreadablePath): Source {
  return { name: path, documents: [{ kind: 'problem', where: path, messages: [message] }] };
}

function parseFile(text: string, file: string): readonly PolicyDocument[] {
  if (isTrustedRoot(text)) return [parseTrustedRoot(text, file)];
  const documents = parsePolicyDocuments(text, file);
  // Half-written files are empty for a moment; to take policies away, delete their file.
  return documents.length > 0 ? documents : [{ kind: 'problem', where: file, messages: ['there is no policy in it'] }];
}

/** A Sigstore trusted_root.json, which is no Kubernetes object: its name as a TrustRoot is that of its file. */
function isTrustedRoot(text: string): boolean {
  if (!text.trimStart().startsWith('{')) return false;
  const json = parseStrictJson(text);
  const mediaType = json.ok ? asRecord(json.value)?.['mediaType'] : undefined;
  return typeof mediaType === 'string' && mediaType.startsWith('application/vnd.dev.sigstore.trustedroot');
}

function parseTrustedRoot(text: string, file: string): PolicyDocument {
  const name = basename(file).replace(/\.[^.]*$/, '');
  const parsed = trustRootFromJson(name, text);
  return parsed.ok
    ? { kind: 'trust-root', where: file, name, root: parsed.value }
    : { kind: 'problem', where: file, of: `TrustRoot/${name}`, messages: parsed.failure };
}
