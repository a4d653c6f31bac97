/** Workflows as users of an installation apply them, with actions that are signed and run in the cluster. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { WorkflowStatus } from '../../../src/workflow/model.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import { until } from '../processes.ts';
import { actionImage, workflowApi } from '../workflows/world.ts';
import { systemNamespace, type Installation } from './installation.ts';

export interface Step {
  readonly name: string;
  readonly image: string;
  readonly runAfter?: readonly string[];
  readonly usesWorkspace?: true;
}

/** Takes a moment and says that it was there; `seconds` is how long. */
export function actionOf({ registry, key }: Installation, name: string, seconds = 0): string {
  return actionImage({ registry, key }, name, `sleep ${seconds}; echo '{"done":"${name}"}'`).pinned;
}

export function workflowOf(
  namespace: string,
  name: string,
  steps: readonly Step[],
  { apiVersion = workflowApi, spec = {}, annotations = {} }: Partial<Pick<ApiObject, 'apiVersion'>> & Extras = {},
): ApiObject {
  const metadata = { name, namespace, annotations };
  return { apiVersion, kind: 'WorkflowExecution', metadata, spec: { ...spec, steps } };
}

interface Extras {
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** As a user does it, from a file. */
export async function applyWithKubectl(installation: Installation, object: ApiObject): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-apply-'));
  try {
    const file = join(folder, 'object.json');
    writeFileSync(file, JSON.stringify(object));
    await installation.kubectl('apply', '-f', file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function statusOf(api: Api, workflow: ApiObject): Promise<WorkflowStatus | undefined> {
  // Written by the program under test; expectations look at each member.
  return asRecord(asRecord(await api.read(workflow))?.['status']) as WorkflowStatus | undefined;
}

/** Waits for Completed or Failed. */
export async function endOf(api: Api, workflow: ApiObject, milliseconds = 60_000): Promise<WorkflowStatus> {
  const end = Date.now() + milliseconds;
  let last: WorkflowStatus | undefined;
  while (Date.now() < end) {
    last = await statusOf(api, workflow).catch(() => last);
    if (last?.phase === 'Completed' || last?.phase === 'Failed') return last;
    await sleep(200);
  }
  throw new Error(`${workflow.metadata.name} does not end: ${JSON.stringify(last)}`);
}

export async function untilStep(api: Api, workflow: ApiObject, step: string, phase: string): Promise<void> {
  const isSo = async (): Promise<boolean> =>
    (await statusOf(api, workflow))?.steps.some((one) => one.name === step && one.phase === phase) ?? false;
  if (!(await until(isSo, 60_000))) throw new Error(`${step} of ${workflow.metadata.name} does not become ${phase}`);
}

/** Names of what belongs to a workflow. */
export async function belonging(api: Api, collection: string, { metadata }: ApiObject): Promise<readonly string[]> {
  const query = `labelSelector=${encodeURIComponent(`kubernaut.io/workflow=${metadata.name}`)}`;
  const { text } = await api.get(`${collection}?${query}`);
  const items = asRecord(JSON.parse(text))?.['items'];
  return (Array.isArray(items) ? (items as readonly unknown[]) : [])
    .map((item) => String(asRecord(asRecord(item)?.['metadata'])?.['name']))
    .toSorted();
}

/** The replica that leads, by its name. */
export async function leader(api: Api): Promise<string> {
  const lease: ApiObject = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'countersign', namespace: systemNamespace },
  };
  const holder = String(asRecord(asRecord(await api.read(lease))?.['spec'])?.['holderIdentity']);
  return holder.split('_')[0] ?? '';
}
