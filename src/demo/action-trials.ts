/** Runs of signed actions, inside and outside of their contracts, each with what must become of it. */
import type { FailureCode } from '../kernel/failure.ts';
import type { ActionImage, ActionImages } from './images/action-images.ts';
import type { Workload, WorkloadKind } from './workloads.ts';

export interface ActionTrial {
  readonly image: ActionImage;
  readonly kind: WorkloadKind;
  /** One line for a reader. */
  readonly about: string;
  readonly manifest: Workload;
  readonly expected: 'admit' | 'refuse';
  readonly expectedCode?: FailureCode;
  /** Texts of the stored object, or of the refusal; each must be there. */
  readonly shows: readonly string[];
}

const inputs = (value: unknown): object => ({ name: 'ACTION_INPUTS', value: JSON.stringify(value) });
const good = { env: [inputs({ namespace: 'production', deployment: 'web' })] };

/** How an image stands in what is stored. */
export function pinnedText({ reference, digest }: Pick<ActionImage, 'reference' | 'digest'>): string {
  return `"${reference}@${digest}"`;
}

/** A pod template with these members in its one container. */
function job(name: string, image: ActionImage, container: object, namespace = 'demo'): Workload {
  const template = {
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: image.reference, ...container }] },
  };
  const spec = { backoffLimit: 0, template };
  const object = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace }, spec };
  return { apiVersion: 'batch/v1', kind: 'Job', namespace, name, object };
}

/** The meta-task of Kubernaut, embedded: which image runs is said by whoever makes the run. */
function taskRun(name: string, image: ActionImage): Workload {
  const apiVersion = 'tekton.dev/v1';
  const metadata = { name, namespace: 'demo' };
  const value = JSON.stringify({ namespace: 'production', deployment: 'web' });
  const spec = {
    params: [
      { name: 'actionImage', value: image.reference },
      { name: 'inputs', value },
    ],
    taskSpec: {
      params: [{ name: 'actionImage' }, { name: 'inputs' }],
      steps: [
        {
          name: 'execute',
          image: '$(params.actionImage)',
          env: [{ name: 'ACTION_INPUTS', value: '$(params.inputs)' }],
          script: '#!/bin/sh\necho "$ACTION_INPUTS" | /action-entrypoint',
        },
      ],
    },
  };
  return { apiVersion, kind: 'TaskRun', ...metadata, object: { apiVersion, kind: 'TaskRun', metadata, spec } };
}

export function actionTrials({
  scale,
  lenient,
  clone,
  withoutContract,
  unsigned,
}: ActionImages): readonly ActionTrial[] {
  const admit = (about: string, image: ActionImage, manifest: Workload, shows: readonly string[]): ActionTrial => ({
    image,
    kind: 'Job',
    about,
    manifest,
    expected: 'admit',
    shows: [pinnedText(image), ...shows],
  });
  const refuse = (
    about: string,
    image: ActionImage,
    manifest: Workload,
    expectedCode: FailureCode,
    ...shows: readonly string[]
  ): ActionTrial => ({ image, kind: 'Job', about, manifest, expected: 'refuse', expectedCode, shows });
  const limits = (memory: string): object => ({ ...good, resources: { limits: { memory } } });
  return [
    admit('nothing said: the contract sets limits, user and account', scale, job('scale', scale, good), [
      '"memory":"128Mi"',
      '"runAsUser":1000',
      '"serviceAccountName":"scale-deployment-sa"',
      '\\"replicas\\":1',
      '"countersign.dev/contract":"scale-deployment@v1.0.0 sha256:',
    ]),
    admit(
      'no permissions: no token; contract from a file',
      clone,
      job('clone', clone, { env: [inputs({ repository: 'https://git.example/app' })] }),
      ['"automountServiceAccountToken":false', '"memory":"512Mi"', '\\"branch\\":\\"main\\"'],
    ),
    admit('stricter than the contract is kept', scale, job('small', scale, limits('32Mi')), ['"memory":"32Mi"']),
    refuse('looser than the contract', scale, job('large', scale, limits('4Gi')), 'CONTRACT_CONFLICT', '4Gi', '128Mi'),
    admit('looser, where the policy overrides', lenient, job('replaced', lenient, limits('4Gi')), ['"memory":"128Mi"']),
    refuse(
      'as root',
      scale,
      job('root', scale, { ...good, securityContext: { runAsUser: 0 } }),
      'CONTRACT_CONFLICT',
      'runAsUser',
    ),
    refuse(
      'in a namespace that is not allowed',
      scale,
      job('elsewhere', scale, good, 'elsewhere'),
      'NAMESPACE_NOT_ALLOWED',
      'elsewhere',
    ),
    refuse(
      'acts on a namespace that is not allowed',
      scale,
      job('target', scale, { env: [inputs({ namespace: 'kube-system', deployment: 'coredns' })] }),
      'TARGET_NOT_ALLOWED',
      'kube-system',
    ),
    refuse(
      'inputs missing, wrong and unknown, all told at once',
      scale,
      job('inputs', scale, { env: [inputs({ namespace: 'production', replicas: 'many', color: 'red' })] }),
      'INPUT_INVALID',
      'deployment',
      'replicas',
      'color',
    ),
    {
      ...admit('its image is a parameter of a TaskRun', scale, taskRun('parameter', scale), []),
      kind: 'TaskRun',
      // The run keeps the parameter: its Pod is pinned.
      shows: ['$(params.actionImage)', '"memory":"128Mi"', '"serviceAccountName":"scale-deployment-sa"'],
    },
    {
      ...refuse('the same with an unsigned image', unsigned, taskRun('smuggled', unsigned), 'SIGNATURE_MISSING'),
      kind: 'TaskRun',
    },
    refuse('signed, but without a contract', withoutContract, job('bare', withoutContract, {}), 'CONTRACT_MISSING'),
    refuse('with a contract, but unsigned', unsigned, job('unsigned', unsigned, good), 'SIGNATURE_MISSING'),
  ];
}
