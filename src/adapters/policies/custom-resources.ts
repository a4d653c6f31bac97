/**
 * Policies from the cluster: ClusterImagePolicies, ActionPolicies and TrustRoots are watched, the Secrets that they name are read from
 * Countersign's own namespace, and a ConfigMap there has the settings. What was read last stays in force while the API
 * server is away; docs/decisions/0007-policies-last-good.md says what happens to broken objects.
 */
import { CoreV1Api, CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import type { NoMatchPolicy, TrustRoot } from '../../policy/model.ts';
import type { ParsedPolicy } from '../../policy/parse-cluster-image-policy.ts';
import { parsePolicyValue } from '../../policy/parse-documents.ts';
import type { Logger } from '../../ports/logger.ts';
import type { PolicyProblem } from '../../ports/policies.ts';
import { usualLimits, type CallLimits } from '../kubernetes/bounded-call.ts';
import { watchObjects, type ApiObject, type Collection, type WatchedObjects } from '../kubernetes/watch-objects.ts';
import { statusWriter, type PolicyToReport } from './action-policy-status.ts';
import type { Source } from './last-good.ts';
import { secretReader } from './named-secrets.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { policyStore } from './policy-store.ts';
import { secretNames } from './secret-names.ts';
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
  readonly limits?: CallLimits;
  readonly timing?: ClusterTiming;
}

/** Milliseconds. */
interface ClusterTiming {
  /** After a change; more changes within it are taken together. */
  readonly settle: number;
  /** Until Secrets are read again; shorter while one of them is missing. */
  readonly secrets: { readonly there: number; readonly missing: number };
  /** Between tries to reach the API server. */
  readonly pauses: { readonly first: number; readonly longest: number };
  /** Between looks at what the status of ActionPolicies should say. */
  readonly status?: number;
}

const usualStatusMs = 60_000;

const usualTiming: ClusterTiming = {
  settle: 50,
  secrets: { there: 30_000, missing: 5_000 },
  pauses: { first: 1_000, longest: 10_000 },
};

/** Begins at once; there is no policy in force until everything was read for the first time. */
export function clusterPolicies(options: ClusterPoliciesOptions): WatchedPolicies {
  const { kubeConfig, systemNamespace, limits = usualLimits, timing = usualTiming } = options;
  const store = policyStore({ ...options, secretNamespace: systemNamespace });
  const readSecrets = secretReader(kubeConfig, systemNamespace, limits);
  const parse = objectParser();
  const status = statusWriter(kubeConfig, limits, options.log);
  let reported: readonly PolicyToReport[] = [];
  const report = oneAtATime(async () => status.write(reported, new Date()));
  let soon: NodeJS.Timeout | undefined;
  let later: NodeJS.Timeout | undefined;
  let closed = false;

  const watched = collections(kubeConfig, systemNamespace).map((collection) => ({
    title: collection.title,
    watch: watchObjects({ kubeConfig, limits, pauses: timing.pauses }, collection, changed),
  }));

  function changed(): void {
    soon ??= setTimeout(() => {
      soon = undefined;
      rebuild().catch((error: unknown) => {
        options.log.error({ error }, 'policies could not be read; those read before stay in force');
      });
    }, timing.settle).unref();
  }

  const rebuild = oneAtATime(async () => {
    const ofWatches = watched.flatMap(({ title, watch }) => watchProblem(title, watch));
    const [policies, actionPolicies, trustRoots, configMaps] = watched.map(({ watch }) => watch.objects());
    if (!policies || !actionPolicies || !trustRoots || !configMaps) {
      store.note(ofWatches);
      return;
    }
    const settings = readSettings(configMaps[0]?.document, options.noMatch);
    const objects = parse({ ClusterImagePolicy: policies, ActionPolicy: actionPolicies, TrustRoot: trustRoots });
    const names = secretNames([...policiesIn(objects), ...store.policies()]);
    const secrets = await readSecrets(names);
    if (closed) return;
    store.note([...ofWatches, ...settings.problems]);
    store.replace([...objects, ...secrets], settings.noMatch);
    reported = toReport(actionPolicies, objects);
    void report();
    clearTimeout(later);
    const allThere = secrets.every(({ documents }) => documents.some(({ kind }) => kind === 'secret'));
    const wait = allThere ? timing.secrets.there : timing.secrets.missing;
    if (names.length > 0) later = setTimeout(changed, wait).unref();
  });

  // Exceptions expire without anybody changing anything.
  const reporting = setInterval(() => void report(), timing.status ?? usualStatusMs).unref();

  return {
    current: () => store.current(),
    usePublicTrustRoot: (root) => store.usePublicTrustRoot(root),
    problems: () => store.problems(),
    documents: () => store.documents(),
    close: () => {
      closed = true;
      clearTimeout(soon);
      clearTimeout(later);
      clearInterval(reporting);
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
    list: (call) => customObjects.listClusterCustomObject({ group, version, plural }, call),
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

const kinds = ['ClusterImagePolicy', 'ActionPolicy', 'TrustRoot'] as const;
type Kind = (typeof kinds)[number];

/** Parses again only what has a new resource version. */
function objectParser(): (objects: Readonly<Record<Kind, readonly ApiObject[]>>) => readonly Source[] {
  let known = new Map<string, Source>();
  return (objects) => {
    const now = new Map<string, Source>();
    for (const kind of kinds) {
      for (const { name, resourceVersion, document } of objects[kind]) {
        const source = `${kind}/${name}`;
        const key = `${source} ${resourceVersion}`;
        now.set(key, known.get(key) ?? { name: source, documents: parsePolicyValue(document, source) });
      }
    }
    known = now;
    return [...now.values()];
  };
}

function toReport(objects: readonly ApiObject[], sources: readonly Source[]): readonly PolicyToReport[] {
  const byName = new Map(sources.map(({ name, documents }) => [name, documents]));
  return objects.flatMap(({ name, document: object }) => {
    const [document] = byName.get(`ActionPolicy/${name}`) ?? [];
    return document === undefined ? [] : [{ name, object, document }];
  });
}

function policiesIn(sources: readonly Source[]): readonly ParsedPolicy[] {
  const documents = sources.flatMap((source) => source.documents);
  return documents.flatMap((document) => (document.kind === 'policy' ? [document.policy] : []));
}
