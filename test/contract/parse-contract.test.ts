import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { maxContractBytes, parseContract } from '../../src/contract/parse-contract.ts';
import { bytes, contractOf, contractWith, gitClone, problemsOf, withSpec } from './kit.ts';

describe('the example of the design documents', () => {
  test('is read with every default', () => {
    const contract = contractOf(stringify(gitClone));
    expect({
      ...contract,
      resources: Object.fromEntries(
        Object.entries(contract.resources).map(([name, map]) => [name, [...map].map(([key, { text }]) => [key, text])]),
      ),
    }).toEqual({
      name: 'git-clone',
      version: { text: 'v1.0.0', major: 1, minor: 0, patch: 0, prerelease: '' },
      description: 'Clone Git repository to workspace',
      inputs: [
        { name: 'repository', type: 'string', required: true, description: 'Git repository URL' },
        { name: 'branch', type: 'string', required: false, description: '', default: 'main' },
      ],
      outputs: [{ name: 'commitSHA', type: 'string', description: 'Cloned commit SHA' }],
      resources: {
        requests: [
          ['cpu', '100m'],
          ['memory', '128Mi'],
        ],
        limits: [
          ['cpu', '500m'],
          ['memory', '512Mi'],
        ],
      },
      permissions: [],
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        runAsNonRoot: true,
        runAsUser: 1000,
      },
      targetInputs: ['namespace'],
      shell: true,
      workspace: 'optional',
    });
  });

  test('is the same as JSON', () => {
    expect(contractOf(JSON.stringify(gitClone))).toEqual(contractOf(stringify(gitClone)));
  });

  test('is read with a byte order mark, a document marker and comments', () => {
    expect(problemsOf(`\ufeff# a comment\n---\n${stringify(gitClone)}...\n`)).toEqual([]);
  });
});

test('the least there can be: nothing is limited, nothing is allowed', () => {
  const least = { ...gitClone, spec: {} };
  expect(contractOf(least)).toMatchObject({
    description: '',
    inputs: [],
    outputs: [],
    resources: { requests: new Map(), limits: new Map() },
    permissions: [],
    securityContext: {},
    shell: true,
    workspace: 'optional',
  });
  expect(contractOf(least)).not.toHaveProperty('run');
  expect(contractOf(least)).not.toHaveProperty('timeoutMs');
});

test.each([
  ['1s', 1000],
  ['2147483647s', 2_147_483_647_000],
])('the timeout %s', (timeout, millis) => {
  expect(contractWith({ timeout }).timeoutMs).toBe(millis);
});

test('a contract of the largest size', () => {
  const text = stringify(gitClone);
  const padded = `${text}#${'x'.repeat(maxContractBytes - text.length - 1)}`;
  expect(bytes(padded)).toHaveLength(maxContractBytes);
  expect(problemsOf(padded)).toEqual([]);
});

test('namespaces, shell, timeout and workspace', () => {
  const contract = contractWith({
    namespaces: { run: ['kubernaut-*'], target: ['production', 'team-*'], targetInputs: ['repository'] },
    shell: false,
    timeout: '2m30s',
    workspace: 'required',
  });
  expect(contract).toMatchObject({
    targetInputs: ['repository'],
    shell: false,
    timeoutMs: 150_000,
    workspace: 'required',
  });
  expect(contract.run?.map(({ source }) => source)).toEqual(['kubernaut-*']);
  expect(contract.target?.map(({ source }) => source)).toEqual(['production', 'team-*']);
});

