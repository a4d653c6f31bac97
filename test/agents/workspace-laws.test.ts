import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contextData } from '../../src/agents/context-config-map.ts';
import { layOutKubeTask } from '../../src/agents/kube-task-workspace.ts';
import type { ConfigMaps, ContextItem, Workspace } from '../../src/agents/model.ts';
import { neededConfigMaps } from '../../src/agents/needed-config-maps.ts';
import { layOut } from '../../src/agents/workspace.ts';
import { agent, workWith } from './workspace-work.ts';

// Few names, so that conflicts, sharing and things that are missing all occur; and any text besides.
const anything = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 12 }));
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'a-b', 'x.md') },
  { weight: 1, arbitrary: anything },
);
const mountPath = fc.oneof(
  fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
  fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`),
  fc.constantFrom(
    '.',
    '/workspace',
    'task.md',
    '../x',
    '/tools/x',
    '/etc/passwd',
    '/var/run/secrets/x',
    '.kubeopencode/context.md',
  ),
);
const placed = {
  optional: fc.boolean(),
  name: fc.oneof(fc.constant('n'), anything),
  mountPath,
  fileMode: fc.nat(0o777),
};
// The name of a type and its members: fast-check makes them of one another, which TypeScript does not follow.
const contextOf = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<ContextItem> => {
  const any = fc.record(placed, { requiredKeys: ['optional'] });
  const item: fc.Arbitrary<unknown> = fc.tuple(any, fc.record(fields)).map(([one, other]) => ({ ...one, ...other }));
  return item as fc.Arbitrary<ContextItem>;
};

const repository = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('https://host/repo', 'git@host:repo') },
  { weight: 1, arbitrary: anything },
);
const source = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('https://host/x', 'http://10.0.0.1/x') },
  { weight: 1, arbitrary: anything },
);
const git = fc.record({
  repository,
  ref: fc.constantFrom('HEAD', 'main', '-x'),
  depth: fc.constantFrom(0, 1, -1),
  recurseSubmodules: fc.boolean(),
});
const url = fc.record({
  source,
  headers: fc.array(fc.record({ name: fc.constantFrom('Accept', 'Host'), value: anything }), { maxLength: 1 }),
  timeoutSeconds: fc.constantFrom(30, 0),
  insecureSkipTlsVerify: fc.boolean(),
});
const configMap = fc.record({ name, key: name }, { requiredKeys: ['name'] });
const item = fc.oneof(
  contextOf({ type: fc.constant('Text'), text: anything }),
  contextOf({ type: fc.constant('ConfigMap'), configMap }),
  contextOf({ type: fc.constant('Git'), git }),
  contextOf({ type: fc.constant('URL'), url }),
  contextOf({ type: fc.constant('Runtime') }),
);
const data = fc.dictionary(name, anything, { maxKeys: 3 });
const found = fc
  .dictionary(
    fc.tuple(fc.constantFrom('agents', 'team'), name).map((parts) => parts.join('/')),
    fc.record({ data, binaryData: data }),
    { maxKeys: 5 },
  )
  .map((entries): ConfigMaps => new Map(Object.entries(entries)));
const own = fc.array(item, { maxLength: 4 });
const change = fc.record({
  contexts: fc.array(item, { maxLength: 2 }),
  workspaceDir: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('/workspace', '/a') },
    { weight: 1, arbitrary: anything },
  ),
  config: fc.constantFrom('', '{}'),
});

function placesOf({ files, folders, clones, downloads }: Workspace): readonly string[] {
  return [...files, ...folders, ...clones, ...downloads].map(({ path }) => path);
}

test('whatever is asked for, a workspace is one, or there is a sentence', () => {
  const seen = { laidOut: 0, refused: 0 };
  fc.assert(
    fc.property(own, change, anything, found, (items, changed, description, maps) => {
      const work = workWith(items, changed, description);
      const result = layOut(work, maps);
      seen[result.ok ? 'laidOut' : 'refused'] += 1;
      // The order in which ConfigMaps were read is nobody's business.
      const shuffled = new Map([...maps].toReversed());
      expect(JSON.stringify(layOut(structuredClone(work), shuffled).ok)).toBe(JSON.stringify(result.ok));
      expect(layOut(work, shuffled)).toEqual(result);
      expect(result.ok ? 'a sentence' : result.failure.message).toMatch(/^[^\p{Cc}]{4,}$/u);
      if (result.ok) expectWorkspace(result.value, changed.workspaceDir);
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(seen.laidOut, seen.refused)).toBeGreaterThan(200);
});

function expectWorkspace(workspace: Workspace, workspaceDir: string): void {
  const places = placesOf(workspace);
  expect(new Set(places).size).toBe(places.length);
  for (const place of places) {
    expect(place).toMatch(/^(?:\/[^/\p{Cc}]+)+$/u);
    expect(place.split('/')).not.toContain('..');
    expect(place).not.toMatch(/^\/(?:tools(?!\/opencode\.json$)|var|etc\/passwd)(?:\/|$)/);
  }
  const root = `/${workspaceDir
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
  const closed = places.filter((place) => place !== root);
  expect(closed.filter((place) => closed.some((other) => place.startsWith(`${other}/`)))).toEqual([]);
  const { keys, data: texts, binaryData } = contextData(workspace);
  expect(new Set(keys.values())).toEqual(new Set([...Object.keys(texts), ...Object.keys(binaryData)]));
  expect(keys.size).toBe(workspace.files.length);
  for (const key of keys.values()) expect(key).toMatch(/^(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}$/);
}

test('nothing is taken from a ConfigMap that was not asked for', () => {
  fc.assert(
    fc.property(own, change, found, (items, changed, maps) => {
      const work = workWith(items, changed);
      const asked = new Set(neededConfigMaps(work).map((place) => `${place.namespace}/${place.name}`));
      const rest = new Map([...maps].filter(([place]) => asked.has(place)));
      expect(layOut(work, rest)).toEqual(layOut(work, maps));
      for (const place of asked) expect(place).toMatch(/^(?:agents|team)\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
    }),
  );
});

test('the same holds for KubeTask', () => {
  const file = fc.oneof(
    fc.record({ type: fc.constant('Text'), text: anything, optional: fc.boolean(), mountPath }),
    fc.record({ type: fc.constant('ConfigMap'), configMap, optional: fc.boolean(), mountPath }),
  ) as fc.Arbitrary<ContextItem>;
  const files = fc.array(file, { maxLength: 4 });
  fc.assert(
    fc.property(files, files, found, (ofAgent, items, maps) => {
      const result = layOutKubeTask(
        { task: { namespace: 'team', contexts: items }, agent: { ...agent, contexts: ofAgent } },
        maps,
      );
      expect(result.ok ? 'a sentence' : result.failure.message).toMatch(/^[^\p{Cc}]{4,}$/u);
      if (result.ok) expectWorkspace(result.value, '/nowhere');
    }),
    { numRuns: 2000 },
  );
});
