/** The meta-task of Kubernaut's design: one Task that runs whatever action image it is told to; and an action for it. */
import type { Additions } from '../busybox-image.ts';
import type { ApiObject } from '../gate/api.ts';

const contract = `
apiVersion: kubernaut.ai/v1alpha1
kind: ActionContract
metadata: {name: restart, version: v1.0.0}
spec:
  description: Restarts a deployment
  inputs: [{name: deployment, type: string, required: true}]
  outputs: [{name: uid, type: integer}]
  resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 500m, memory: 64Mi}}
  rbac: {permissions: []}
  securityContext: {runAsNonRoot: true, runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`;

/** The action says what it was given, and as whom and with what it runs. */
const entrypoint = `#!/bin/sh
read -r inputs
memory=$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -n 1)
token=$(ls /var/run/secrets/kubernetes.io/serviceaccount/token 2>/dev/null)
echo "inputs=$inputs uid=$(id -u) memory=$memory token=$token"
`;

export const metaTask = (namespace: string, image = '$(params.actionImage)'): ApiObject => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'Task',
  metadata: { name: 'kubernaut-action', namespace },
  spec: {
    params: ['actionType', 'actionImage', 'inputs'].map((name) => ({ name, type: 'string' })),
    workspaces: [{ name: 'workspace', optional: true }],
    results: [{ name: 'outputs', description: 'JSON outputs' }],
    steps: [
      {
        name: 'execute',
        image,
        env: [
          { name: 'ACTION_TYPE', value: '$(params.actionType)' },
          { name: 'ACTION_INPUTS', value: '$(params.inputs)' },
          { name: 'WORKSPACE_PATH', value: '$(workspaces.workspace.path)' },
        ],
        script: '#!/bin/sh\nset -e\necho "$ACTION_INPUTS" | /action-entrypoint | tee $(results.outputs.path)\n',
      },
    ],
  },
});

/** What is in the image of an action beside busybox. */
export function actionFiles(name: string): Additions {
  return {
    labels: { 'ai.kubernaut.action-contract': contract.replace('name: restart', `name: ${name}`) },
    entries: [{ kind: 'file', path: 'action-entrypoint', content: Buffer.from(entrypoint), executable: true }],
  };
}

export function actionPolicy(host: string, namespace: string): ApiObject {
  const spec = {
    images: [{ glob: `${host}/actions/**` }],
    namespaces: { allow: [namespace] },
    digests: { resolve: 'All' },
  };
  return { apiVersion: 'countersign.dev/v1alpha1', kind: 'ActionPolicy', metadata: { name: 'actions' }, spec };
}

/** What the action of these suites wants. */
export const inputs = '{"deployment":"web"}';

interface Place {
  readonly name: string;
  readonly namespace: string;
}

export function taskRunOf(metadata: Place, values: Readonly<Record<string, unknown>>, more: object = {}): ApiObject {
  const params = Object.entries(values).map(([name, value]) => ({ name, value }));
  const spec = { taskRef: { name: 'kubernaut-action' }, params, ...more };
  return { apiVersion: 'tekton.dev/v1', kind: 'TaskRun', metadata, spec };
}

/** The task once for each image. */
export function pipelineRunOf(metadata: Place, images: readonly string[]): ApiObject {
  const params = [
    { name: 'actionType', value: 'restart' },
    { name: 'inputs', value: inputs },
  ];
  const matrix = { params: [{ name: 'actionImage', value: images }] };
  const each = { name: 'each', taskRef: { name: 'kubernaut-action' }, params, matrix };
  return { apiVersion: 'tekton.dev/v1', kind: 'PipelineRun', metadata, spec: { pipelineSpec: { tasks: [each] } } };
}
