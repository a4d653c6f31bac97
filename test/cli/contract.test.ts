import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { gitClone, withSpec } from '../contract/kit.ts';
import { json, run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'contract-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : stringify(content));
  return path;
}

const broken = { ...gitClone, metadata: { name: 'Git', version: 'v7.0.0' } };
const next = { ...gitClone, metadata: { ...gitClone.metadata, version: 'v1.1.0' } };

describe('contract show', () => {
  test('prints a contract that is read again, in every format', async () => {
    const path = file('good.yaml', gitClone);
    const printed = await run('contract', 'show', path);
    expect(printed.code).toBe(0);
    expect(parse(printed.out)).toMatchObject({ ...gitClone, spec: { shell: true, workspace: 'optional' } });
    expect((await run('contract', 'show', path, '-o', 'yaml')).out).toBe(printed.out);
    expect(json(await run('contract', 'show', path, '-o', 'json'))).toEqual(parse(printed.out));
    expect((await run('contract', 'show', file('again.yaml', printed.out))).out).toBe(printed.out);
  });

  test('of what is no contract tells every problem and is 1', async () => {
    const ran = await run('contract', 'show', file('bad.yaml', broken));
    expect(ran.code).toBe(1);
    expect(ran.out).toContain('metadata.name');
    expect(ran.out).toContain('major version 7 is not known here');
  });

  test('of nothing that can be read is 2', async () => {
    const ran = await run('contract', 'show', join(folder, 'nope.yaml'));
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain('cannot read');
  });

  test.each([[[]], [['a', 'b']], [['a', '-o', 'xml']]])('with arguments %j is 2', async (args) => {
    expect((await run('contract', 'show', ...args)).code).toBe(2);
  });
});

describe('contract lint', () => {
  test('of good contracts is 0, and says so of each', async () => {
    const paths = [file('a.yaml', gitClone), file('b.json', JSON.stringify(next))];
    expect(await run('contract', 'lint', ...paths)).toEqual({
      code: 0,
      out: `${paths[0]}: git-clone v1.0.0: fine\n${paths[1]}: git-clone v1.1.0: fine\n`,
      err: '',
    });
  });

  test('with a warning is 0', async () => {
    const ran = await run('contract', 'lint', file('loose.yaml', withSpec({ resources: {} })));
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('warning spec.resources.limits: no limit for memory');
  });

  test('of one bad contract among good ones is 1', async () => {
    const paths = [file('good.yaml', gitClone), file('bad.yaml', broken), file('binary', Uint8Array.from([0xff, 0]))];
    const ran = await run('contract', 'lint', ...paths, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toEqual([
      { file: paths[0], name: 'git-clone', version: 'v1.0.0', errors: [], warnings: [] },
      {
        file: paths[1],
        name: '',
        version: '',
        errors: [
          'invalid value: Git: metadata.name\nexpected at most 63 lower-case letters, digits and "-"',
          'invalid value: v7.0.0: metadata.version\nmajor version 7 is not known here; contracts up to 1.x can be read',
        ],
        warnings: [],
      },
      { file: paths[2], name: '', version: '', errors: ['not valid UTF-8'], warnings: [] },
    ]);
  });

  test('of no file, or of a folder, is 2', async () => {
    expect((await run('contract', 'lint')).code).toBe(2);
    expect((await run('contract', 'lint', folder)).code).toBe(2);
  });
});

describe('contract diff', () => {
  test('of compatible versions is 0', async () => {
    expect(await run('contract', 'diff', file('old.yaml', gitClone), file('new.yaml', next))).toEqual({
      code: 0,
      out: 'git-clone v1.0.0 to v1.1.0: compatible\n',
      err: '',
    });
  });

  test('names the rule that breaks, and is 1', async () => {
    const after = { ...withSpec({ inputs: [] }), metadata: next.metadata };
    const paths = [file('old.yaml', gitClone), file('new.yaml', after)];
    const ran = await run('contract', 'diff', ...paths);
    expect(ran.code).toBe(1);
    expect(ran.out).toBe(
      [
        'git-clone v1.0.0 to v1.1.0: not compatible',
        '  input-removed spec.inputs.repository is gone; callers that pass it are refused',
        '  input-removed spec.inputs.branch is gone; callers that pass it are refused',
        '',
      ].join('\n'),
    );
    expect(json(await run('contract', 'diff', ...paths, '-o', 'json'))).toEqual([
      { rule: 'input-removed', path: 'spec.inputs.repository', message: 'is gone; callers that pass it are refused' },
      { rule: 'input-removed', path: 'spec.inputs.branch', message: 'is gone; callers that pass it are refused' },
    ]);
    expect(parse((await run('contract', 'diff', ...paths, '-o', 'yaml')).out)).toHaveLength(2);
  });

  test('with what is no contract is 1, and tells what is wrong with it', async () => {
    const ran = await run('contract', 'diff', file('old.yaml', gitClone), file('new.yaml', broken));
    expect(ran.code).toBe(1);
    expect(ran.out).toContain('new.yaml: no valid contract');
    expect(ran.out).not.toContain('old.yaml');
  });

  test('of one file is 2', async () => {
    expect((await run('contract', 'diff', file('old.yaml', gitClone))).code).toBe(2);
  });
});