describe('text that is no contract', () => {
  const text = stringify(gitClone);
  test.each([
    ['nothing', '', 'there is no contract in it'],
    ['a comment', '# nothing\n', 'there is no contract in it'],
    ['null', 'null', 'there is no contract in it'],
    ['a text', 'hello', 'expected an object'],
    ['a list', '[]', 'expected an object'],
    ['a number', '1e309', 'expected an object'],
    ['two documents', `${text}---\n${text}`, 'more than one document'],
    ['two documents in JSON', `${JSON.stringify(gitClone)}\n---\n{}`, 'more than one document'],
    ['two documents without a marker', 'a: 1\n...\nb: 1\n', 'more than one document'],
    ['an alias', `x: &x 1\ny: *x\n${text}`, 'aliases are not allowed'],
    ['aliases that unfold', `a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n`, 'aliases are not allowed'],
    ['an alias of itself', 'a: &a [*a]', 'aliases are not allowed'],
    ['a key twice', `${text}kind: Other\n`, 'the key "kind" occurs twice'],
    ['a key twice, deep inside', text.replace('runAsUser: 1000', 'runAsUser: 0\n    runAsUser: 1000'), 'occurs twice'],
    ['a key twice in JSON', '{"apiVersion":"a","apiVersion":"b"}', 'the key "apiVersion" occurs twice'],
    ['an unknown tag', 'a: !!js/function "x"', 'tag'],
    ['deep nesting', '['.repeat(10_000), 'nested deeper than'],
    ['broken YAML', 'a: [', ''],
    ['tabs for indentation', 'a:\n\tb: 1', ''],
    ['a merge key', stringify({ ...gitClone, '<<': { kind: 'x' } }), 'unknown field(s): <<'],
  ])('%s', (_name, source, expected) => {
    const problems = problemsOf(source);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  test.each([
    ['not UTF-8', Uint8Array.from([0x61, 0xff, 0xfe]), 'not valid UTF-8'],
    ['half a character', Uint8Array.from([0xc3]), 'not valid UTF-8'],
    ['UTF-16', Uint8Array.from([0xff, 0xfe, 0x61, 0x00]), 'not valid UTF-8'],
    ['10 MB', new Uint8Array(10 * 1024 * 1024).fill(0x61), `larger than ${maxContractBytes} bytes`],
    ['a byte too many', new Uint8Array(maxContractBytes + 1).fill(0x20), `larger than ${maxContractBytes} bytes`],
    ['zeros', new Uint8Array(1000), ''],
    ['an ELF file', Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0]), ''],
  ])('%s', (_name, source, expected) => {
    const read = parseContract(source);
    expect(read.ok).toBe(false);
    expect(read.ok ? '' : read.failure.join()).toContain(expected);
  });

  test('of the largest size is refused in less than a second', () => {
    const hostile = [
      'a: b\n'.repeat(maxContractBytes / 5),
      '- '.repeat(maxContractBytes / 2),
      '{"a":'.repeat(maxContractBytes / 5),
      `{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
      `${JSON.stringify(gitClone).slice(0, -2)},"inputs":[${'{},'.repeat(60_000)}{}]}}`,
      `${JSON.stringify(withSpec({ inputs: 0 })).replace('"inputs":0', `"inputs":[${'{"name":1},'.repeat(20_000)}{}]`)}`,
      '"'.repeat(maxContractBytes),
      '&a '.repeat(maxContractBytes / 3),
      '? '.repeat(maxContractBytes / 2),
    ];
    for (const text of hostile) {
      const start = performance.now();
      const problems = problemsOf(text.slice(0, maxContractBytes));
      expect(performance.now() - start).toBeLessThan(5_000);
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.join('\n').length).toBeLessThan(400_000);
    }
  });
});

describe('the header', () => {
  test.each([
    ['another version of the format', { ...gitClone, apiVersion: 'kubernaut.ai/v2' }, 'this version is not known here'],
    ['another group', { ...gitClone, apiVersion: 'v1' }, 'invalid value: v1: apiVersion'],
    ['another kind', { ...gitClone, kind: 'Action' }, 'invalid value: Action: kind\nexpected ActionContract'],
    ['no version', { ...gitClone, apiVersion: undefined }, 'missing field(s): apiVersion'],
    ['no kind', { ...gitClone, kind: undefined }, 'missing field(s): kind'],
    ['a number for the version', { ...gitClone, apiVersion: 1 }, 'apiVersion\nexpected a string'],
    ['no metadata', { ...gitClone, metadata: undefined }, 'missing field(s): metadata'],
    ['no spec', { ...gitClone, spec: null }, 'missing field(s): spec'],
    ['an unknown member', { ...gitClone, status: {} }, 'unknown field(s): status'],
    ['unknown metadata', { ...gitClone, metadata: { ...gitClone.metadata, labels: {} } }, 'metadata.labels'],
    ['an unknown part of spec', withSpec({ sidecars: [] }), 'unknown field(s): spec.sidecars'],
    ['spec as a list', { ...gitClone, spec: [] }, 'spec\nexpected an object'],
  ])('refuses %s', (_name, document, expected) => {
    expect(problemsOf(document)).toEqual([expect.stringContaining(expected)]);
  });

  test('of another version is all that is spoken about', () => {
    expect(problemsOf({ apiVersion: 'kubernaut.ai/v2', kind: 'ActionContract', anything: true })).toHaveLength(1);
  });
});

describe('name and version', () => {
  test.each([['a'], ['git-clone'], ['0'], ['a'.repeat(63)]])('takes the name %s', (name) => {
    expect(contractOf({ ...gitClone, metadata: { ...gitClone.metadata, name } }).name).toBe(name);
  });

  test.each([
    [''],
    ['Git'],
    ['git_clone'],
    ['-git'],
    ['git-'],
    ['a.b'],
    ['a/b'],
    ['a'.repeat(64)],
    ['a\n'],
    [5],
    [null],
  ])('refuses the name %j', (name) => {
    const problems = problemsOf({ ...gitClone, metadata: { ...gitClone.metadata, name } });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => problem.includes('metadata.name'))).toBe(true);
  });

  test.each([['v1.0.0'], ['1.2.3'], ['0.1.0'], ['v1.99.0-rc.1+build']])('takes the version %s', (version) => {
    expect(contractOf({ ...gitClone, metadata: { ...gitClone.metadata, version } }).version.text).toBe(version);
  });

  test.each([['1'], ['latest'], ['v1'], ['1.0'], [''], [1], [1.5]])('refuses the version %j', (version) => {
    const problems = problemsOf({ ...gitClone, metadata: { ...gitClone.metadata, version } });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => problem.includes('metadata.version'))).toBe(true);
  });

  test.each([['v2.0.0'], ['2.0.0-rc.1'], ['100.0.0']])(
    'refuses the unknown major version %s, and says why',
    (version) => {
      const problems = problemsOf({ ...gitClone, metadata: { ...gitClone.metadata, version } });
      expect(problems).toEqual([
        expect.stringMatching(/major version \d+ is not known here; contracts up to 1\.x can be read/),
      ]);
    },
  );
});

describe('namespaces, shell, timeout, workspace, description', () => {
  test.each([
    ['a pattern with capitals', { namespaces: { run: ['Team-*'] } }, 'spec.namespaces.run[0]'],
    ['a pattern of two names', { namespaces: { target: ['a,b'] } }, 'spec.namespaces.target[0]'],
    ['a number for a pattern', { namespaces: { target: ['a', 5] } }, 'spec.namespaces.target[1]'],
    ['one name for a list', { namespaces: { run: 'production' } }, 'spec.namespaces.run\nexpected a list'],
    ['an unknown member of namespaces', { namespaces: { deny: [] } }, 'unknown field(s): spec.namespaces.deny'],
    ['namespaces as a list', { namespaces: ['a'] }, 'spec.namespaces\nexpected an object'],
    ['a target input that is none', { namespaces: { targetInputs: ['ns'] } }, 'there is no input of this name'],
    [
      'a target input that holds no names',
      { inputs: [{ name: 'ns', type: 'object' }], namespaces: { targetInputs: ['ns'] } },
      'has type string or array',
    ],
    [
      'a usual target input that holds no names',
      { inputs: [{ name: 'namespace', type: 'object' }] },
      'spec.namespaces.targetInputs\nan input that names target namespaces has type string or array',
    ],
    ['shell as a text', { shell: 'yes' }, 'spec.shell\nexpected true or false'],
    ['a timeout without unit', { timeout: 30 }, 'spec.timeout\nexpected a duration'],
    ['a timeout of nothing', { timeout: '0' }, 'spec.timeout'],
    ['a negative timeout', { timeout: '-5m' }, 'spec.timeout'],
    ['less than a second', { timeout: '999ms' }, 'spec.timeout'],
    ['a timeout beyond 32 bits', { timeout: '600000h' }, 'spec.timeout'],
    ['a timeout that is none', { timeout: 'soon' }, 'spec.timeout'],
    ['an unknown workspace', { workspace: 'maybe' }, 'spec.workspace\nexpected required, optional, none'],
    ['a flag for the workspace', { workspace: true }, 'spec.workspace\nexpected a string'],
    ['a description as a list', { description: [] }, 'spec.description\nexpected a string'],
    ['a description that steers a terminal', { description: 'a\u001b[2Jb' }, 'holds control characters'],
    ['a description that turns text around', { description: '\u202eevil' }, 'holds control characters'],
    ['a novel', { description: 'x'.repeat(4097) }, 'longer than 4096 characters'],
  ])('refuses %s', (_name, members, expected) => {
    expect(problemsOf(withSpec(members))).toEqual([expect.stringContaining(expected)]);
  });
});

test('everything that is wrong is told at once', () => {
  const problems = problemsOf({
    ...gitClone,
    metadata: { name: 'Git', version: '3.0.0', extra: 1 },
    spec: {
      ...gitClone.spec,
      inputs: [{ name: '1', type: 'text' }],
      resources: { requests: { cpu: '2' }, limits: { cpu: '1' } },
      securityContext: { windowsOptions: {} },
      timeout: 5,
    },
  });
  expect(problems).toEqual([
    'invalid value: 1: spec.inputs[0].name\nexpected letters, digits, "_", "-", "."',
    'invalid value: 3.0.0: metadata.version\nmajor version 3 is not known here; contracts up to 1.x can be read',
    'invalid value: 5: spec.timeout\nexpected a duration of at least 1s, such as 5m',
    'invalid value: Git: metadata.name\nexpected at most 63 lower-case letters, digits and "-"',
    'invalid value: text: spec.inputs[0].type\nexpected string, integer, number, boolean, duration, object, array',
    'must be at most the limit 1; lower the request or raise the limit: spec.resources.requests[cpu]',
    'unknown field(s): metadata.extra, spec.securityContext.windowsOptions',
  ]);
});

test('names out of the file cannot steer a terminal, and very many problems are counted', () => {
  const [first] = problemsOf({ ...gitClone, 'a\u001b[2J': 1 });
  expect(first).toBe('unknown field(s): a\\u{1b}[2J');
  const limits = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`memory${index}`, `${index}x`]));
  const problems = problemsOf(withSpec({ resources: { limits } }));
  expect(problems).toHaveLength(101);
  expect(problems.at(-1)).toBe('and 201 more problems');
  const hundred = Object.fromEntries(Object.entries(limits).slice(0, 99));
  expect(problemsOf(withSpec({ resources: { limits: hundred } }))).toHaveLength(100);
});

test('a key that every object inherits is a key like others', () => {
  expect(problemsOf('{"__proto__":{"kind":"x"},"constructor":1}').join()).toContain('missing field(s): apiVersion');
  expect(bytes('é')).toHaveLength(2);
});
