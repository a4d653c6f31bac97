import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { lintContract } from '../../src/contract/lint-contract.ts';
import type { ActionContract } from '../../src/contract/model.ts';
import { parseContract } from '../../src/contract/parse-contract.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { parseRegistry } from '../../src/workflow/registry.ts';
import { catalogue, catalogueFolder, fileOf, rightsOf, targetBindings, type CatalogueAction } from './catalogue.ts';

function contractOf({ contract }: CatalogueAction): ActionContract {
  const parsed = parseContract(Buffer.from(contract));
  if (!parsed.ok) throw new Error(parsed.failure.join('\n'));
  return parsed.value;
}

const kinds = (action: CatalogueAction): readonly string[] => rightsOf(action).map(({ kind }) => kind);
const withPermissions = catalogue.filter((action) => contractOf(action).permissions.length > 0);
const actsOnNamespaces = withPermissions.filter((action) => !kinds(action).some((kind) => kind.endsWith('Binding')));

test('all actions that Kubernaut knows by name are there, and those of Git', () => {
  expect(catalogue.map(({ actionType }) => actionType).toSorted()).toEqual(
    [
      ...`scale_deployment restart_pod increase_resources rollback_deployment expand_pvc drain_node cordon_node
          uncordon_node taint_node untaint_node quarantine_pod cleanup_storage backup_data compact_storage update_hpa
          restart_daemonset scale_statefulset rotate_secrets audit_logs update_network_policy restart_network
          reset_service_mesh failover_database repair_database enable_debug_mode create_heap_dump collect_diagnostics
          optimize_resources migrate_workload notify_only`
        .split(/\s+/)
        .map((name) => `kubernetes/${name}`),
      'git/clone',
      'git/modify-file',
      'git/commit',
      'git/create-pr',
    ].toSorted(),
  );
});

describe.each(catalogue)('$name', (action) => {
  const contract = contractOf(action);

  test('has a contract without faults, of its own name', () => {
    expect(contract.name).toBe(action.name);
    expect(lintContract(contract)).toEqual([]);
  });

  test('runs confined', () => {
    expect(contract.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(contract.timeoutMs).toBeGreaterThan(0);
  });

  test('names the namespace it acts on as a target', () => {
    const names = contract.inputs.map(({ name }) => name).filter((name) => name === 'namespace');
    expect(contract.targetInputs).toEqual(names);
  });

  test('has the rights of its contract and no others', () => {
    const roles = rightsOf(action).filter(({ kind }) => kind.endsWith('Role'));
    const rules = roles.flatMap(({ rules: written }) => (Array.isArray(written) ? written : []));
    expect(rules.map((rule) => ({ resourceNames: [], ...asRecord(rule) }))).toEqual(contract.permissions);
    expect(roles).toHaveLength(contract.permissions.length === 0 ? 0 : 1);
  });

  test('reads only inputs that its contract has', () => {
    const read = [...action.script.matchAll(/(?:\$\(input|\bif has) ([A-Za-z]+)/g)].map(([, name]) => name);
    const names = new Set(contract.inputs.map(({ name }) => name));
    expect(read.filter((name) => name !== undefined && !names.has(name))).toEqual([]);
  });

  test('prints what its contract says', () => {
    const printed = [...action.script.matchAll(/--(?:arg|argjson) (\w+)/g)].map(([, name]) => name);
    const missing = contract.outputs.filter(({ name }) => !printed.includes(name));
    expect(missing).toEqual([]);
  });
});

test('what is not implemented has no rights', () => {
  const idle = catalogue.filter(({ implemented }) => !implemented);
  expect(idle.flatMap((action) => contractOf(action).permissions)).toEqual([]);
});

test.each(withPermissions)('the account of $name has the name that the gate gives its Pods', (action) => {
  const [account, role] = rightsOf(action);
  expect(account).toMatchObject({
    kind: 'ServiceAccount',
    metadata: { name: `${action.name}-sa`, namespace: 'kubernaut-system' },
  });
  expect(role?.metadata.name).toBe(`kubernaut-action-${action.name}`);
});

test('rights on namespaces are bound namespace by namespace, and nothing else is', () => {
  expect(targetBindings().map(({ roleRef }) => asRecord(roleRef)?.['name'])).toEqual(
    actsOnNamespaces.map(({ name }) => `kubernaut-action-${name}`),
  );
  for (const binding of targetBindings()) expect(binding.metadata.namespace).toBeUndefined();
});

test('only what acts on nodes is bound in the whole cluster', () => {
  const bound = catalogue.filter((action) => kinds(action).includes('ClusterRoleBinding'));
  const nodes = bound.filter((action) => contractOf(action).inputs.some(({ name }) => name === 'node'));
  expect(bound).toEqual(nodes);
});

test('the registry knows every action, by the image that is published', () => {
  const { actions, problems } = parseRegistry(asRecord(parse(fileOf('registry.yaml')))?.['data']);
  expect([...problems]).toEqual([]);
  expect(Object.fromEntries([...actions].map(([type, { image }]) => [type, image]))).toEqual(
    Object.fromEntries(
      catalogue.map(({ actionType, name }) => [actionType, `ghcr.io/kubernaut/actions/${name}:v1.0.0`]),
    ),
  );
});

test('the kustomization has all there is', () => {
  const { resources } = asRecord(parse(fileOf('kustomization.yaml'))) ?? {};
  expect(resources).toEqual([
    'namespace.yaml',
    'registry.yaml',
    ...withPermissions.map(({ name }) => `${name}/rbac.yaml`),
  ]);
});

test('the table of the documentation is complete and true', () => {
  const documentation = readFileSync(join(catalogueFolder, '../../docs/actions.md'), 'utf8');
  for (const { actionType, implemented } of catalogue) {
    const row = documentation.split('\n').find((line) => line.startsWith(`| \`${actionType}\``)) ?? '';
    expect([actionType, row !== '', row.includes('not implemented')]).toEqual([actionType, true, !implemented]);
  }
});

test('every script is there', () => {
  expect(catalogue.filter(({ name }) => !existsSync(join(catalogueFolder, name, 'action.sh')))).toEqual([]);
});
