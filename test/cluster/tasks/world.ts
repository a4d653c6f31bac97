/**
 * Tasks as their users meet them: the gate and the controllers of an installation, namespaces that are opted in, and signed
 * images of an agent that only says what it has been given.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskStatus } from '../../../src/agents/model.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import { optedIn, startGate, type Gate } from '../gate/gate.ts';
import { registerPolicies } from '../gate/installation.ts';
import { runnableImage, signed } from '../gate/images.ts';
import { startPart, type WebhookProcess } from '../gate/webhook-process.ts';
import { until } from '../processes.ts';
import { pushSystemImage } from './system-image.ts';

export interface World {
  readonly gate: Gate;
  readonly api: Api;
  /** Opted in, with the Agents `default` of both systems. */
  readonly namespace: string;
  /** What runs the Tasks; the gate leaves them alone. */
  readonly controller: WebhookProcess;
  readonly images: Images;
  /** Its flags, for another process in its place. */
  readonly flags: readonly string[];
  /** One more namespace that has opted in; removed with the world. */
  readonly another: () => Promise<string>;
  /** Signed; runs this script as user 1000 unless told otherwise. Gives its name with its tag. */
  image(name: string, script: string, user?: string): string;
  /** One that is not signed. */
  unsigned(name: string): string;
  agent(name: string, spec?: object, more?: More): ApiObject;
  task(name: string, spec?: object, more?: More): ApiObject;
  kubeTask(name: string, spec?: object, more?: More): ApiObject;
  kubeTaskAgent(name: string, spec?: object, more?: More): ApiObject;
  configMap(name: string, data: Readonly<Record<string, string>>, more?: More): ApiObject;
  status(task: ApiObject): Promise<TaskStatus | undefined>;
  /** Creates it with a status, as if a controller had been at work. */
  put(task: ApiObject, status: object): Promise<void>;
  /** Waits for this phase; throws when the Task ends in another. */
  reached(task: ApiObject, phase: TaskStatus['phase'], milliseconds?: number): Promise<TaskStatus>;
  /** Waits for Completed or Failed. */
  ended(task: ApiObject, milliseconds?: number): Promise<TaskStatus>;
  /** Creates, and waits for the end. */
  run(task: ApiObject, milliseconds?: number): Promise<TaskStatus>;
  /** Of container agent, unless another is named. */
  log(task: ApiObject, container?: string): Promise<string>;
  list(apiVersion: string, plural: string, namespace?: string): Promise<readonly Found[]>;
  close(): Promise<void>;
}

