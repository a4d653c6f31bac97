/** One object of each kind that brings an image in, with the place of the image. */
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { ApiObject } from './api.ts';

export interface Workload {
  readonly kind: string;
  /** The field, as a refusal names it. */
  readonly field: string;
  /** What the API server lets nobody change, such as the template of a Job, is not. */
  readonly updatable: boolean;
  readonly make: (namespace: string, name: string, image: string) => ApiObject;
}

/** Nobody schedules what names this scheduler: these suites are about admission, and nodes pull images. */
const schedulerName = 'nobody';
/** Of templates only: a controller takes over, or deletes, what has its labels and belongs to nobody. */
const labels = { app: 'test' };

export const podSpec = (image: string): object => ({ schedulerName, containers: [{ name: 'main', image }] });
const template = (image: string): object => ({ metadata: { labels }, spec: podSpec(image) });
const jobTemplate = (image: string): object => ({ spec: { ...podSpec(image), restartPolicy: 'Never' } });
const selected = (image: string): object => ({ selector: { matchLabels: labels }, template: template(image) });
const steps = (image: string): object => ({ steps: [{ name: 'main', image, script: 'true' }] });
const tasks = (image: string): object => ({ tasks: [{ name: 'first', taskSpec: steps(image) }] });

const ofTemplate = 'spec.template.spec.containers[0].image';

export const workloads: readonly Workload[] = [
  workload('v1', 'Pod', 'spec.containers[0].image', podSpec),
  {
    kind: 'PodTemplate',
    field: 'template.spec.containers[0].image',
    updatable: true,
    make: (namespace, name, image) => ({
      apiVersion: 'v1',
      kind: 'PodTemplate',
      metadata: { namespace, name },
      template: template(image),
    }),
  },
  workload('v1', 'ReplicationController', ofTemplate, (image) => ({ selector: labels, template: template(image) })),
  workload('apps/v1', 'Deployment', ofTemplate, selected),
  workload('apps/v1', 'ReplicaSet', ofTemplate, selected),
  workload('apps/v1', 'StatefulSet', ofTemplate, (image) => ({ serviceName: 'test', ...selected(image) })),
  workload('apps/v1', 'DaemonSet', ofTemplate, selected),
  workload('batch/v1', 'Job', ofTemplate, (image) => ({ template: jobTemplate(image) })),
  workload('batch/v1', 'CronJob', 'spec.jobTemplate.spec.template.spec.containers[0].image', (image) => ({
    schedule: '0 0 1 1 *',
    jobTemplate: { spec: { template: jobTemplate(image) } },
  })),
  workload('tekton.dev/v1', 'Task', 'spec.steps[0].image', steps),
  workload('tekton.dev/v1', 'TaskRun', 'spec.taskSpec.steps[0].image', (image) => ({ taskSpec: steps(image) })),
  workload('tekton.dev/v1', 'Pipeline', 'spec.tasks[0].taskSpec.steps[0].image', tasks),
  workload('tekton.dev/v1', 'PipelineRun', 'spec.pipelineSpec.tasks[0].taskSpec.steps[0].image', (image) => ({
    pipelineSpec: tasks(image),
  })),
  workload('tekton.dev/v1', 'StepAction', 'spec.image', (image) => ({ image, script: 'true' })),
];

function workload(apiVersion: string, kind: string, field: string, spec: (image: string) => object): Workload {
  return {
    kind,
    field,
    updatable: kind !== 'Job',
    make: (namespace, name, image) => ({ apiVersion, kind, metadata: { namespace, name }, spec: spec(image) }),
  };
}

export function pod(namespace: string, name: string, spec: object): ApiObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, spec };
}

export function deployment(namespace: string, name: string, replicas: number, podOf: object): ApiObject {
  const spec = { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podOf } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name }, spec };
}

/** What is at `field` of an object, e.g. "spec.containers[0].image". */
export function valueAt(object: unknown, field: string): unknown {
  const steps = field.split(/[.[\]]+/).filter((step) => step !== '');
  return steps.reduce<unknown>(
    (value, step) => (Array.isArray(value) ? value[Number(step)] : asRecord(value)?.[step]),
    object,
  );
}
