/**
 * AdmissionReviews that somebody kept: one JSON text a line, as webhooks log them or as the API server's audit log has
 * requests, or manifests and AdmissionReviews as YAML or JSON files. Read line by line: a log may be larger than memory.
 */
import { stat } from 'node:fs/promises';
import { rawLines } from '../../adapters/decision-log/lines.ts';
import { listFiles } from '../../adapters/policies/list-files.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { readManifests, type ManifestDocument } from '../manifest-documents.ts';
import { UsageError } from '../usage-error.ts';
import { auditEventIn } from './audit-events.ts';
import { broken, textAt, type Members, type RecordedVerdict, type ReplayItem } from './item.ts';

export async function* storedReviews(paths: readonly string[]): AsyncGenerator<ReplayItem> {
  for (const path of paths) {
    for (const file of await filesOf(path)) {
      if (await isLines(file)) yield* fromLines(file);
      else yield* fromManifests(file);
    }
  }
}

async function filesOf(path: string): Promise<readonly string[]> {
  if (path === '-') return ['/dev/stdin'];
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    throw new UsageError(`--file: cannot read ${path}: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
  if (!isFolder) return [path];
  const { files, unreadable } = await listFiles([path]);
  const [first] = unreadable;
  if (first !== undefined) throw new UsageError(`--file: ${first.path}: ${first.message}`);
  if (files.length === 0) throw new UsageError(`--file: there is no *.yaml, *.yml or *.json file in ${path}`);
  return files;
}

/** A file ending in .json is a text of its own when its first line is not. */
async function isLines(file: string): Promise<boolean> {
  if (/\.ya?ml$/.test(file)) return false;
  if (!file.endsWith('.json')) return true;
  for await (const { bytes } of rawLines(file)) return parseStrictJson(bytes).ok;
  return true;
}

async function* fromManifests(file: string): AsyncGenerator<ReplayItem> {
  let documents: readonly ManifestDocument[];
  try {
    documents = readManifests(file);
  } catch (error) {
    yield { kind: 'broken', where: file, why: error instanceof Error ? error.message : 'it cannot be read' };
    return;
  }
  for (const [index, document] of documents.entries()) {
    const recorded = document.review === undefined ? undefined : recordedIn(document.review);
    const uid = textAt(asRecord(document.review?.['request']), 'uid');
    yield {
      kind: 'review',
      where: `${file}, document ${index + 1}`,
      document,
      ...(recorded === undefined ? {} : { recorded }),
      ...(uid === undefined ? {} : { uid }),
    };
  }
}

/** The longest request that an API server takes is 3 MiB; a log has it escaped at worst once. */
async function* fromLines(file: string): AsyncGenerator<ReplayItem> {
  for await (const { line, bytes } of rawLines(file)) {
    if (bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)) continue;
    const where = `${file}:${line}`;
    const parsed = parseStrictJson(bytes, 1_000);
    const item = parsed.ok ? itemIn(parsed.value, where) : broken(where, parsed.problem);
    if (item !== undefined) yield item;
  }
}

/** Undefined: it is in order, and there is nothing in it to judge. */
function itemIn(value: unknown, where: string): ReplayItem | undefined {
  const record = asRecord(value);
  if (record === undefined) return broken(where, 'it is no JSON object');
  if (record['kind'] === 'AdmissionReview') return reviewIn(record, where);
  if (record['kind'] === 'Event' && textAt(record, 'auditID') !== undefined) return auditEventIn(record, where);
  return broken(where, 'it is neither an AdmissionReview nor an event of an audit log');
}

function reviewIn(review: Members, where: string): ReplayItem {
  const request = asRecord(review['request']);
  const uid = textAt(request, 'uid');
  if (request === undefined || uid === undefined) return broken(where, 'an AdmissionReview needs a request with a uid');
  const kind = asRecord(request['kind']);
  const group = textAt(kind, 'group');
  const apiVersion = `${group === undefined ? '' : `${group}/`}${textAt(kind, 'version') ?? ''}`;
  const recorded = recordedIn(review);
  return {
    kind: 'review',
    where,
    uid,
    document: {
      apiVersion,
      kind: textAt(kind, 'kind') ?? '',
      namespace: textAt(request, 'namespace') ?? '',
      name: textAt(request, 'name') ?? '',
      object: request['object'],
      review,
    },
    ...(recorded === undefined ? {} : { recorded }),
  };
}

function recordedIn(review: Members): RecordedVerdict | undefined {
  const allowed = asRecord(review['response'])?.['allowed'];
  if (typeof allowed !== 'boolean') return undefined;
  return allowed ? 'admit' : 'refuse';
}