export interface More {
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Found {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
    readonly finalizers?: readonly string[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface Images {
  readonly openCode: string;
  readonly executor: string;
  readonly attach: string;
  readonly system: string;
  /** Entrypoint that says what is in the workspace: for KubeTask. */
  readonly teller: string;
}

/** Without one there is no workspace. */
const taskFile = { type: 'File', file: { filePath: '/workspace/task.md', source: { inline: 'Say it.' } } };

export const openCode = 'kubeopencode.io/v1alpha1';
export const kubeTaskApi = 'kubetask.io/v1alpha1';

/** Every file of the workspace with its mode and content, in lines that `filesIn` reads. */
export const tellFiles =
  'cd "${WORKSPACE_DIR:-/workspace}" && find -L "$PWD" -type f -not -path "*/.git/*" | sort | while read -r file; do ' +
  'echo "FILE $(stat -L -c %a "$file") $file $(base64 -w0 < "$file")"; done';

/** By path: mode in octal digits, and content. */
export function filesIn(log: string): ReadonlyMap<string, { readonly mode: string; readonly text: string }> {
  const lines = [...log.matchAll(/^FILE (\d+) (\S+) (\S*)$/gm)];
  return new Map(
    lines.map(([, mode = '', path = '', content = '']) => [
      path,
      { mode, text: Buffer.from(content, 'base64').toString() },
    ]),
  );
}

/** Stands for opencode: what it is asked to do it says, and its server answers that it has no sessions. */
const openCodeScript = `#!/bin/sh
case "$1" in
serve)
  mkdir -p /tmp/www/session && echo '{}' > /tmp/www/session/status
  exec httpd -f -p "$3" -h /tmp/www ;;
run)
  shift
  if [ "$1" = --attach ]; then
    echo "ATTACHED $2 $(wget -qO- "$2/session/status")"
    shift 2
  fi
  echo "TOLD $*" ;;
esac
`;

export function pushImages({ registry, key }: Pick<Gate, 'registry' | 'key'>, system: string): Images {
  const push = (name: string, command: readonly string[], entries: readonly object[] = []): string => {
    const repository = `agents/${name}`;
    const additions = { user: '1000', entries: entries as never, entrypoint: [] };
    return signed(registry, repository, runnableImage(registry, repository, command, additions), key).tagged;
  };
  const script = { kind: 'file', path: 'opencode', content: Buffer.from(openCodeScript), executable: true };
  return {
    openCode: push('opencode', ['sh', '-c', 'cp /opencode "$TOOLS_DIR/opencode"'], [script]),
    executor: push('devbox', ['sh', '-c', 'echo devbox']),
    attach: push('attach', ['sh', '-c', 'echo attach']),
    teller: push('teller', ['sh', '-c', tellFiles]),
    system,
  };
}

export async function startWorld(flags: readonly string[] = []): Promise<World> {
  const stops: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const gate = await startGate({}, ['--workflows=false', '--tasks=false']);
    stops.push(() => gate.close());
    const { api, namespace } = gate;
    const registered = await registerPolicies(api, gate.webhook.url, gate.webhook.caBundle);
    stops.push(() => registered.remove());
    const images = pushImages(gate, await pushSystemImage(gate));
    const own = [...gate.flags, '--workflows=false', '--scan-minutes=0', `--system-image=${images.system}`, ...flags];
    const controller = await startPart('controller', [...own, '--leader-elect=false']);
    stops.push(() => controller.close());
    const another = async (): Promise<string> => {
      const name = await api.namespace(optedIn);
      stops.push(() => api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
      stops.push(() => removeTasks(world, name));
      return name;
    };
    const world = { ...worldOf(gate, controller, images, own), another, close };
    await api.apply(world.agent('default'));
    await api.apply(world.kubeTaskAgent('default'));
    // Tasks have finalizers: they go while somebody is there to take these away.
    stops.push(() => removeTasks(world, namespace));
    return world;
  } catch (error) {
    await close();
    throw error;
  }
}

/** All of both systems, with what they have made. */
async function removeTasks(world: Pick<World, 'api' | 'list' | 'task'>, namespace: string): Promise<void> {
  const left = async (): Promise<readonly Found[]> => world.list(openCode, 'tasks', namespace);
  for (const { metadata } of await left()) await world.api.remove(world.task(metadata.name, {}, { namespace }));
  if (!(await until(async () => (await left()).length === 0, 60_000)))
    throw new Error(`${namespace} keeps Tasks: ${(await left()).map(({ metadata }) => metadata.name).join(', ')}`);
}

type Rest = Omit<World, 'another' | 'close'>;

function worldOf(gate: Gate, controller: WebhookProcess, images: Images, flags: readonly string[]): Rest {
  const { api, namespace: usual } = gate;
  const object = (
    apiVersion: string,
    kind: string,
    name: string,
    { namespace = usual, annotations = {} }: More = {},
  ): ApiObject => ({ apiVersion, kind, metadata: { name, namespace, annotations } });
  const world: Rest = {
    gate,
    api,
    namespace: usual,
    controller,
    images,
    flags,
    image: (name, script, user = '1000') => {
      const image = runnableImage(gate.registry, `agents/${name}`, ['sh', '-c', script], { user });
      return signed(gate.registry, `agents/${name}`, image, gate.key).tagged;
    },
    unsigned: (name) => runnableImage(gate.registry, `agents/${name}`, ['true']).tagged,
    agent: (name, spec = {}, more) => ({
      ...object(openCode, 'Agent', name, more),
      spec: {
        agentImage: images.openCode,
        executorImage: images.executor,
        attachImage: images.attach,
        serviceAccountName: 'default',
        ...spec,
      },
    }),
    task: (name, spec = {}, more) => ({ ...object(openCode, 'Task', name, more), spec }),
    kubeTask: (name, spec = {}, more) => ({
      ...object(kubeTaskApi, 'Task', name, more),
      spec: { contexts: [taskFile], ...spec },
    }),
    kubeTaskAgent: (name, spec = {}, more) => ({
      ...object(kubeTaskApi, 'Agent', name, more),
      spec: { agentImage: images.teller, serviceAccountName: 'default', ...spec },
    }),
    configMap: (name, data, more) => ({ ...object('v1', 'ConfigMap', name, more), data }),
    status: async (task) => statusOf(await api.read(task)),
    put: async (task, status) => {
      await api.create(task);
      const { name, namespace } = task.metadata;
      const path = `/apis/${task.apiVersion}/namespaces/${namespace}/tasks/${name}/status`;
      await api.mergeAt(path, { status });
    },
    reached: (task, phase, milliseconds = 60_000) => wait(task, (found) => found === phase, milliseconds, phase),
    ended: (task, milliseconds = 60_000) => wait(task, isOver, milliseconds, 'an end'),
    run: async (task, milliseconds) => {
      await api.create(task);
      return world.ended(task, milliseconds);
    },
    log: async (task, container = 'agent') => {
      const { namespace = '', name } = await podOf(task);
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?container=${encodeURIComponent(container)}`;
      let answer = await api.get(path);
      // The node writes what a container has said last a moment after it has ended.
      await until(async () => (answer = await api.get(path)).text !== '', 5_000);
      const { status, text } = answer;
      return status === 200 ? text : `no log (${status}): ${text}`;
    },
    list: async (apiVersion, plural, namespace = usual) => {
      const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      const { status, text } = await api.get(`${root}/namespaces/${namespace}/${plural}`);
      if (status === 404) return [];
      // The API server's own list.
      return (JSON.parse(text) as { readonly items: readonly Found[] }).items;
    },
  };
  return world;

  async function podOf(task: ApiObject): Promise<{ readonly namespace: string | undefined; readonly name: string }> {
    const status = await world.status(task);
    const { namespace } = task.metadata;
    if (status?.podName !== undefined) return { namespace: status.podNamespace ?? namespace, name: status.podName };
    const pods = await world.list('v1', 'pods', namespace);
    const pod = pods.find(({ metadata }) => metadata.labels?.['kubetask.io/task'] === task.metadata.name);
    return { namespace, name: pod?.metadata.name ?? 'none' };
  }

  async function wait(
    task: ApiObject,
    isIt: (phase: TaskStatus['phase']) => boolean,
    milliseconds: number,
    what: string,
  ): Promise<TaskStatus> {
    const end = Date.now() + milliseconds;
    let last: TaskStatus | undefined;
    while (Date.now() < end) {
      last = await world.status(task);
      if (last !== undefined && isIt(last.phase)) return last;
      if (last !== undefined && isOver(last.phase)) break;
      await sleep(200);
    }
    const { name, namespace } = task.metadata;
    throw new Error(`${name} does not come to ${what}: ${JSON.stringify(last)}\n${await around(world, namespace)}`);
  }
}

function isOver(phase: TaskStatus['phase']): boolean {
  return phase === 'Completed' || phase === 'Failed';
}

/** What there is to say about a Task that does not get on. */
async function around({ list, controller }: Rest, namespace: string | undefined): Promise<string> {
  const pods = await list('v1', 'pods', namespace);
  const seen = pods.map(({ metadata, status }) => `${metadata.name}: ${JSON.stringify(status)}`);
  return [...seen, ...controller.log().split('\n').slice(-15)].join('\n').slice(-12_000);
}

function statusOf(object: unknown): TaskStatus | undefined {
  const record = asRecord(object);
  if (record === undefined) return undefined;
  // Written by the program under test; expectations look at each member.
  return (asRecord(record['status']) ?? { phase: '', conditions: [] }) as unknown as TaskStatus;
}

/** Of a Failed Task: why. */
export function whyOf(status: TaskStatus): { readonly reason: string; readonly message: string } {
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return { reason: ready?.reason ?? 'none', message: ready?.message ?? '' };
}
