import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { expect, test } from 'vitest';

// docs/decisions/0001-architecture.md as a test: a folder may import itself and what is listed for it.
const pure = ['kernel', 'policy'];
const inside = [
  ...pure,
  'verification',
  'contract',
  'tekton',
  'workflow',
  'agents',
  'migrate',
  'ports',
  'evidence',
  'admission',
  'records',
  'controllers',
  'http',
];
const mayImport: Record<string, readonly string[]> = {
  kernel: [],
  policy: ['kernel'],
  verification: pure,
  contract: pure,
  // Reads what other programs are configured with.
  migrate: pure,
  tekton: pure,
  workflow: [...pure, 'contract'],
  // Names of children and what Pods say are the same there.
  agents: [...pure, 'contract', 'workflow'],
  // What runs in the init containers of a Task, apart from everything else.
  init: [...pure, 'contract', 'agents'],
  ports: [...pure, 'contract', 'tekton', 'workflow', 'agents'],
  evidence: [...pure, 'verification', 'contract', 'ports'],
  admission: [...pure, 'contract', 'tekton', 'workflow', 'agents', 'ports', 'evidence'],
  records: [...pure, 'ports'],
  controllers: [...pure, 'contract', 'workflow', 'agents', 'ports', 'admission'],
  http: [...pure, 'agents', 'ports', 'admission', 'records'],
  adapters: [...pure, 'verification', 'contract', 'tekton', 'workflow', 'agents', 'ports', 'records'],
  demo: [...pure, 'ports'],
  cli: [...inside, 'init', 'adapters', 'demo', 'config.ts'],
  'config.ts': ['kernel'],
  'main.ts': [...inside, 'init', 'adapters', 'demo', 'cli', 'config.ts'],
};
const packages: Record<string, readonly string[]> = {
  kernel: ['re2js', 'yaml', 'node:crypto'],
  policy: ['node:crypto'],
  verification: ['@sigstore/*', '@noble/*', 'node:crypto'],
  contract: [],
  migrate: [],
  tekton: [],
  workflow: [],
  agents: [],
  ports: [],
  evidence: ['lru-cache', 'node:zlib'],
  admission: ['lru-cache'],
};

const root = join(import.meta.dirname, '..', 'src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const place = (file: string): string => file.split(sep)[0] ?? file;

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)].map((match) => match[1] ?? '');
}

function complaint(file: string, specifier: string): string | undefined {
  const from = place(file);
  if (specifier.startsWith('.')) {
    const to = place(relative(root, normalize(join(root, dirname(file), specifier))));
    return to === from || mayImport[from]?.includes(to) ? undefined : `${file} imports ${to}`;
  }
  const allowed = packages[from];
  if (allowed === undefined) return undefined;
  const fits = allowed.some((name) =>
    name.endsWith('*') ? specifier.startsWith(name.slice(0, -1)) : specifier === name,
  );
  return fits ? undefined : `${file} imports package ${specifier}`;
}

test('every folder of src is part of the picture', () => {
  expect(files.length).toBeGreaterThan(20);
  expect(files.map(place).filter((name) => mayImport[name] === undefined)).toEqual([]);
});

test('imports point up the list, never down', () => {
  const complaints = files.flatMap((file) => importsOf(file).map((specifier) => complaint(file, specifier)));
  expect(complaints.length).toBeGreaterThan(20);
  expect(complaints.filter((found) => found !== undefined)).toEqual([]);
});

test('pure folders read no clock, random, environment or disk', () => {
  const impure =
    /\bDate\.now\(|new Date\(\)|Math\.random\(|randomBytes|randomUUID|process\.|node:(?:fs|net|http|os|child_process)/;
  const found = files.filter((file) => {
    const from = place(file);
    return (
      (pure.includes(from) ||
        ['verification', 'contract', 'migrate', 'tekton', 'workflow', 'agents'].includes(from) ||
        file.endsWith('decide.ts')) &&
      impure.test(readFileSync(join(root, file), 'utf8'))
    );
  });
  expect(found).toEqual([]);
});
