import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Agent, ContextItem, Credential, SystemConfig } from '../../src/agents/model.ts';
import { serverDeployment, serverWork } from '../../src/agents/server.ts';
import { taskConfigMap } from '../../src/agents/task-config-map.ts';
import { taskNames } from '../../src/agents/task-names.ts';
import { taskPod } from '../../src/agents/task-pod.ts';
import { workProblem } from '../../src/agents/work-problem.ts';
import { layOut } from '../../src/agents/workspace.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { environmentOf, expectGoodMetadata, expectGoodPodSpec, expectRestricted, items } from './pod-laws.ts';
import { clone, configMaps, download, fromConfigMap, text, workWith } from './workspace-work.ts';

const segment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'a-b', 'A.b', 'x.md', 'y'.repeat(70)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }) },
);
const mountPath = fc.oneof(
  fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
  fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`),
  fc.constantFrom('.', '/workspace/', '/workspace/.env', '/etc/app/x', '/run/secrets/x', '/git/x', '/tools', '/'),
);
const item: fc.Arbitrary<ContextItem> = fc.oneof(
  mountPath.map((path) => text('a', path)),
  mountPath.map((path) => clone(path)),
  mountPath.map((path) => download(path)),
  mountPath.map((path) => fromConfigMap({ name: 'guides' }, path, true)),
  fc.constant(text('in the context file')),
);
const credential: fc.Arbitrary<Credential> = fc.record(
  { name: fc.constant('c'), secret: fc.constant('s'), key: fc.constant('k'), mountPath, fileMode: fc.nat(0o777) },
  { requiredKeys: ['name', 'secret'] },
);
const change: fc.Arbitrary<Partial<Agent>> = fc.record(
  {
    contexts: fc.array(item, { maxLength: 3 }),
    credentials: fc.array(credential, { maxLength: 3 }),
    workspaceDir: fc.constantFrom('/workspace', '/a', "/w $(HOME) 'x"),
    config: fc.constant('{}'),
    server: fc.constant({ port: 4096 }),
    namespace: fc.constantFrom('agents', 'team'),
  },
  { requiredKeys: [] },
);
const maps = configMaps({ 'agents/guides': { data: { a: 'A', 'b.md': 'B' } } });
const config: SystemConfig = {
  systemImage: { image: 'system:1', imagePullPolicy: 'IfNotPresent' },
  allowedUrlHosts: ['$(HOME)'],
};

test('a Pod is made that every API server takes and no Pod security refuses, or there is a sentence', () => {
  const seen = { made: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(item, { maxLength: 5 }), change, (contexts, changed) => {
      const work = workWith(contexts, changed, 'do it');
      const workspace = layOut(work, maps);
      if (!workspace.ok || workProblem(work, workspace.value) !== undefined) {
        seen.refused += 1;
        return;
      }
      seen.made += 1;
      const names = taskNames(work, 'plain');
      const pod = taskPod(work, workspace.value, names, config);
      expectGoodMetadata(pod.metadata);
      expectGoodPodSpec(pod['spec']);
      expectRestricted(pod['spec']);
      expect(JSON.stringify(taskPod(structuredClone(work), workspace.value, names, config))).toBe(JSON.stringify(pod));
      expectEveryFile(pod['spec'], taskConfigMap(work, workspace.value, names)?.['data']);
    }),
    { numRuns: 2_000 },
  );
  expect(Math.min(seen.made, seen.refused)).toBeGreaterThan(200);
});

/** What context-init is told to put somewhere is in the ConfigMap, and that place is in one of its volumes. */
function expectEveryFile(spec: unknown, data: unknown): void {
  const containers = items(asRecord(spec)?.['initContainers']);
  const init = containers.find(({ name }) => name === 'context-init');
  for (const container of containers) environmentOf(container);
  const mappings = items(JSON.parse(environmentOf(init)['FILE_MAPPINGS'] ?? '[]'));
  const mounts = items(init?.['volumeMounts']).map((mount) => String(mount['mountPath']));
  expect(mappings.map(({ key }) => String(key)).sort((a, b) => a.localeCompare(b))).toEqual(
    Object.keys(asRecord(data) ?? {}).sort((a, b) => a.localeCompare(b)),
  );
  for (const { targetPath } of mappings) {
    expect(mounts.some((mount) => String(targetPath).startsWith(`${mount}/`))).toBe(true);
  }
}

test('and a server that is as good', () => {
  let made = 0;
  fc.assert(
    fc.property(change, (changed) => {
      const { agent } = workWith([], changed);
      const work = serverWork(agent);
      const workspace = layOut(work, maps);
      if (!workspace.ok || workProblem(work, workspace.value) !== undefined) return;
      made += 1;
      const template = asRecord(asRecord(serverDeployment(agent, workspace.value, config)['spec'])?.['template']);
      expectGoodMetadata(template?.['metadata']);
      expectGoodPodSpec(template?.['spec']);
      expectRestricted(template?.['spec']);
    }),
    { numRuns: 500 },
  );
  expect(made).toBeGreaterThan(100);
});
