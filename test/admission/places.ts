/** Where images may stand, kind by kind, written out: independent of the shapes that are under test. */
import type { Path } from '../../src/admission/find-images.ts';

export interface KindOfObject {
  readonly group: string;
  readonly versions: readonly string[];
  readonly resource: string;
  readonly kind: string;
  /** Fields as Kubernetes prints them, with index 0 in every list. */
  readonly places: readonly string[];
}

export interface Place {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly field: string;
}

function podSpecAt(prefix: string): readonly string[] {
  return [
    `${prefix}.containers[0].image`,
    `${prefix}.initContainers[0].image`,
    `${prefix}.ephemeralContainers[0].image`,
    `${prefix}.volumes[0].image.reference`,
  ];
}

function taskSpecAt(prefix: string): readonly string[] {
  return [
    `${prefix}.steps[0].image`,
    `${prefix}.sidecars[0].image`,
    `${prefix}.stepTemplate.image`,
    `${prefix}.volumes[0].image.reference`,
  ];
}

function pipelineSpecAt(prefix: string): readonly string[] {
  return ['tasks', 'finally'].flatMap((list) => [
    ...taskSpecAt(`${prefix}.${list}[0].taskSpec`),
    ...taskSpecAt(`${prefix}.${list}[0].pipelineSpec.tasks[0].taskSpec`),
    ...taskSpecAt(`${prefix}.${list}[0].pipelineSpec.finally[0].pipelineSpec.tasks[0].taskSpec`),
  ]);
}

const template = 'spec.template.spec';
const tekton = ['v1', 'v1beta1'];

export const kindsOfPods: readonly KindOfObject[] = [
  { group: '', versions: ['v1'], resource: 'pods', kind: 'Pod', places: podSpecAt('spec') },
  { group: '', versions: ['v1'], resource: 'podtemplates', kind: 'PodTemplate', places: podSpecAt('template.spec') },
  {
    group: '',
    versions: ['v1'],
    resource: 'replicationcontrollers',
    kind: 'ReplicationController',
    places: podSpecAt(template),
  },
  { group: 'apps', versions: ['v1'], resource: 'deployments', kind: 'Deployment', places: podSpecAt(template) },
  { group: 'apps', versions: ['v1'], resource: 'replicasets', kind: 'ReplicaSet', places: podSpecAt(template) },
  { group: 'apps', versions: ['v1'], resource: 'statefulsets', kind: 'StatefulSet', places: podSpecAt(template) },
  { group: 'apps', versions: ['v1'], resource: 'daemonsets', kind: 'DaemonSet', places: podSpecAt(template) },
  { group: 'batch', versions: ['v1'], resource: 'jobs', kind: 'Job', places: podSpecAt(template) },
  {
    group: 'batch',
    versions: ['v1', 'v1beta1'],
    resource: 'cronjobs',
    kind: 'CronJob',
    places: podSpecAt('spec.jobTemplate.spec.template.spec'),
  },
];

export const kindsOfTekton: readonly KindOfObject[] = [
  { group: 'tekton.dev', versions: tekton, resource: 'tasks', kind: 'Task', places: taskSpecAt('spec') },
  {
    group: 'tekton.dev',
    versions: tekton,
    resource: 'taskruns',
    kind: 'TaskRun',
    places: [...taskSpecAt('spec.taskSpec'), 'spec.podTemplate.volumes[0].image.reference'],
  },
  { group: 'tekton.dev', versions: tekton, resource: 'pipelines', kind: 'Pipeline', places: pipelineSpecAt('spec') },
  {
    group: 'tekton.dev',
    versions: tekton,
    resource: 'pipelineruns',
    kind: 'PipelineRun',
    places: [
      ...pipelineSpecAt('spec.pipelineSpec'),
      'spec.podTemplate.volumes[0].image.reference',
      'spec.taskRunTemplate.podTemplate.volumes[0].image.reference',
      'spec.taskRunSpecs[0].podTemplate.volumes[0].image.reference',
      'spec.taskRunSpecs[0].taskPodTemplate.volumes[0].image.reference',
    ],
  },
  {
    group: 'tekton.dev',
    versions: [...tekton, 'v1alpha1'],
    resource: 'stepactions',
    kind: 'StepAction',
    places: ['spec.image'],
  },
];

/** Judged by themselves at their admission; their images before they run. */
const kindsOfDocuments: readonly KindOfObject[] = [
  ...['workflowexecution.kubernaut.ai', 'kubernaut.ai'].map((group) => ({
    group,
    versions: ['v1alpha1'],
    resource: 'workflowexecutions',
    kind: 'WorkflowExecution',
    places: ['spec.steps[0].image'],
  })),
  {
    group: 'execution.kubernaut.ai',
    versions: ['v1alpha1'],
    resource: 'actionexecutions',
    kind: 'ActionExecution',
    places: ['spec.image'],
  },
  {
    group: 'kubeopencode.io',
    versions: ['v1alpha1'],
    resource: 'agents',
    kind: 'Agent',
    places: ['spec.agentImage', 'spec.executorImage', 'spec.attachImage'],
  },
  {
    group: 'kubetask.io',
    versions: ['v1alpha1'],
    resource: 'agents',
    kind: 'Agent',
    places: ['spec.agentImage', 'spec.toolsImage'],
  },
];

const kindsOfSettings: readonly KindOfObject[] = [
  {
    group: 'kubeopencode.io',
    versions: ['v1alpha1'],
    resource: 'kubeopencodeconfigs',
    kind: 'KubeOpenCodeConfig',
    places: ['spec.systemImage.image'],
  },
];

/** Whose images are judged at admission. */
export const reviewedKinds: readonly KindOfObject[] = [...kindsOfPods, ...kindsOfTekton, ...kindsOfSettings];
export const kinds: readonly KindOfObject[] = [...reviewedKinds, ...kindsOfDocuments];

function placesOf(some: readonly KindOfObject[]): readonly Place[] {
  return some.flatMap(({ versions, places: fields, ...kind }) =>
    versions.flatMap((version) => fields.map((field) => ({ ...kind, version, field }))),
  );
}

export const reviewedPlaces = placesOf(reviewedKinds);
export const places = placesOf(kinds);

/** `a.b[0].c` as steps. */
export function pathOf(field: string): Path {
  return field.split(/[.[]/).map((step) => (step.endsWith(']') ? Number(step.slice(0, -1)) : step));
}

/** An object with nothing but these values at these fields. */
export function objectWith(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const object = {};
  for (const [field, value] of Object.entries(values)) put(object, pathOf(field), value);
  return object;
}

/** Puts a value where the path leads, and makes the way there. */
function put(object: Record<string | number, unknown>, [first = '', next, ...rest]: Path, value: unknown): void {
  if (next === undefined) {
    object[first] = value;
    return;
  }
  object[first] ??= typeof next === 'number' ? [] : {};
  // Made here or in an earlier call: an object or a list.
  put(object[first] as Record<string | number, unknown>, [next, ...rest], value);
}
