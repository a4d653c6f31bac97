/**
 * Large collections page by page, as the API server has them: what the client library makes of objects leaves out members
 * that it does not know, and admission has seen them all. Kubernetes API concepts §retrieving large results sets in chunks
 */
import {
  CustomObjectsApi,
  Observable,
  setHeaderOptions,
  type ConfigurationOptions,
  type KubeConfig,
  type ObservableMiddleware,
} from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { apiFailure, boundedCall, type ApiFailure, type CallLimits } from './bounded-call.ts';

export interface Listing {
  /** Completes "list". */
  readonly title: string;
  /** Absent: core/v1. */
  readonly group?: { readonly name: string; readonly version: string };
  readonly plural: string;
  /** Absent: of the cluster. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What is asked for instead of whole objects. */
  readonly metadataOnly?: true;
}

export interface PageSettings {
  readonly limits: CallLimits;
  readonly pageSize: number;
}

const onlyMetadata = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** Ends after the last page, or with the first failure. */
export async function* listPages(
  kubeConfig: KubeConfig,
  listing: Listing,
  { limits, pageSize }: PageSettings,
  signal: AbortSignal,
): AsyncGenerator<Result<readonly unknown[], ApiFailure>> {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  let next: string | undefined;
  do {
    const page = { limit: pageSize, ...defined('_continue', next) };
    const call = (options: ConfigurationOptions): Promise<unknown> => pageOf(api, listing, page, options);
    const answer = await boundedCall(`list ${listing.title}`, limits, call, signal);
    const list = answer.ok ? asRecord(answer.value) : undefined;
    const items = list?.['items'];
    if (!answer.ok || !Array.isArray(items)) {
      yield answer.ok ? fail(apiFailure(`list ${listing.title}`, new Error('the answer is no list'))) : answer;
      return;
    }
    yield ok(items);
    const token = asRecord(list?.['metadata'])?.['continue'];
    next = typeof token === 'string' && token !== '' ? token : undefined;
  } while (next !== undefined);
}

/** One page, as the API server sends it. */
export function pageOf(
  api: CustomObjectsApi,
  listing: Listing,
  page: { readonly limit: number; readonly _continue?: string },
  options: ConfigurationOptions,
): Promise<unknown> {
  const { group = core, plural, namespace, labelSelector, fieldSelector, metadataOnly } = listing;
  const call = metadataOnly === undefined ? options : setHeaderOptions('Accept', onlyMetadata, options);
  const query = {
    group: group.name,
    version: group.version,
    plural,
    ...page,
    ...defined('labelSelector', labelSelector),
    ...defined('fieldSelector', fieldSelector),
  };
  const through = listing.group === undefined ? { ...call, middleware: [...(call.middleware ?? []), asCore] } : call;
  return namespace === undefined
    ? api.listClusterCustomObject(query, through)
    : api.listNamespacedCustomObject({ ...query, namespace }, through);
}

/** The core group has no name and a path of its own, which this part of the library does not know. */
const core = { name: 'core', version: 'v1' };
const asCore: ObservableMiddleware = {
  pre(request) {
    request.setUrl(request.getUrl().replace('/apis/core/v1/', '/api/v1/'));
    return new Observable(Promise.resolve(request));
  },
  post: (response) => new Observable(Promise.resolve(response)),
};
