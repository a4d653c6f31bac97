import { at, image, list, object, optionalImage, substitutedImage, type Shape } from './shape.ts';

/** A kind that is judged: one row says where its images are and whose pull secrets its Pods will have. */
export interface JudgedKind {
  readonly group: string;
  readonly versions: readonly string[];
  /** Lower-case plural. */
  readonly resource: string;
  readonly images: Shape;
  /** Where its PodSpec is; absent: it has none, and contracts are laid on its Pods. */
  readonly podSpec?: readonly string[];
  /** Where the name of the service account may stand; the first that is there counts. */
  readonly serviceAccount: readonly (readonly string[])[];
  readonly pullSecrets: readonly (readonly string[])[];
  /** Its containers run already when it is updated: docs/decisions/0005-what-is-judged-again.md */
  readonly runs: boolean;
  /** Whoever made it makes another one, without end, when it is stored with other images than it was made with. */
  readonly isComparedByItsOwner: boolean;
}

// core/v1 PodSpec. Image volumes are `volumes[].image.reference`, Kubernetes 1.31 and later.
const containers = list(object({ image }));
const podSpec = object({
  containers,
  initContainers: containers,
  ephemeralContainers: containers,
  volumes: list(object({ image: object({ reference: image }) })),
});

// tekton.dev/v1 and v1beta1 TaskSpec. A step may have its image from stepTemplate or from the StepAction that it refers to.
const steps = list(object({ image: substitutedImage }));
const volumes = list(object({ image: object({ reference: substitutedImage }) }));
const taskSpec = object({ steps, sidecars: steps, stepTemplate: object({ image: substitutedImage }), volumes });
const podTemplate = object({ volumes });

// A pipeline may hold tasks and pipelines in full (`pipelineSpec` in a task is alpha, and a place to hide in).
const pipelineTasks = list(
  object({ taskSpec, pipelineSpec: { kind: 'deferred', shape: (): Shape => pipelineSpec }, podTemplate }),
);
const pipelineSpec = object({ tasks: pipelineTasks, finally: pipelineTasks });

function kindOfPods(resource: string, group: string, versions: readonly string[], path: readonly string[]): JudgedKind {
  return {
    group,
    versions,
    resource,
    images: at(path, podSpec),
    podSpec: path,
    serviceAccount: [[...path, 'serviceAccountName']],
    pullSecrets: [[...path, 'imagePullSecrets']],
    runs: false,
    isComparedByItsOwner: false,
  };
}

function kindOf(
  resource: string,
  group: string,
  versions: readonly string[],
  images: Shape,
  accounts: Partial<Pick<JudgedKind, 'serviceAccount' | 'pullSecrets'>> = {},
): JudgedKind {
  const none = { serviceAccount: [], pullSecrets: [], runs: false, isComparedByItsOwner: false };
  return { group, versions, resource, images, ...none, ...accounts };
}

const template = ['spec', 'template', 'spec'] as const;
const tekton = ['v1', 'v1beta1'] as const;

export const judgedKinds: readonly JudgedKind[] = [
  { ...kindOfPods('pods', '', ['v1'], ['spec']), runs: true },
  kindOfPods('podtemplates', '', ['v1'], ['template', 'spec']),
  kindOfPods('replicationcontrollers', '', ['v1'], template),
  kindOfPods('deployments', 'apps', ['v1'], template),
  { ...kindOfPods('replicasets', 'apps', ['v1'], template), isComparedByItsOwner: true },
  kindOfPods('statefulsets', 'apps', ['v1'], template),
  kindOfPods('daemonsets', 'apps', ['v1'], template),
  kindOfPods('jobs', 'batch', ['v1'], template),
  kindOfPods('cronjobs', 'batch', ['v1', 'v1beta1'], ['spec', 'jobTemplate', ...template]),

  kindOf('tasks', 'tekton.dev', tekton, at(['spec'], taskSpec)),
  kindOf('taskruns', 'tekton.dev', tekton, at(['spec'], object({ taskSpec, podTemplate })), {
    serviceAccount: [['spec', 'serviceAccountName']],
    pullSecrets: [['spec', 'podTemplate', 'imagePullSecrets']],
  }),
  kindOf('pipelines', 'tekton.dev', tekton, at(['spec'], pipelineSpec)),
  kindOf(
    'pipelineruns',
    'tekton.dev',
    tekton,
    at(
      ['spec'],
      object({
        pipelineSpec,
        podTemplate,
        taskRunTemplate: object({ podTemplate }),
        taskRunSpecs: list(object({ podTemplate, taskPodTemplate: podTemplate })),
      }),
    ),
    {
      serviceAccount: [
        ['spec', 'taskRunTemplate', 'serviceAccountName'],
        ['spec', 'serviceAccountName'],
      ],
      pullSecrets: [
        ['spec', 'taskRunTemplate', 'podTemplate', 'imagePullSecrets'],
        ['spec', 'podTemplate', 'imagePullSecrets'],
      ],
    },
  ),
  kindOf('stepactions', 'tekton.dev', ['v1', 'v1beta1', 'v1alpha1'], at(['spec'], object({ image: substitutedImage }))),

  ...['workflowexecution.kubernaut.ai', 'kubernaut.ai'].map((group) =>
    kindOf('workflowexecutions', group, ['v1alpha1'], at(['spec', 'steps'], list(object({ image: optionalImage })))),
  ),
  kindOf('actionexecutions', 'execution.kubernaut.ai', ['v1alpha1'], at(['spec', 'image'], optionalImage)),
  kindOf(
    'agents',
    'kubeopencode.io',
    ['v1alpha1'],
    at(['spec'], object({ agentImage: optionalImage, executorImage: optionalImage, attachImage: optionalImage })),
    { serviceAccount: [['spec', 'serviceAccountName']] },
  ),
  kindOf('kubeopencodeconfigs', 'kubeopencode.io', ['v1alpha1'], at(['spec', 'systemImage', 'image'], optionalImage)),
  kindOf('tasks', 'kubeopencode.io', ['v1alpha1'], object({})),
  kindOf('tasktemplates', 'kubeopencode.io', ['v1alpha1'], object({})),
  kindOf(
    'agents',
    'kubetask.io',
    ['v1alpha1'],
    at(['spec'], object({ agentImage: optionalImage, toolsImage: optionalImage })),
    { serviceAccount: [['spec', 'serviceAccountName']] },
  ),
  kindOf('tasks', 'kubetask.io', ['v1alpha1'], object({})),
];

const byName = new Map(judgedKinds.map((kind) => [`${kind.group}/${kind.resource}`, kind]));

export function judgedKind(resource: {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}): JudgedKind | undefined {
  const kind = byName.get(`${resource.group}/${resource.resource}`);
  return kind?.versions.includes(resource.version) === true ? kind : undefined;
}
