/**
 * Kubernetes manifests from files, read as kubectl reads them, and the AdmissionReview that an API server would send for each
 * of them on creation.
 * A file may also hold AdmissionReviews themselves, as an API server sent them.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { asRecord } from '../kernel/strict-json.ts';
import { parseStrictYaml } from '../kernel/strict-yaml.ts';

export interface ManifestDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly object: unknown;
  /** Present: it came in this AdmissionReview, which is asked as it is. */
  readonly review?: Readonly<Record<string, unknown>>;
}

const maxBytes = 16 * 1024 * 1024;
/** Schemas of custom resources are nested deeper than anything else in manifests. */
const limits = { characters: maxBytes, documents: 10_000, aliases: 100, depth: 100 };

/**
 * Manifests of a file, of every YAML and JSON file right in a folder, or of standard input for `-`. Throws an Error with
 * a sentence: what cannot be read is a usage error of the command, and so is nothing, which would be admitted unseen.
 */
export function readManifests(path: string): readonly ManifestDocument[] {
  const isFolder = path !== '-' && statSync(path).isDirectory();
  const manifests = isFolder ? manifestFilesIn(path).flatMap(readFile) : readFile(path);
  if (manifests.length === 0) throw new Error(`there is no manifest in ${path}`);
  return manifests;
}

function manifestFilesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /\.(?:ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

function readFile(file: string): readonly ManifestDocument[] {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  if (text.length > maxBytes) throw new Error(`${file} is larger than ${maxBytes} bytes`);
  const stream = parseStrictYaml(text, limits, 'kubectl');
  if (!stream.ok) throw new Error(`${file}: ${stream.problem}`);
  return stream.documents.flatMap((document, index) => {
    const where = `${file}, document ${index + 1}`;
    if (!document.ok) throw new Error(`${where}: ${document.problem}`);
    return document.value === null ? [] : manifestsIn(document.value, where);
  });
}

function manifestsIn(value: unknown, where: string): readonly ManifestDocument[] {
  const object = asRecord(value);
  const { apiVersion, kind, items } = object ?? {};
  if (object === undefined || typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw new Error(`${where}: a manifest needs apiVersion and kind`);
  }
  if (kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item, index) => manifestsIn(item, `${where}, items[${index}]`));
  }
  if (kind === 'AdmissionReview') return [requestIn(object, where)];
  const metadata = asRecord(object['metadata']);
  const namespace = text(metadata?.['namespace'], 'default');
  const name = text(metadata?.['name'], text(metadata?.['generateName'], ''));
  return [{ apiVersion, kind, namespace, name, object }];
}

function requestIn(review: Readonly<Record<string, unknown>>, where: string): ManifestDocument {
  const request = asRecord(review['request']);
  if (request === undefined) throw new Error(`${where}: an AdmissionReview needs a request`);
  const { group, version, kind } = asRecord(request['kind']) ?? {};
  const apiVersion = [text(group, ''), text(version, '')].filter((part) => part !== '').join('/');
  const name = text(request['name'], '');
  const namespace = text(request['namespace'], '');
  return { apiVersion, kind: text(kind, ''), namespace, name, object: request['object'], review };
}

function text(member: unknown, fallback: string): string {
  return typeof member === 'string' ? member : fallback;
}

/** kubectl's guess of the resource: right for every kind that is judged. */
function plural(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith('y')) return `${lower.slice(0, -1)}ies`;
  return lower.endsWith('s') ? `${lower}es` : `${lower}s`;
}

export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export function resourceOf({ apiVersion, kind }: Pick<ManifestDocument, 'apiVersion' | 'kind'>): Resource {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  return { group, version, resource: plural(kind) };
}

export function admissionReviewFor(document: ManifestDocument, uid: string): unknown {
  const { review, object } = document;
  if (review !== undefined) return { ...review, request: { ...asRecord(review['request']), object } };
  const { group, version, resource } = resourceOf(document);
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group, version, kind: document.kind },
      resource: { group, version, resource },
      name: document.name,
      namespace: document.namespace,
      operation: 'CREATE',
      userInfo: { username: 'review' },
      object,
      oldObject: null,
      dryRun: true,
      options: null,
    },
  };
}
