/**
 * Policies from the cluster: ClusterImagePolicies, ActionPolicies and TrustRoots are watched, the Secrets that they name are
 * read from Countersign's own namespace, and a ConfigMap there, watched too, has the settings. What was read last stays in
 * force while the API server is away; docs/decisions/0007-policies-last-good.md says what happens to broken objects.
 */
import { setImmediate } from 'node:timers/promises';
import { CoreV1Api, CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { NoMatchPolicy, TrustRoot } from '../../policy/model.ts';
import { parsePolicyValue } from '../../policy/parse-documents.ts';
import { materialsOf, type MaterialRef } from '../../policy/wanted-materials.ts';
import type { Logger } from '../../ports/logger.ts';
import type { PolicyProblem } from '../../ports/policies.ts';
import type { PolicyKind, PolicyObject, PolicyObjects } from '../../ports/policy-objects.ts';
import { usualLimits, type CallLimits } from '../kubernetes/bounded-call.ts';
import type { Collection } from '../kubernetes/follow-collection.ts';
import { watchObjects, type ApiObject, type WatchedObjects } from '../kubernetes/watch-objects.ts';
import { followMaterials, type MaterialSources, type MaterialTiming } from '../materials/follow-materials.ts';
import { followTrustRoots, type TrustRootSettings } from '../sigstore/trust-roots.ts';
import { policiesIn, type Source } from './last-good.ts';
import { followObjects, type NamedObject } from './named-objects.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { policyStore, type PolicyStore } from './policy-store.ts';
import { readSettings, settingsName } from './settings.ts';
import type { WatchedPolicies } from './watched-policies.ts';

export interface ClusterPoliciesOptions {
  readonly kubeConfig: KubeConfig;
  /** Where Secrets and settings are read from. */
  readonly systemNamespace: string;
  /** In force unless the settings say otherwise. */
  readonly noMatch: NoMatchPolicy;
  readonly publicTrustRoot: TrustRoot;
  readonly log: Logger;
  readonly trustRoots?: TrustRootSettings;
  /** Of keys of key services and code at addresses; absent: policies that name such refuse what they match. */
  readonly materials?: MaterialSources;
  readonly materialTiming?: MaterialTiming;
  readonly limits?: CallLimits;
  readonly timing?: ClusterTiming;
}

/** Milliseconds. */
interface ClusterTiming {
  /** After a change; more changes within it are taken together. */
  readonly settle: number;
  /** Until Secrets are read again; longer when there are so many that it would be too much for the API server. */
  readonly secrets: number;
  /** Between tries to reach the API server. */
  readonly pauses: { readonly first: number; readonly longest: number };
}

const usualTiming: ClusterTiming = { settle: 50, secrets: 3_000, pauses: { first: 1_000, longest: 10_000 } };

export interface ClusterPolicies extends WatchedPolicies, PolicyObjects {}

/** Begins at once; there is no policy in force until everything was read for the first time. */
export function clusterPolicies(options: ClusterPoliciesOptions): ClusterPolicies {
  const { kubeConfig, systemNamespace, limits = usualLimits, timing = usualTiming } = options;
  const { log } = options;
  const store = policyStore({
    ...options,
    secretNamespace: systemNamespace,
    followTrustRoots: (replaced) =>
      followTrustRoots({ log, addresses: 'no-local', ...options.trustRoots }, () => {
        replaced();
        changed();
      }),
  });
  const place = { kubeConfig, namespace: systemNamespace, limits, pauseMs: timing.secrets };
  const named = followObjects(place, materialsChanged);
  const looked = followMaterials(options.materials, materialsChanged, options.materialTiming);
  const parse = objectParser();
  const listeners = new Set<() => void>();
  let objects: readonly PolicyObject[] | undefined;
  let applied: { readonly sources: readonly Source[]; readonly settings: string; readonly news: number } | undefined;
  // Counted, so that what comes while the rest is read is not overlooked.
  let news = 0;
  let soon: NodeJS.Timeout | undefined;
  let closed = false;

  const watched = collections(kubeConfig, systemNamespace).map((collection) => ({
    title: collection.title,
    watch: watchObjects({ kubeConfig, limits, pauses: timing.pauses }, collection, changed),
  }));

  function materialsChanged(): void {
    news += 1;
    changed();
  }

  function changed(): void {
    soon ??= setTimeout(() => {
      soon = undefined;
      rebuild().catch((error: unknown) => {
        options.log.error({ error }, 'policies could not be read; those read before stay in force');
      });
    }, timing.settle).unref();
  }

  /** Thousands of policies are not compiled again because a status was written. */
  function isApplied(sources: readonly Source[], settings: string): boolean {
    const isSame = (source: Source, index: number): boolean => source === applied?.sources[index];
    if (applied === undefined || applied.settings !== settings || applied.news !== news) return false;
    return applied.sources.length === sources.length && sources.every(isSame);
  }

  const rebuild = oneAtATime(async () => {
    const ofWatches = watched.flatMap(({ title, watch }) => watchProblem(title, watch));
    const [policies, actionPolicies, trustRoots, configMaps] = watched.map(({ watch }) => watch.objects());
    if (!policies || !actionPolicies || !trustRoots || !configMaps) {
      store.note(ofWatches);
      return;
    }
    const settings = readSettings(configMaps[0]?.document, options.noMatch);
    const meaning = JSON.stringify({ ...settings, problems: [] });
    const read = parse({ ClusterImagePolicy: policies, ActionPolicy: actionPolicies, TrustRoot: trustRoots });
    const sources = read.map(({ source }) => source);
    // Reading thousands of policies and compiling them are pieces of work of their own: requests go in between.
    await setImmediate();
    store.note([...ofWatches, ...settings.problems]);
    if (!isApplied(sources, meaning)) {
      const seen = news;
      const refs = materialsOf([...policiesIn(sources), ...store.policies()]);
      const [readObjects, found] = await Promise.all([named.read(objectsNamed(refs)), looked.read(refs)]);
      if (closed) return;
      store.replace([...sources, ...readObjects], settings, found);
      applied = { sources, settings: meaning, news: seen };
      await setImmediate();
    }
    objects = read.flatMap((one) => objectOf(one, store));
    for (const listener of listeners) listener();
  });

  return {
    current: () => store.current(),
    usePublicTrustRoot: (root) => store.usePublicTrustRoot(root),
    problems: () => store.problems(),
    documents: () => store.documents(),
    objects: () => objects,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      closed = true;
      store.close();
      clearTimeout(soon);
      named.close();
      looked.close();
      for (const { watch } of watched) watch.close();
    },
  };
}

