/**
 * What an installation allows and presumes: the data of the ConfigMap kubernaut-workflowexecution-config, over what the
 * environment of the program says, over what is usual. A wrong value is told, and counts as if it were not there.
 */
import { parseQuantity } from '../contract/quantity.ts';
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { maxRetries } from './action-fields.ts';
import { shown, timeLimitForm, timeLimitMs } from './fields.ts';
import type { WorkflowSettings } from './model.ts';

export interface ReadSettings {
  readonly settings: WorkflowSettings;
  /** One sentence for each value that was not taken. */
  readonly problems: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const maxSeconds = 2 ** 31 - 1;
const maxParallel = 1000;
const maxRequests = 10_000;
const oneByte = 1_000_000_000n;
const classForm = 'the name of a StorageClass';
const stages = ['off', 'gitops', 'multi-step', 'all'] as const;
const dnsSubdomain = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

export function parseSettings(data: unknown, environment: Environment): ReadSettings {
  const problems: string[] = [];
  const source = new Source(data, environment, problems);
  const settings: WorkflowSettings = {
    maxParallelSteps: source.whole('max-parallel-steps', 5, 1, maxParallel),
    approvalThreshold: source.whole('complexity-approval-threshold', 10, 0, maxParallel),
    kubernetesQps: source.whole('kubernetes-qps', 20, 1, maxRequests),
    kubernetesBurst: source.whole('kubernetes-burst', 30, 1, maxRequests),
    tekton: {
      enabled: source.flag('tekton.enabled', true),
      stage: source.oneOf('tekton.stage', 'off', stages),
      includeDependencies: source.flag('tekton.include-dependencies', false),
      trackingActionExecutions: source.flag('tekton.tracking-action-executions', false),
    },
    retries: source.whole('retries', 3, 0, maxRetries),
    stepTimeoutMs: source.read('step-timeout', 30 * 60_000, timeLimitMs, timeLimitForm),
    jobTtlSeconds: source.whole('job-ttl-seconds', 300, 0, maxSeconds),
    ...defined('workflowTtlSeconds', source.whole('workflow-ttl-seconds', undefined, 0, maxSeconds)),
    workspaceSize: source.read('workspace-size', '1Gi', volumeSize, 'a size such as 1Gi'),
    ...defined('workspaceStorageClass', source.read('workspace-storage-class', undefined, className, classForm)),
  };
  return { settings, problems: [...problems, ...source.unknown()] };
}

function volumeSize(text: string): string | undefined {
  return (parseQuantity(text)?.nanos ?? 0n) >= oneByte ? text : undefined;
}

function className(text: string): string | undefined {
  return dnsSubdomain.test(text) ? text : undefined;
}

/** These may also be given as environment variables. */
const variables: Readonly<Record<string, string>> = {
  'max-parallel-steps': 'MAX_PARALLEL_STEPS',
  'complexity-approval-threshold': 'COMPLEXITY_APPROVAL_THRESHOLD',
  'kubernetes-qps': 'KUBERNETES_QPS',
  'kubernetes-burst': 'KUBERNETES_BURST',
};

class Source {
  private readonly data: Readonly<Record<string, unknown>>;
  private readonly environment: Environment;
  private readonly problems: string[];
  private readonly asked = new Set<string>();

  constructor(data: unknown, environment: Environment, problems: string[]) {
    this.data = asRecord(data) ?? {};
    this.environment = environment;
    this.problems = problems;
  }

  /** Of the ConfigMap, else of the environment, whichever makes sense first. Empty counts as absent. */
  read<T, F>(key: string, fallback: F, parse: (text: string) => T | undefined, expected: string): T | F {
    this.asked.add(key);
    for (const [name, value] of this.given(key)) {
      if (value === undefined || value === null || value === '') continue;
      const parsed = typeof value === 'string' ? parse(value.trim()) : undefined;
      if (parsed !== undefined) return parsed;
      this.problems.push(`${name}: is ${shown(value)}; write ${expected}`);
    }
    return fallback;
  }

  whole<F>(key: string, fallback: F, least: number, most: number): number | F {
    const parse = (text: string): number | undefined => {
      const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
      return value >= least && value <= most ? value : undefined;
    };
    return this.read(key, fallback, parse, `a whole number from ${least} to ${most}`);
  }

  flag(key: string, fallback: boolean): boolean {
    return this.oneOf(key, String(fallback), ['true', 'false']) === 'true';
  }

  oneOf<T extends string>(key: string, fallback: T, values: readonly T[]): T {
    return this.read(key, fallback, (text) => values.find((value) => value === text), values.join(', '));
  }

  /** A mistyped key is no setting, and whoever wrote it believes that it is. */
  unknown(): readonly string[] {
    const unasked = Object.keys(this.data).filter((key) => !this.asked.has(key));
    return unasked.map((key) => `${shown(key)}: is no setting; known are ${[...this.asked].join(', ')}`);
  }

  private given(key: string): readonly (readonly [name: string, value: unknown])[] {
    const own = Object.hasOwn(this.data, key) ? this.data[key] : undefined;
    const variable = variables[key];
    return variable === undefined
      ? [[key, own]]
      : [
          [key, own],
          [variable, this.environment[variable]],
        ];
  }
}
