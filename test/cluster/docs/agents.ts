/** What the documents about Tasks find in the cluster: images of agents, and what another controller has left. */
import { readFileSync } from 'node:fs';
import { clusterFacts } from '../access.ts';
import type { ApiObject } from '../gate/api.ts';
import { runnableImage, signed } from '../gate/images.ts';
import { systemNamespace, type Installation } from '../install/installation.ts';
import { pushSystemImage } from '../tasks/system-image.ts';
import { openCode, pushImages } from '../tasks/world.ts';

type Images = Pick<Installation, 'registry' | 'key'>;

/** All under agents/, signed: opencode, devbox, attach, teller, system, tools, kubectl. */
export async function pushAgents(images: Images): Promise<void> {
  pushImages(images, await pushSystemImage(images));
  push(images, 'tools', { path: 'tools/bin/hello', content: Buffer.from('#!/bin/sh\necho hello\n') });
  push(images, 'kubectl', { path: 'bin/kubectl', content: readFileSync(clusterFacts().kubectl) });
}

function push({ registry, key }: Images, name: string, file: { readonly path: string; readonly content: Buffer }) {
  const repository = `agents/${name}`;
  const additions = { user: '1000', entries: [{ kind: 'file', executable: true, ...file }] } as const;
  signed(registry, repository, runnableImage(registry, repository, ['true'], additions), key);
}

const namespace = 'agents';
/** Long enough for what comes next to be read and typed. */
const work = 'echo begun; sleep 30; echo done';

/** As in a cluster that has KubeOpenCode and no Countersign yet: its controller, a Task that it has begun, one that it has not. */
export async function leaveTasks(installation: Installation): Promise<void> {
  const { api, registry } = installation;
  await installation.kubectl('-n', systemNamespace, 'scale', 'deployment', 'countersign', '--replicas=0');
  // Nobody answers it, and Tasks are not created without an answer.
  await installation.kubectl('delete', 'validatingwebhookconfiguration', 'countersign-workflows');
  await installation.kubectl('-n', systemNamespace, 'wait', 'pod', '--all', '--for=delete', '--timeout=60s');
  const image = `${registry.host}/agents/devbox:1.0`;
  const labels = { 'app.kubernetes.io/component': 'controller' };
  await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await api.apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'kubeopencode-controller', namespace },
    spec: {
      selector: { matchLabels: labels },
      // Nobody schedules it.
      template: {
        metadata: { labels },
        spec: { schedulerName: 'nobody', containers: [{ name: 'controller', image }] },
      },
    },
  });
  const spec = { agentImage: `${registry.host}/agents/opencode:1.0`, executorImage: image };
  await api.create(objectOf('Agent', 'default', { ...spec, serviceAccountName: 'default' }));
  for (const name of ['runs', 'waits']) await api.create(objectOf('Task', name, { description: name }));
  await api.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'runs-pod', namespace, labels: { app: 'kubeopencode', 'kubeopencode.io/task': 'runs' } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'agent', image, command: ['sh', '-c', work] }] },
  });
  const startTime = new Date().toISOString().replace(/\.\d+/, '');
  const status = { phase: 'Running', podName: 'runs-pod', podNamespace: namespace, startTime };
  await api.mergeAt(`/apis/${openCode}/namespaces/${namespace}/tasks/runs/status`, { status });
}

function objectOf(kind: string, name: string, spec: object): ApiObject {
  return { apiVersion: openCode, kind, metadata: { name, namespace }, spec };
}
