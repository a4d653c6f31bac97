/**
 * Kubernetes manifests from files, and the AdmissionReview that an API server would send for each of them on creation.
 */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { asRecord } from '../kernel/strict-json.ts';

export interface ManifestDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly object: unknown;
}

const maxBytes = 16 * 1024 * 1024;

/** Throws an Error with a sentence: what cannot be read is a usage error of the command. */
export function readManifests(file: string): readonly ManifestDocument[] {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  if (text.length > maxBytes) throw new Error(`${file} is larger than ${maxBytes} bytes`);
  const documents = parseAllDocuments(text, { version: '1.2', uniqueKeys: true });
  return documents.flatMap((document, index) => {
    const where = `${file}, document ${index + 1}`;
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${where}: ${error.message}`);
    // Without a limit a page of aliases is gigabytes of object.
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null ? [] : manifestsIn(value, where);
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
  const metadata = asRecord(object['metadata']);
  const text = (member: unknown, fallback: string): string => (typeof member === 'string' ? member : fallback);
  const namespace = text(metadata?.['namespace'], 'default');
  const name = text(metadata?.['name'], text(metadata?.['generateName'], ''));
  return [{ apiVersion, kind, namespace, name, object }];
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
      object: document.object,
      oldObject: null,
      dryRun: true,
      options: null,
    },
  };
}
