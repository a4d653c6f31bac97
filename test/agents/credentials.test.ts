import { describe, expect, test } from 'vitest';
import { credentialMembers, credentialProblem } from '../../src/agents/credentials.ts';
import type { Credential, Workspace } from '../../src/agents/model.ts';

const empty: Workspace = { files: [], folders: [], clones: [], downloads: [], hasContextFile: false };

function credential(change: Partial<Credential>): Credential {
  return { name: 'token', secret: 'tokens', ...change };
}

describe('a credential', () => {
  test('without a key becomes variables', () => {
    expect(credentialMembers([credential({})])).toEqual({
      env: [],
      envFrom: [{ secretRef: { name: 'tokens' } }],
      volumes: [],
      mounts: [],
    });
  });

  test('with a key and a variable becomes that variable', () => {
    const { env, envFrom, volumes } = credentialMembers([credential({ key: 'gh', env: 'GH_TOKEN' })]);
    expect(env).toEqual([{ name: 'GH_TOKEN', valueFrom: { secretKeyRef: { name: 'tokens', key: 'gh' } } }]);
    expect([envFrom, volumes]).toEqual([[], []]);
  });

  test('with a key and a mountPath becomes a file that only its owner may read', () => {
    const { volumes, mounts } = credentialMembers([
      credential({}),
      credential({ key: 'gh', mountPath: '/home/a//key' }),
    ]);
    const items = [{ key: 'gh', path: 'secret-file', mode: 0o600 }];
    expect(volumes).toEqual([{ name: 'credential-1', secret: { secretName: 'tokens', items, defaultMode: 0o600 } }]);
    expect(mounts).toEqual([{ name: 'credential-1', mountPath: '/home/a/key', subPath: 'secret-file' }]);
  });

  test('with a mountPath alone becomes a folder, with its own mode', () => {
    const { volumes, mounts } = credentialMembers([credential({ mountPath: '/home/a/.ssh', fileMode: 0o400 })]);
    expect(volumes).toEqual([{ name: 'credential-0', secret: { secretName: 'tokens', defaultMode: 0o400 } }]);
    expect(mounts).toEqual([{ name: 'credential-0', mountPath: '/home/a/.ssh' }]);
  });

  test('with a key, a variable and a mountPath becomes both', () => {
    const { env, mounts } = credentialMembers([credential({ key: 'gh', env: 'GH', mountPath: '/k' })]);
    expect([env.length, mounts.length]).toEqual([1, 1]);
  });
});

describe('where credentials may be', () => {
  const file = { path: '/workspace/conf/a.md', content: { text: 'a' } };
  const workspace: Workspace = { ...empty, files: [file] };
  const problem = (mountPaths: readonly string[]) =>
    credentialProblem(
      mountPaths.map((mountPath, index) => credential({ name: `c${index}`, mountPath })),
      '/workspace',
      workspace,
    );

  test.each([
    [['/home/agent/.ssh']],
    [['/home/agent/.ssh/id', '/home/agent/.ssh/config']],
    [['/workspace/.env']],
    [['/workspace/conf/key']],
    [['/var/run/secrets/github']],
    [['/run/secrets/github/token']],
    [['/etc/github-app/key.pem']],
  ])('at %j', (paths) => {
    expect(problem(paths)).toBeUndefined();
  });

  test.each([
    [['/home/k', '/home//k/'], 'mount path conflict'],
    [['/tools'], '/tools'],
    [['/tools/opencode'], '/tools'],
    [['/git/.gitconfig'], '/git'],
    [['/'], 'hide'],
    [['/etc'], 'hide'],
    [['/proc/x'], '/proc'],
    [['/home/../etc/x'], '..'],
    [['/home/a:b'], '":"'],
    [['/var/run/secrets/kubernetes.io/serviceaccount'], 'service account'],
    [['/run/secrets//kubernetes.io/serviceaccount/token'], 'service account'],
    [['/run/secrets/../../etc/passwd'], '..'],
    [['/workspace'], 'mount path conflict'],
    [['/workspace/conf'], 'mount path conflict'],
    [['/workspace/conf/a.md'], 'mount path conflict'],
  ])('not at %j', (paths, word) => {
    expect(problem(paths)).toEqual({ reason: 'AgentError', message: expect.stringContaining(word) });
  });
});
