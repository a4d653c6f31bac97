/** What workflows have to come to so that the program uses each of its rights to run them. */
import type { ApiObject } from '../gate/api.ts';
import { until } from '../processes.ts';
import { actionImage, workflowApi } from '../workflows/world.ts';
import type { Permission } from './granted.ts';
import type { Installation } from './installation.ts';
import { actionOf, belonging, endOf, statusOf, workflowOf } from './workflows.ts';

/** Only asked about by the admission plugin OwnerReferencesPermissionEnforcement, which is off here, and no request of its own. */
export const askedByAdmission: readonly Permission[] = [
  'update workflowexecution.kubernaut.ai/workflowexecutions/finalizers',
  'update kubernaut.ai/workflowexecutions/finalizers',
  'update execution.kubernaut.ai/actionexecutions/finalizers',
];

export async function tryOutWorkflows(installation: Installation, namespace: string): Promise<void> {
  const image = actionOf(installation, 'rights');
  const withoutAccount = asksWhyThereIsNoPod(installation, namespace);
  await goesWhenFinished(installation, namespace, image);
  await isCancelled(installation, namespace, image);
  await findsNamesTaken(installation, namespace, image);
  await goesToTekton(installation, namespace, image);
  await withoutAccount;
}

/** The account of its contract is missing, which only the events of its Job say. */
async function asksWhyThereIsNoPod(installation: Installation, namespace: string): Promise<void> {
  const { api } = installation;
  const permissions = [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] }];
  const { pinned } = actionImage(installation, 'accountless', 'echo "{}"', { spec: { rbac: { permissions } } });
  const workflow = workflowOf(namespace, 'accountless', [{ name: 'step', image: pinned }]);
  await api.create(workflow);
  const { failureDetails } = await endOf(api, workflow, 120_000);
  if (failureDetails?.reason !== 'ConfigurationError')
    throw new Error(`not told why there is no Pod: ${JSON.stringify(failureDetails)}`);
}

/** In both groups: a finished workflow is removed, and its Job is told how long it stays. */
async function goesWhenFinished({ api }: Installation, namespace: string, image: string): Promise<void> {
  for (const [name, apiVersion] of [
    ['short', workflowApi],
    ['shorter', 'kubernaut.ai/v1alpha1'],
  ] as const) {
    const spec = { ttlSecondsAfterFinished: 1 };
    const workflow = workflowOf(namespace, name, [{ name: 'step', image }], { apiVersion, spec });
    await api.create(workflow);
    const isGone = async (): Promise<boolean> => (await api.read(workflow)) === undefined;
    if (!(await until(isGone, 90_000))) {
      throw new Error(`${apiVersion} stays: ${JSON.stringify(await statusOf(api, workflow))}`);
    }
  }
}

/** While its Pod waits for a volume that nobody makes. */
async function isCancelled({ api }: Installation, namespace: string, image: string): Promise<void> {
  const workflow = workflowOf(namespace, 'cancelled', [{ name: 'step', image, usesWorkspace: true }]);
  await api.create(workflow);
  const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;
  await until(async () => (await belonging(api, jobs, workflow)).length === 1, 30_000);
  await api.merge(workflow, { spec: { cancel: true } });
  const { failureDetails } = await endOf(api, workflow);
  if (failureDetails?.reason !== 'Cancelled') throw new Error(`not cancelled: ${JSON.stringify(failureDetails)}`);
}

/** Looks at what is there already, of each kind that it makes, and leaves it alone. */
async function findsNamesTaken({ api }: Installation, namespace: string, image: string): Promise<void> {
  const container = { name: 'main', image };
  const objects: readonly ApiObject[] = [
    {
      apiVersion: 'execution.kubernaut.ai/v1alpha1',
      kind: 'ActionExecution',
      metadata: { name: 'taken-action-step', namespace },
      spec: { actionType: 'kubernetes/notify_only', image },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'taken-job-step', namespace },
      spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [container] } } },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'taken-claim-workspace', namespace },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
    },
    {
      apiVersion: 'tekton.dev/v1',
      kind: 'PipelineRun',
      metadata: { name: 'taken-run', namespace },
      spec: { pipelineSpec: { tasks: [{ name: 'one', taskSpec: { steps: [container] } }] } },
    },
  ];
  for (const object of objects) await api.create(object);
  const step = { name: 'step', image } as const;
  const annotations = { 'kubernaut.io/executor': 'tekton' };
  const workflows = [
    workflowOf(namespace, 'taken-action', [step]),
    workflowOf(namespace, 'taken-job', [step]),
    workflowOf(namespace, 'taken-claim', [{ ...step, usesWorkspace: true }]),
    workflowOf(namespace, 'taken-run', [step], { annotations }),
  ];
  for (const workflow of workflows) await api.create(workflow);
  for (const workflow of workflows) {
    const { failureDetails } = await endOf(api, workflow);
    if (failureDetails?.reason === 'NameTaken') continue;
    throw new Error(`${workflow.metadata.name}: ${JSON.stringify(failureDetails)}`);
  }
}

/** There are only Tekton's definitions here: its run never begins, and is cancelled. */
async function goesToTekton({ api }: Installation, namespace: string, image: string): Promise<void> {
  const annotations = { 'kubernaut.io/executor': 'tekton' };
  const workflow = workflowOf(namespace, 'on-tekton', [{ name: 'step', image }], { annotations });
  await api.create(workflow);
  const runs = `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns`;
  if (!(await until(async () => (await belonging(api, runs, workflow)).length === 1, 30_000))) {
    throw new Error(`there is no PipelineRun: ${JSON.stringify(await statusOf(api, workflow))}`);
  }
  await api.merge(workflow, { spec: { cancel: true } });
}
