import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { stringify } from 'yaml';
import { json, run } from './run.ts';

let registry: DemoRegistry;
let digest: string;
const folder = mkdtempSync(join(tmpdir(), 'explain-'));
const policies = join(folder, 'policies.yaml');

function policy(name: string, spec: object): string {
  const authorities = [{ key: { data: newSigningKey().publicKeyPem } }];
  const kind = { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy' };
  return stringify({ ...kind, metadata: { name }, spec: { authorities, ...spec } });
}

beforeAll(async () => {
  registry = await startRegistry();
  digest = pushImage(registry, { repository: 'team/web', tag: '1.0' }).digest;
  const globs = (...list: readonly string[]): object => ({ images: list.map((glob) => ({ glob })) });
  writeFileSync(
    policies,
    [
      policy('team', globs(`${registry.host}/team/**`)),
      policy('hub', globs('nginx', 'docker.io/library/redis@*')),
      policy('web-pods', { ...globs('**'), mode: 'warn', match: [{ resource: 'pods', version: 'v1' }] }),
    ].join('---\n'),
  );
});

afterAll(async () => {
  await registry.close();
  rmSync(folder, { recursive: true });
});

const explain = (image: string, ...args: readonly string[]): ReturnType<typeof run> => {
  return run('explain', image, '--policies', policies, '--insecure-registry', registry.host, ...args);
};

describe('explain', () => {
  test('tells which policies match, and of globs that can never match why', async () => {
    const ran = await explain(`${registry.host}/team/web:1.0`, '-o', 'json');
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 0, err: '' });
    expect(json(ran)).toEqual({
      image: expect.stringContaining(digest),
      policies: [
        {
          name: 'hub',
          kind: 'ClusterImagePolicy',
          matches: false,
          mode: 'enforce',
          globs: [
            { glob: 'nginx', matches: false, note: expect.stringContaining('index.docker.io/library/nginx') },
            { glob: 'docker.io/library/redis@*', matches: false, note: expect.stringContaining('never matches') },
          ],
        },
        {
          name: 'team',
          kind: 'ClusterImagePolicy',
          matches: true,
          mode: 'enforce',
          globs: [{ glob: `${registry.host}/team/**`, matches: true }],
        },
        expect.objectContaining({ name: 'web-pods', matches: true, mode: 'warn', onlyFor: ['pods'] }),
      ],
    });
  });

  test('says it to people', async () => {
    const { out } = await explain(`${registry.host}/team/web:1.0`);
    expect(out).toContain('  team (enforce): matches\n');
    expect(out).toContain('  hub (enforce): does not match\n    ✗ nginx: never matches');
    expect(out).toContain('    only for pods\n');
  });

  test('offline asks nobody', async () => {
    registry.reset();
    const ran = await explain(`${registry.host}/team/web:1.0`, '--offline', '-o', 'json');
    expect(ran.code).toBe(0);
    expect(registry.requests().total).toBe(0);
    expect(json(ran)).toMatchObject({ image: `${registry.host}/team/web:1.0` });
  });

  test('of an image that the registry does not have goes by its tag, and says so', async () => {
    const { code, out, err } = await explain(`${registry.host}/team/web:9.9`);
    expect(code).toBe(0);
    expect(err).toMatch(/^explained by its tag alone: /);
    expect(out).toContain('  team (enforce): matches\n');
  });

  test.each([
    { name: 'a name that is none', args: ['UPPER/case', '--policies', policies], named: 'UPPER/case' },
    { name: 'policies that are not there', args: ['alpine', '--offline', '--policies', '/nowhere'], named: '/nowhere' },
    {
      name: 'a registry that is no host',
      args: ['alpine', '--policies', policies, '--insecure-registry', 'http://a'],
      named: '--insecure-registry',
    },
  ])('of $name is 2', async ({ args, named }) => {
    const { code, out, err } = await run('explain', ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(named);
    expect(err).not.toContain('    at ');
  });
});

describe('explain with action policies', () => {
  const actions = join(folder, 'actions.yaml');
  const contract = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'ActionContract',
    metadata: { name: 'restart', version: 'v1.0.0' },
    spec: { description: 'An action' },
  };
  const exception = (expires: string, more: object = {}): object => ({
    images: [`${registry.host}/actions/*@*`],
    reason: 'rewritten in March',
    owner: 'team-a',
    expires,
    ...more,
  });

  beforeAll(() => {
    const labels = { 'ai.kubernaut.action-contract': JSON.stringify(contract) };
    pushImage(registry, { repository: 'actions/restart', tag: '1.0', labels });
    const kind = { apiVersion: 'countersign.dev/v1alpha1', kind: 'ActionPolicy' };
    const exceptions = [exception('2020-01-01T00:00:00Z'), exception('2099-01-01T00:00:00Z', { namespaces: ['lab'] })];
    writeFileSync(
      actions,
      [
        stringify({
          ...kind,
          metadata: { name: 'mine' },
          spec: { images: [{ glob: `${registry.host}/actions/**` }], exceptions },
        }),
        stringify({
          ...kind,
          metadata: { name: 'other' },
          spec: { images: [{ glob: 'ghcr.io/actions' }], mode: 'audit' },
        }),
      ].join('---\n'),
    );
  });

  const explainAction = (...args: readonly string[]): ReturnType<typeof run> =>
    explain(`${registry.host}/actions/restart:1.0`, '--policies', actions, ...args);

  test('names them, their exceptions and the contract', async () => {
    const { code, out } = await explainAction();
    expect(code).toBe(0);
    expect(out.split('\n').slice(-8)).toEqual([
      '  ActionPolicy mine (enforce): matches',
      `    ✓ ${registry.host}/actions/**`,
      '    exception in every namespace expired 2020-01-01T00:00:00.000Z, of team-a: rewritten in March',
      '    exception in lab until 2099-01-01T00:00:00.000Z, of team-a: rewritten in March',
      '  ActionPolicy other (audit): does not match',
      expect.stringMatching(/^ {4}✗ ghcr\.io\/actions: never matches/),
      expect.stringMatching(/^ {2}contract: restart@v1\.0\.0, /),
      '',
    ]);
  });

  test('asks for no contract when offline, nor for one of an image that no action policy names', async () => {
    const image = `${registry.host}/actions/restart@${digest}`;
    expect(json(await run('explain', image, '--policies', actions, '--offline', '-o', 'json'))).not.toHaveProperty(
      'contract',
    );
    const web = await explain(`${registry.host}/team/web:1.0`, '--policies', actions, '-o', 'json');
    expect(json(web)).toMatchObject({ actionPolicies: [{ name: 'mine', matches: false }, { name: 'other' }] });
    expect(json(web)).not.toHaveProperty('contract');
  });

  test('tells why a contract cannot be read', async () => {
    pushImage(registry, { repository: 'actions/broken', tag: '1.0', labels: { 'ai.kubernaut.action-contract': '{' } });
    const { code, out } = await explain(`${registry.host}/actions/broken:1.0`, '--policies', actions);
    expect([code, out]).toEqual([0, expect.stringContaining('  contract: CONTRACT_INVALID: ')]);
  });
});