const version = 'v1alpha1';

/** Policies of both kinds, trust roots, settings: in this order. */
function collections(kubeConfig: KubeConfig, namespace: string): readonly Collection[] {
  const customObjects = kubeConfig.makeApiClient(CustomObjectsApi);
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const fieldSelector = `metadata.name=${settingsName}`;
  const ofGroup = (group: string, plural: string): Collection => ({
    title: plural,
    path: `/apis/${group}/${version}/${plural}`,
    list: (call, page) => customObjects.listClusterCustomObject({ group, version, plural, ...page }, call),
  });
  return [
    ofGroup('policy.sigstore.dev', 'clusterimagepolicies'),
    ofGroup('countersign.dev', 'actionpolicies'),
    ofGroup('policy.sigstore.dev', 'trustroots'),
    {
      title: `configmap ${namespace}/${settingsName}`,
      path: `/api/v1/namespaces/${namespace}/configmaps`,
      fieldSelector,
      list: (call) => core.listNamespacedConfigMap({ namespace, fieldSelector }, call),
    },
  ];
}

function watchProblem(where: string, watch: WatchedObjects): readonly PolicyProblem[] {
  const failed = watch.problem();
  if (failed === undefined) return [];
  const hint = failed.status === 404 ? ': install the custom resource definitions (manifests/crds)' : '';
  const known = watch.objects() !== undefined;
  const consequence = known
    ? 'What was read before stays in force.'
    : 'No policy is in force: every request is refused.';
  return [{ where, message: `${failed.message}${hint}`, consequence }];
}

const kinds: readonly PolicyKind[] = ['ClusterImagePolicy', 'ActionPolicy', 'TrustRoot'];

interface ReadObject {
  readonly kind: PolicyKind;
  readonly object: ApiObject;
  readonly source: Source;
}

/** Parses again only what is another text: a new status, for one, changes nothing. */
function objectParser(): (objects: Readonly<Record<PolicyKind, readonly ApiObject[]>>) => readonly ReadObject[] {
  let known = new Map<string, Source>();
  return (objects) => {
    const now = new Map<string, Source>();
    const read = kinds.flatMap((kind) =>
      objects[kind].map((object) => {
        const name = `${kind}/${object.name}`;
        const key = `${name} ${revisionOf(object)}`;
        const source = known.get(key) ?? { name, documents: parsePolicyValue(object.document, name) };
        now.set(key, source);
        return { kind, object, source };
      }),
    );
    known = now;
    return read;
  };
}

/** The generation counts changes of the spec; a deleted object that was made again begins anew. */
function revisionOf({ document, resourceVersion }: ApiObject): string {
  const { uid, generation } = asRecord(asRecord(document)?.['metadata']) ?? {};
  return typeof uid === 'string' && typeof generation === 'number' ? `${uid} ${generation}` : resourceVersion;
}

function objectOf({ kind, object, source }: ReadObject, store: PolicyStore): readonly PolicyObject[] {
  const [document] = source.documents;
  if (document === undefined) return [];
  const inForce = store.inForce(source.name, document);
  const about = document.kind === 'trust-root' ? store.problems().filter(({ of }) => of === source.name) : [];
  const problems = about.map(({ message }) => message);
  const materials = document.kind === 'policy' ? store.materials(document.policy) : undefined;
  const read = { kind, name: object.name, object: object.document, document, inForce, problems };
  return [{ ...read, ...defined('materials', materials) }];
}

function objectsNamed(refs: readonly MaterialRef[]): readonly NamedObject[] {
  const names = (kind: MaterialRef['kind']): ReadonlySet<string> =>
    new Set(refs.flatMap((ref) => (ref.kind === kind && 'name' in ref ? [ref.name] : [])));
  return [
    ...[...names('secret')].map((name) => ({ kind: 'Secret', name }) as const),
    ...[...names('config-map')].map((name) => ({ kind: 'ConfigMap', name }) as const),
  ];
}
