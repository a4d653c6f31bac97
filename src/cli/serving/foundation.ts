/** What every part of a serving process stands on. */
import type { KubeConfig } from '@kubernetes/client-node';
import { loadKubeConfig } from '../../adapters/kubernetes/kube-config.ts';
import { prometheusMetrics, type PrometheusMetrics } from '../../adapters/metrics/prometheus-metrics.ts';
import { defined } from '../../kernel/defined.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { UsageError } from '../usage-error.ts';
import type { ServingConfig } from './config.ts';

export interface Foundation {
  readonly config: ServingConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: PrometheusMetrics;
  /** Absent: policies are files, and there is no cluster. */
  readonly kubeConfig?: KubeConfig;
  /** Runs when the process stops; what was added last is closed first. */
  readonly onClose: (close: () => unknown) => void;
}

export class Closers {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const next of this.#closers.splice(0).toReversed()) await next();
  }
}

export function foundationOf(config: ServingConfig, log: Logger, closers: Closers): Foundation {
  const clock: Clock = { now: () => new Date() };
  const onClose = (close: () => unknown): void => closers.add(close);
  return { config, clock, log, metrics: prometheusMetrics(), ...defined('kubeConfig', clusterOf(config)), onClose };
}

/** A cluster that is named must be usable; none is needed when policies are files. */
function clusterOf({ kubeconfig, policies }: ServingConfig): KubeConfig | undefined {
  if (kubeconfig === undefined && policies.length > 0 && process.env['KUBERNETES_SERVICE_HOST'] === undefined) {
    return undefined;
  }
  const loaded = loadKubeConfig(kubeconfig);
  if (!loaded.ok) throw new UsageError(loaded.failure.message);
  return loaded.value;
}

/** What the operating system says no to is for whoever chose the setting. */
export async function asSetting<T>(flag: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw new UsageError(`${flag}: ${error.message}`);
    throw error;
  }
}
