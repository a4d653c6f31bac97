/** The manifests of the demo: everything that makes Pods, each with one image. */

export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly object: Readonly<Record<string, unknown>>;
}

export type WorkloadKind = (typeof workloadKinds)[number];
export const workloadKinds = ['Pod', 'Job', 'CronJob', 'Deployment', 'TaskRun'] as const;

const namespace = 'demo';

export function workload(kind: WorkloadKind, name: string, image: string): Workload {
  const { apiVersion, spec } = shapes[kind](image);
  return { apiVersion, kind, namespace, name, object: { apiVersion, kind, metadata: { name, namespace }, spec } };
}

const shapes: Readonly<
  Record<WorkloadKind, (image: string) => { readonly apiVersion: string; readonly spec: object }>
> = {
  Pod: (image) => ({ apiVersion: 'v1', spec: podSpec(image) }),
  Job: (image) => ({ apiVersion: 'batch/v1', spec: jobSpec(image) }),
  CronJob: (image) => ({
    apiVersion: 'batch/v1',
    spec: { schedule: '0 3 * * *', jobTemplate: { spec: jobSpec(image) } },
  }),
  Deployment: (image) => ({
    apiVersion: 'apps/v1',
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'demo' } },
      template: { metadata: { labels: { app: 'demo' } }, spec: { containers: [{ name: 'main', image }] } },
    },
  }),
  TaskRun: (image) => ({
    apiVersion: 'tekton.dev/v1',
    spec: { taskSpec: { steps: [{ name: 'run', image, script: 'echo done' }] } },
  }),
};

function podSpec(image: string): object {
  return { restartPolicy: 'Never', containers: [{ name: 'main', image, args: ['run'] }] };
}

function jobSpec(image: string): object {
  return { backoffLimit: 0, template: { spec: podSpec(image) } };
}
