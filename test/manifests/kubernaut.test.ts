/** What is shipped for workflows says what the program believes without it, and its samples would run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkInputs } from '../../src/contract/check-inputs.ts';
import { parseContract } from '../../src/contract/parse-contract.ts';
import { checkGraph } from '../../src/workflow/graph.ts';
import type { RegisteredAction, Workflow } from '../../src/workflow/model.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { parseRegistry } from '../../src/workflow/registry.ts';
import { parseSettings } from '../../src/workflow/settings.ts';
import { at } from './objects.ts';
import { kubectl, kustomized, manifests } from './render.ts';

const root = join(manifests, '..');
const read = (path: string): unknown => parse(readFileSync(join(root, path), 'utf8'));
const samples = readdirSync(join(manifests, 'kubernaut/samples'));
const registry = parseRegistry(at(read('manifests/actions/registry.yaml'), 'data'));

test('the settings are the defaults, so that applying them changes nothing', () => {
  const { settings, problems } = parseSettings(at(read('manifests/kubernaut/settings.yaml'), 'data'), {});
  expect(problems).toStrictEqual([]);
  expect(settings).toStrictEqual(parseSettings({}, {}).settings);
});

test('every setting is documented with its default', () => {
  const document = readFileSync(join(root, 'docs/workflows.md'), 'utf8');
  const rows = [...document.matchAll(/^\| `(?<key>[a-z][a-z.-]+)` +\| (?<preset>\S*) +\|/gm)];
  const documented = new Map(rows.map(({ groups = {} }) => [groups['key'], groups['preset']]));
  const data = at(read('manifests/kubernaut/settings.yaml'), 'data') as Readonly<Record<string, string>>;
  for (const [key, value] of Object.entries(data)) expect([key, documented.get(key)]).toStrictEqual([key, value]);
  const { problems } = parseSettings({ mistyped: '1' }, {});
  const known = /known are (?<keys>.*)$/.exec(problems[0] ?? '')?.groups?.['keys']?.split(', ') ?? [];
  expect(known.filter((key) => !documented.has(key))).toStrictEqual([]);
});

test('the namespace is that of the actions', () => {
  expect(read('manifests/kubernaut/namespace.yaml')).toStrictEqual(read('manifests/actions/namespace.yaml'));
});

test.runIf(kubectl !== undefined)('it can be applied in one go', () => {
  expect(kustomized('kubernaut').map(({ kind }) => kind)).toStrictEqual(['Namespace', 'ConfigMap']);
});

describe.each(samples)('the sample %s', (name) => {
  const object = read(`manifests/kubernaut/samples/${name}`);
  const workflow = parseWorkflow(object);

  test('is a workflow with a graph that can be run', () => {
    expect(workflow).toMatchObject({ ok: true, value: { namespace: 'kubernaut-system' } });
    expect(checkGraph(stepsOf(workflow))).toBeUndefined();
    expect(name).toBe(`${String(workflow.ok && workflow.value.name)}.yaml`);
  });

  test.each(stepsOf(workflow))('step $name has a registered action, and inputs that its contract takes', (step) => {
    const action = registry.actions.get(step.actionType ?? '');
    expect(action).toBeDefined();
    const contract = parseContract(
      readFileSync(join(root, 'manifests/actions', folderOf(action), 'action-contract.yaml')),
    );
    if (!contract.ok) throw new Error(contract.failure.join('; '));
    expect(checkInputs(contract.value, JSON.stringify(step.inputs)).problems).toStrictEqual([]);
    expect(contract.value.workspace !== 'none').toBe(step.usesWorkspace);
  });
});

function stepsOf(parsed: ReturnType<typeof parseWorkflow>): Workflow['steps'] {
  return parsed.ok ? parsed.value.steps : [];
}

/** Of its image: the last part of the repository. */
function folderOf(action: RegisteredAction | undefined): string {
  return /(?<folder>[^/:@]+)(?::[^/]*)?$/.exec(action?.image.split('@')[0] ?? '')?.groups?.['folder'] ?? '';
}
