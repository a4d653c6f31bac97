/**
 * Workflows as their users meet them: the gate and the controllers of an installation, Tekton beside them, images of actions
 * that are signed and run, and a namespace that is opted in.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionStatus, Engine, WorkflowStatus } from '../../../src/workflow/model.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { kubeconfig } from '../access.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import { optedIn, startGate, type Gate } from '../gate/gate.ts';
import { runnableImage, signed, type PushedImage } from '../gate/images.ts';
import { policyOf } from '../gate/policies.ts';
import { until } from '../processes.ts';
import { startPart, type WebhookProcess } from '../gate/webhook-process.ts';
import type { TektonPrograms } from '../programs.ts';
import { startTekton, type Tekton } from '../tekton/start-tekton.ts';
import { startVolumes, type Volumes } from '../volumes.ts';

export interface World {
  readonly gate: Gate;
  readonly api: Api;
  readonly namespace: string;
  /** What runs the workflows; the gate leaves them alone. */
  readonly controller: WebhookProcess;
  readonly tekton: Tekton;
  /** The same for workflows of another namespace. */
  within(namespace: string): Place;
  /** A signed image whose /action-entrypoint is this script. */
  action(name: string, script: string, options?: ActionOptions): PushedImage;
  workflow(name: string, steps: readonly object[], more?: WorkflowOptions): ApiObject;
  /** What the settings say from now on; resolves at once, they count within seconds. */
  configure(data: Readonly<Record<string, string>>): Promise<void>;
  status(workflow: ApiObject): Promise<WorkflowStatus | undefined>;
  /** Waits for Completed or Failed. */
  ended(workflow: ApiObject, milliseconds?: number): Promise<WorkflowStatus>;
  /** Creates, and waits for the end. */
  run(workflow: ApiObject, milliseconds?: number): Promise<WorkflowStatus>;
  list(apiVersion: string, plural: string, labels?: string): Promise<readonly Found[]>;
  close(): Promise<void>;
}

export type Place = Omit<World, 'close'>;

export interface Found {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: ActionStatus & Readonly<Record<string, unknown>>;
}

export interface ActionOptions {
  /** Members of the contract's spec. */
  readonly spec?: object;
  readonly unsigned?: true;
}

export interface WorkflowOptions {
  readonly spec?: object;
  readonly engine?: Engine;
  readonly apiVersion?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const workflowApi = 'workflowexecution.kubernaut.ai/v1alpha1';
export const settingsMap = { name: 'kubernaut-workflowexecution-config', namespace: 'countersign-system' };

const bounds = {
  requests: { cpu: '10m', memory: '16Mi' },
  limits: { cpu: '500m', memory: '64Mi' },
};
const security = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

export async function startWorld(programs: TektonPrograms): Promise<World> {
  const stops: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const gate = await startGate({}, ['--workflows=false']);
    stops.push(() => gate.close());
    const controller = await startPart('controller', [...gate.flags, '--leader-elect=false', '--scan-minutes=0']);
    stops.push(() => controller.close());
    const { api } = gate;
    const tekton = await startTekton(api, kubeconfig, programs);
    stops.push(() => tekton.close());
    const own = policyOf('tekton', tekton.host, [{ static: { action: 'pass' } }], {
      images: tekton.images.map((glob) => ({ glob })),
    });
    await api.apply(own);
    stops.push(() => api.remove(own));
    const volumes: Volumes = await startVolumes(api);
    stops.push(() => volumes.close());
    const settings: ApiObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: settingsMap };
    await api.apply({ ...settings, data: {} });
    stops.push(() => api.remove(settings));
    return { ...worldOf(gate, controller, tekton, gate.namespace), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A namespace that has opted in; gives how it is removed. */
export async function optIn(api: Api, name: string): Promise<() => Promise<void>> {
  const object: ApiObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: optedIn } };
  await api.apply(object);
  const account: ApiObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: name },
  };
  if (!(await until(async () => (await api.read(account)) !== undefined, 20_000)))
    throw new Error(`${name} has no account`);
  return () => api.remove(object);
}

function worldOf(gate: Gate, controller: WebhookProcess, tekton: Tekton, namespace: string): Place {
  const { api } = gate;
  const world: Place = {
    gate,
    api,
    namespace,
    controller,
    tekton,
    within: (name) => worldOf(gate, controller, tekton, name),
    action: (name, script, options = {}) => actionImage(gate, name, script, options),
    workflow: (name, steps, { spec = {}, engine, apiVersion = workflowApi, annotations = {} } = {}) => ({
      apiVersion,
      kind: 'WorkflowExecution',
      metadata: {
        name,
        namespace,
        annotations: { ...annotations, ...(engine === undefined ? {} : { 'kubernaut.io/executor': engine }) },
      },
      spec: { ...spec, steps },
    }),
    configure: async (data) => {
      await api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: settingsMap, data });
    },
    status: async (workflow) => statusOf(await api.read(workflow)),
    ended: async (workflow, milliseconds = 60_000) => {
      const end = Date.now() + milliseconds;
      let last: WorkflowStatus | undefined;
      while (Date.now() < end) {
        last = statusOf(await api.read(workflow));
        if (last?.phase === 'Completed' || last?.phase === 'Failed') return last;
        await sleep(200);
      }
      throw new Error(`${workflow.metadata.name} does not end: ${JSON.stringify(last)}\n${await around(world)}`);
    },
    run: async (workflow, milliseconds) => {
      await api.create(workflow);
      return world.ended(workflow, milliseconds);
    },
    list: async (apiVersion, plural, labels = '') => {
      const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      const query = labels === '' ? '' : `?labelSelector=${encodeURIComponent(labels)}`;
      const { status, text } = await api.get(`${root}/namespaces/${namespace}/${plural}${query}`);
      if (status === 404) return [];
      // The API server's own list.
      return (JSON.parse(text) as { readonly items: readonly Found[] }).items;
    },
  };
  return world;
}

/** What there is to say about a run that does not get on. */
async function around(world: Pick<World, 'list' | 'controller'>): Promise<string> {
  const pods = await world.list('v1', 'pods');
  const actions = await world.list('execution.kubernaut.ai/v1alpha1', 'actionexecutions');
  const seen = [...actions, ...pods].map(({ metadata, status }) => `${metadata.name}: ${JSON.stringify(status)}`);
  return [...seen, ...world.controller.log().split('\n').slice(-15)].join('\n').slice(-12_000);
}

function statusOf(object: unknown): WorkflowStatus | undefined {
  const status = asRecord(asRecord(object)?.['status']);
  // Written by the program under test; expectations look at each member.
  return status as WorkflowStatus | undefined;
}

export function actionImage(
  { registry, key }: Pick<Gate, 'registry' | 'key'>,
  name: string,
  script: string,
  { spec = {}, unsigned }: ActionOptions = {},
): PushedImage {
  const contract = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'ActionContract',
    metadata: { name, version: 'v1.0.0' },
    spec: {
      description: 'An action of a test',
      inputs: [],
      resources: bounds,
      rbac: { permissions: [] },
      securityContext: security,
      ...spec,
    },
  };
  const repository = `actions/${name}`;
  const image = runnableImage(registry, repository, [], {
    user: '1000',
    labels: { 'ai.kubernaut.action-contract': JSON.stringify(contract) },
    entrypoint: ['/action-entrypoint'],
    entries: [
      { kind: 'file', path: 'action-entrypoint', content: Buffer.from(`#!/bin/sh\n${script}\n`), executable: true },
    ],
  });
  return unsigned === true ? image : signed(registry, repository, image, key);
}
