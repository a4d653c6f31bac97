/** What is shipped for Tasks: definitions that fit the program and each other, and samples that it understands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { defaultImages } from '../../src/agents/model.ts';
import { parseAgent } from '../../src/agents/parse-agent.ts';
import { parseSystemConfig } from '../../src/agents/parse-config.ts';
import { parseKubeTask } from '../../src/agents/parse-kube-task.ts';
import { parseKubeTaskAgent } from '../../src/agents/parse-kube-task-agent.ts';
import { parseTask } from '../../src/agents/parse-task.ts';
import { readManifests } from '../../src/cli/manifest-documents.ts';
import { definitions } from '../../src/controllers/installation/decide.ts';
import { at, listAt } from './objects.ts';
import { kubectl, kustomized, manifests } from './render.ts';
import { undescribed } from './undescribed.ts';

const systems = ['kubeopencode', 'kubetask'] as const;
const read = (name: string): unknown => parse(readFileSync(join(manifests, 'crds', `${name}.yaml`), 'utf8'));
const [task, agent, template, config, kubeTask, kubeTaskAgent] = [
  'kubeopencode-tasks',
  'kubeopencode-agents',
  'kubeopencode-tasktemplates',
  'kubeopencode-configs',
  'kubetask-tasks',
  'kubetask-agents',
].map(read);
const all = [task, agent, template, config, kubeTask, kubeTaskAgent];
const schemaOf = (definition: unknown): unknown => at(definition, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema');
const ofSpec = (definition: unknown, ...path: readonly string[]): unknown =>
  at(schemaOf(definition), 'properties', 'spec', 'properties', ...path);

describe.each(all.map((one) => [String(at(one, 'metadata', 'name')), one] as const))('%s', (name, definition) => {
  test('is known as ours to whoever looks at the cluster before an installation', () => {
    expect(definitions.get(name)).toBe('v1alpha1');
    expect(at(definition, 'metadata', 'labels', 'app.kubernetes.io/part-of')).toBe('countersign');
    expect(name).toBe(
      `${String(at(definition, 'spec', 'names', 'plural'))}.${String(at(definition, 'spec', 'group'))}`,
    );
  });

  test('says something about every field', () => {
    expect(undescribed(schemaOf(definition))).toStrictEqual([]);
  });
});

test('has the short names of KubeOpenCode, and none for KubeTask', () => {
  const shortNames = all.map((one) => listAt(one, 'spec', 'names', 'shortNames').join());
  expect(shortNames).toStrictEqual(['tk', 'ag', 'tt', 'ktc', '', '']);
});

test('what has a status has it apart', () => {
  const apart = all.map((one) => at(one, 'spec', 'versions', 0, 'subresources') !== undefined);
  const has = all.map((one) => at(schemaOf(one), 'properties', 'status') !== undefined);
  expect([apart, has]).toStrictEqual([
    [true, true, false, false, true, false],
    [true, true, false, false, true, false],
  ]);
});

test('a context is the same wherever it is written', () => {
  const items = ofSpec(task, 'contexts', 'items');
  for (const other of [agent, template]) expect(ofSpec(other, 'contexts', 'items')).toStrictEqual(items);
  const files = ofSpec(kubeTask, 'contexts', 'items');
  expect(ofSpec(kubeTaskAgent, 'defaultContexts', 'items')).toStrictEqual(files);
});

test('credentials are the same in both systems', () => {
  expect(ofSpec(kubeTaskAgent, 'credentials')).toStrictEqual(ofSpec(agent, 'credentials'));
});

const parsers: Readonly<Record<string, (object: unknown) => { readonly ok: boolean }>> = {
  'kubeopencode.io/v1alpha1 Task': parseTask,
  'kubeopencode.io/v1alpha1 Agent': parseAgent,
  'kubeopencode.io/v1alpha1 KubeOpenCodeConfig': (object) => parseSystemConfig(object, { systemImage: 'i' }),
  'kubetask.io/v1alpha1 Task': parseKubeTask,
  'kubetask.io/v1alpha1 Agent': parseKubeTaskAgent,
};

describe.each(systems)('%s', (system) => {
  const samples = readManifests(join(manifests, system, 'samples'));

  test.each(samples)('the sample $kind $name is understood', ({ apiVersion, kind, object }) => {
    expect(parsers[`${apiVersion} ${kind}`]?.(object)).toMatchObject({ ok: true });
  });

  test('every kind that is written by hand has a sample', () => {
    const kinds = new Set(samples.map(({ kind }) => kind));
    expect([...kinds].toSorted()).toStrictEqual(
      system === 'kubetask' ? ['Agent', 'Task'] : ['Agent', 'KubeOpenCodeConfig', 'Task'],
    );
  });

  test('modes of files are octal, as kubectl reads them', () => {
    const agents = samples.filter(({ kind }) => kind === 'Agent').map(({ object }) => object);
    const modes = agents.flatMap((one) => listAt(one, 'spec', 'credentials').map((entry) => at(entry, 'fileMode')));
    expect(modes.filter((mode) => mode !== undefined)).toStrictEqual([0o400]);
  });

  test.runIf(kubectl !== undefined)('can be applied in one go, into a namespace that is judged', () => {
    const objects = kustomized(system);
    const kinds = ['Namespace', 'ServiceAccount', 'Role', 'RoleBinding'];
    expect(objects.map(({ kind }) => kind).toSorted()).toStrictEqual(
      [...kinds, ...(system === 'kubetask' ? [] : ['KubeOpenCodeConfig'])].toSorted(),
    );
    const namespace = objects.find(({ kind }) => kind === 'Namespace');
    expect(namespace?.metadata).toMatchObject({
      name: `${system}-system`,
      labels: { 'policy.sigstore.dev/include': 'true' },
    });
  });

  test('its samples use the account that is there', () => {
    const [account] = readManifests(join(manifests, system, 'service-account.yaml'));
    const agents = samples.filter(({ kind }) => kind === 'Agent').map(({ object }) => object);
    for (const one of agents) expect(at(one, 'spec', 'serviceAccountName')).toBe(account?.name);
  });
});

test('the settings of KubeOpenCode are the defaults, so that applying them changes nothing', () => {
  const defaults = { systemImage: defaultImages.system };
  const [shipped] = readManifests(join(manifests, 'kubeopencode/config.yaml'));
  const parsed = parseSystemConfig(shipped?.object, defaults);
  expect(parsed).toStrictEqual(parseSystemConfig(undefined, defaults));
  expect(parsed.ok).toBe(true);
});
