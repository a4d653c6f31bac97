/** Requests in the API server's audit log: audit.k8s.io/v1 Event, at level Request or RequestResponse. */
import { judgedKinds } from '../../admission/judged-kinds.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { broken, textAt, type Members, type RecordedVerdict, type ReplayItem } from './item.ts';

/** Undefined: there is nothing in it that the webhook would hear of, or it came no further than authorization. */
export function auditEventIn(event: Members, where: string): ReplayItem | undefined {
  const reference = asRecord(event['objectRef']);
  if (reference === undefined || !isHeardOf(event, reference)) return undefined;
  const object = asRecord(event['requestObject']);
  if (object === undefined) return broken(where, 'it has no requestObject; audit at level Request or RequestResponse');
  const request = requestOf(event, reference, object);
  const recorded = verdictOfStatus(asRecord(event['responseStatus'])?.['code']);
  return {
    kind: 'review',
    where,
    document: {
      apiVersion: textAt(object, 'apiVersion') ?? '',
      kind: request.kind.kind,
      namespace: request.namespace,
      name: request.name,
      object,
      review: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request },
    },
    ...(recorded === undefined ? {} : { recorded }),
  };
}

/** A patch is not the object that comes of it. */
const verbs: ReadonlySet<unknown> = new Set(['create', 'update']);
const subresources: ReadonlySet<string> = new Set(['', 'ephemeralcontainers']);

function isHeardOf({ stage, verb, annotations }: Members, reference: Members): boolean {
  const [group, resource] = [textAt(reference, 'apiGroup') ?? '', textAt(reference, 'resource')];
  const isForbidden = asRecord(annotations)?.['authorization.k8s.io/decision'] === 'forbid';
  const isWhole = stage === 'ResponseComplete' && verbs.has(verb) && !isForbidden;
  const isJudged = judgedKinds.some((known) => known.group === group && known.resource === resource);
  return isWhole && isJudged && subresources.has(textAt(reference, 'subresource') ?? '');
}

function requestOf(event: Members, reference: Members, object: Members) {
  const [group, version] = [textAt(reference, 'apiGroup') ?? '', textAt(reference, 'apiVersion') ?? ''];
  const metadata = asRecord(object['metadata']);
  return {
    uid: textAt(event, 'auditID') ?? 'none',
    kind: { group, version, kind: textAt(object, 'kind') ?? '' },
    resource: { group, version, resource: textAt(reference, 'resource') ?? '' },
    subResource: textAt(reference, 'subresource') ?? '',
    namespace: textAt(reference, 'namespace') ?? '',
    name: textAt(reference, 'name') ?? textAt(metadata, 'name') ?? textAt(metadata, 'generateName') ?? '',
    // What it was before is not in the log: every image of it is judged.
    operation: 'CREATE',
    userInfo: { username: textAt(asRecord(event['user']), 'username') ?? '' },
    dryRun: true,
    object,
    oldObject: null,
  };
}

/** Other answers (of a conflict, of an object that is there already) say nothing about admission. */
function verdictOfStatus(code: unknown): RecordedVerdict | undefined {
  if (typeof code !== 'number') return undefined;
  if (code >= 200 && code < 300) return 'admit';
  return code === 403 || code === 400 ? 'refuse' : undefined;
}
