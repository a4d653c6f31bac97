/** The permissions of the program, all of them: whoever adds one adds it here too, and finds this review. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { at, listAt } from './objects.ts';
import { manifests } from './render.ts';

const objects = parseAllDocuments(readFileSync(join(manifests, 'base/rbac.yaml'), 'utf8')).map((document): unknown =>
  document.toJS(),
);

function permissions(kind: string, name: string): readonly string[] {
  const role = objects.find((object) => at(object, 'kind') === kind && at(object, 'metadata', 'name') === name);
  return listAt(role, 'rules').map((rule) => {
    const [groups, resources, names, urls, verbs] = [
      'apiGroups',
      'resources',
      'resourceNames',
      'nonResourceURLs',
      'verbs',
    ].map((field) => listAt(rule, field).join(','));
    const what = urls === '' ? `${groups}/${resources}` : urls;
    return `${verbs} ${what}${names === '' ? '' : ` (${names})`}`;
  });
}

test('in the whole cluster: it reads policies and what is judged, and writes status, Events, reports and its own caBundle', () => {
  expect(permissions('ClusterRole', 'countersign')).toStrictEqual([
    'list,watch policy.sigstore.dev/clusterimagepolicies,trustroots',
    'list,watch countersign.dev/actionpolicies',
    'patch policy.sigstore.dev/clusterimagepolicies/status,trustroots/status',
    'patch countersign.dev/actionpolicies/status',
    'create,patch /events',
    'list /namespaces,pods',
    'get /serviceaccounts',
    'get tekton.dev/tasks,pipelines,stepactions',
    'list,create,update,delete openreports.io/reports',
    'list,create,update,delete wgpolicyk8s.io/policyreports',
    'get,patch admissionregistration.k8s.io/validatingwebhookconfigurations,mutatingwebhookconfigurations (countersign,countersign-policies,countersign-workflows)',
    'get apiextensions.k8s.io/customresourcedefinitions (clusterimagepolicies.policy.sigstore.dev,trustroots.policy.sigstore.dev,actionpolicies.countersign.dev,workflowexecutions.workflowexecution.kubernaut.ai,workflowexecutions.kubernaut.ai,actionexecutions.execution.kubernaut.ai,tasks.kubeopencode.io,agents.kubeopencode.io,tasktemplates.kubeopencode.io,kubeopencodeconfigs.kubeopencode.io,tasks.kubetask.io,agents.kubetask.io)',
    'get rbac.authorization.k8s.io/clusterroles (countersign)',
    'create authentication.k8s.io/tokenreviews',
    'create authorization.k8s.io/subjectaccessreviews',
    'get /v1/records/positions,/v1/records/chain,/v1/records/actions',
  ]);
});

test('for workflows and Tasks: it reads them, makes and stops what runs them, and writes their status', () => {
  expect(permissions('ClusterRole', 'countersign-runs')).toStrictEqual([
    'list,watch,delete workflowexecution.kubernaut.ai,kubernaut.ai/workflowexecutions',
    'get,list,watch,create,patch execution.kubernaut.ai/actionexecutions',
    'update workflowexecution.kubernaut.ai,kubernaut.ai/workflowexecutions/status',
    'update execution.kubernaut.ai/actionexecutions/status',
    'update workflowexecution.kubernaut.ai,kubernaut.ai/workflowexecutions/finalizers',
    'update execution.kubernaut.ai/actionexecutions/finalizers',
    'get,list,watch,create,patch,delete batch/jobs',
    'get,list,watch,create,delete /pods',
    'get /pods/log',
    'list /events',
    'get,list,watch,create,delete /persistentvolumeclaims',
    'get,list,watch,create,patch tekton.dev/pipelineruns',
    'get,list,watch tekton.dev/taskruns',
    'get,list,watch,create tekton.dev/tasks',
    'get,list,watch,patch,delete kubeopencode.io/tasks',
    'get,list,watch kubeopencode.io,kubetask.io/agents',
    'get,list,watch kubeopencode.io/tasktemplates',
    'list,watch kubeopencode.io/kubeopencodeconfigs',
    'get,list,watch kubetask.io/tasks',
    'update kubeopencode.io/tasks/status,agents/status',
    'update kubetask.io/tasks/status',
    'update kubeopencode.io/tasks/finalizers,agents/finalizers',
    'update kubetask.io/tasks/finalizers',
    'get,create,patch,delete /configmaps',
    'get,list,watch,create,patch,delete apps/deployments',
    'get,list,watch,create,patch,delete /services',
  ]);
});

test('in its own namespace: Secrets and ConfigMaps by name, its certificate, settings and actions, its lease, the other replicas', () => {
  expect(permissions('Role', 'countersign')).toStrictEqual([
    'get,create /secrets',
    'patch /secrets (countersign-certificates)',
    'list,watch /configmaps (countersign-config,kubernaut-workflowexecution-config,kubernaut-action-registry)',
    'get /configmaps',
    'create coordination.k8s.io/leases',
    'get,patch coordination.k8s.io/leases (countersign)',
    'list discovery.k8s.io/endpointslices',
  ]);
});

test('where a workload has pull secrets, and an administrator binds it: Secrets by name', () => {
  expect(permissions('ClusterRole', 'countersign-pull-secrets')).toStrictEqual(['get /secrets']);
});
