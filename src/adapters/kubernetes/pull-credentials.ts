/**
 * The registry credentials that the kubelet would use for a workload: its pull secrets and those of its service account,
 * from its own namespace and nowhere else. They are read when a registry first asks, kept for a short time, and logged never.
 */
import { CoreV1Api, type KubeConfig, type V1Secret } from '@kubernetes/client-node';
import { LRUCache } from 'lru-cache';
import { digestOf } from '../../kernel/digest.ts';
import { failure, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import type { Logger } from '../../ports/logger.ts';
import type { AccountPullSecrets, PullCredentials, Workload } from '../../ports/pull-credentials.ts';
import { findCredentials, parseDockerConfig, type DockerConfig } from '../registry/docker-config.ts';
import { boundedCall, usualLimits, type ApiFailure, type CallLimits } from './bounded-call.ts';

export interface PullCredentialsOptions {
  readonly kubeConfig: KubeConfig;
  readonly log: Logger;
  /** For every namespace, after what the workload brings itself. */
  readonly installation?: DockerConfig;
  readonly limits?: CallLimits;
  /** Milliseconds for which what was read is used again. */
  readonly freshMs?: number;
}

type Found = Result<readonly DockerConfig[]>;

const maxWorkloads = 2_000;
/** A Pod may name as many as it likes; nobody needs more. */
const maxSecrets = 16;
const failureMs = 1_000;

export function clusterPullCredentials(options: PullCredentialsOptions): PullCredentials {
  const { installation, freshMs = 30_000 } = options;
  const read = workloadReader(options);
  const cache = new LRUCache<string, Found, Workload>({
    max: maxWorkloads,
    ttl: freshMs,
    fetchMethod: async (_id, _stale, { options: entry, context }) => {
      const found = await read(context);
      if (!found.ok) entry.ttl = failureMs;
      return found;
    },
  });

  return {
    ofWorkload(workload) {
      // Names only: reading the versions would be a round trip before it is known that anybody asks.
      const { namespace, serviceAccount, pullSecrets } = workload;
      const id = digestOf(stableJson({ namespace, serviceAccount, pullSecrets }));
      return {
        id,
        async forHost(host, repository, signal) {
          const found = await before(signal, cache.forceFetch(id, { context: workload }));
          if (!found.ok) return found;
          const configs = installation === undefined ? found.value : [...found.value, installation];
          return ok(configs.map((config) => findCredentials(config, host, repository)).find((it) => it !== undefined));
        },
      };
    },
  };
}

function workloadReader({ kubeConfig, log, limits = usualLimits }: PullCredentialsOptions) {
  const api = kubeConfig.makeApiClient(CoreV1Api);

  const ofServiceAccount = accountReader(api, limits);

  /** A Secret that is not there, or is no pull secret, is passed over, as the kubelet does. */
  async function ofSecret(namespace: string, name: string): Promise<Result<DockerConfig | undefined>> {
    const answer = await boundedCall(`read Secret ${namespace}/${name}`, limits, (call) =>
      api.readNamespacedSecret({ namespace, name }, call),
    );
    if (!answer.ok) {
      return answer.failure.status === 404 ? ok(undefined) : fail(unavailable(answer.failure, namespace));
    }
    const config = dockerConfigOf(answer.value);
    if (config === undefined) log.warn({ namespace, secret: name }, 'pull secret holds no docker config.json');
    return ok(config);
  }

  return async ({ namespace, serviceAccount, pullSecrets }: Workload): Promise<Found> => {
    const inherited = serviceAccount === '' ? ok([]) : await ofServiceAccount(namespace, serviceAccount);
    if (!inherited.ok) return inherited;
    const names = [...new Set([...pullSecrets, ...inherited.value])].filter(isObjectName).slice(0, maxSecrets);
    const configs: DockerConfig[] = [];
    for (const answer of await Promise.all(names.map((name) => ofSecret(namespace, name)))) {
      if (!answer.ok) return answer;
      if (answer.value !== undefined) configs.push(answer.value);
    }
    return ok(configs);
  };
}

export function accountPullSecrets({
  kubeConfig,
  limits = usualLimits,
}: Pick<PullCredentialsOptions, 'kubeConfig' | 'limits'>): AccountPullSecrets {
  const read = accountReader(kubeConfig.makeApiClient(CoreV1Api), limits);
  return {
    async ofAccounts(namespace, accounts, signal) {
      const names: string[] = [];
      for (const account of new Set(accounts.filter(isObjectName))) {
        const found = await before(signal, read(namespace, account));
        if (!found.ok) return found;
        names.push(...found.value);
      }
      return ok([...new Set(names)].slice(0, maxSecrets));
    },
  };
}

function accountReader(api: CoreV1Api, limits: CallLimits) {
  return async (namespace: string, name: string): Promise<Result<readonly string[]>> => {
    const answer = await boundedCall(`read service account ${namespace}/${name}`, limits, (call) =>
      api.readNamespacedServiceAccount({ namespace, name }, call),
    );
    if (!answer.ok) return answer.failure.status === 404 ? ok([]) : fail(unavailable(answer.failure));
    return ok((answer.value.imagePullSecrets ?? []).flatMap(({ name: secret }) => secret ?? []));
  };
}

/** Nothing else can exist, and ".." would mean another path. RFC 1123 §2.1 */
function isObjectName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name);
}

/** kubernetes.io/dockerconfigjson and the older kubernetes.io/dockercfg. */
function dockerConfigOf({ data }: V1Secret): DockerConfig | undefined {
  const encoded = data?.['.dockerconfigjson'] ?? data?.['.dockercfg'];
  if (encoded === undefined) return undefined;
  const parsed = parseDockerConfig(Buffer.from(encoded, 'base64').toString('utf8'));
  return parsed.ok ? parsed.value : undefined;
}

function unavailable({ status, message }: ApiFailure, namespace?: string): Failure {
  const wayOut =
    status === 403 && namespace !== undefined
      ? `: bind ClusterRole countersign-pull-secrets in namespace ${namespace}`
      : '';
  return failure('SECRET_UNAVAILABLE', `${message}${wayOut}`, 5);
}

/** The flight goes on for whoever else waits for it; it has a deadline of its own. */
async function before<T>(signal: AbortSignal, flight: Promise<Result<T>>): Promise<Result<T>> {
  const { promise, resolve } = Promise.withResolvers<Result<T>>();
  const late = (): void => {
    resolve(fail(failure('DEADLINE_EXCEEDED', 'the pull secrets were not read in time', 1)));
  };
  if (signal.aborted) late();
  signal.addEventListener('abort', late, { once: true });
  try {
    return await Promise.race([flight, promise]);
  } finally {
    signal.removeEventListener('abort', late);
  }
}
