import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { scriptedApiServer, type Script, type ScriptedApiServer } from '../adapters/kubernetes/scripted-api-server.ts';
import { json, run, type Ran } from './run.ts';

let folder = '';
let server: ScriptedApiServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-scan-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await server?.close();
  server = undefined;
});

const digest = `sha256:${'ab'.repeat(32)}`;

function podNamed(name: string, image: string): object {
  return { metadata: { name, uid: `uid of ${name}` }, spec: { containers: [{ name: 'main', image }] } };
}

const items: Readonly<Record<string, readonly object[]>> = {
  '/api/v1/namespaces': [{ metadata: { name: 'shop' } }, { metadata: { name: 'bank' } }],
  '/api/v1/namespaces/shop/pods': [podNamed('good', `good.io/app@${digest}`), podNamed('bad', `bad.io/app@${digest}`)],
  '/api/v1/namespaces/bank/pods': [podNamed('good', `good.io/app@${digest}`)],
};
const cluster: Script = ({ line }) => {
  const found = items[line.replace('GET ', '')];
  return found === undefined ? undefined : { metadata: {}, items: found };
};

function policy(name: string, glob: string, action: 'pass' | 'fail'): string {
  const message = action === 'fail' ? { message: 'not \u001b[31mhere' } : {};
  return JSON.stringify({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { images: [{ glob }], authorities: [{ static: { action, ...message } }] },
  });
}

async function scan(script: Script, ...args: readonly string[]): Promise<Ran> {
  server = await scriptedApiServer(script);
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeConfig.exportConfig());
  const policies = join(folder, 'policies.yaml');
  writeFileSync(policies, [policy('good', 'good.io/**', 'pass'), policy('bad', 'bad.io/**', 'fail')].join('\n---\n'));
  return run('audit', 'scan', `--kubeconfig=${kubeconfig}`, `--policies=${policies}`, ...args);
}

test('what would be refused is listed, what passes is counted, and the code is 1', async () => {
  const ran = await scan(cluster);
  const [row, reason, counts] = ran.out.split('\n');
  expect(row).toBe(`fail  shop/bad  STATIC_FAIL  bad  bad.io/app@${digest}`);
  expect(reason).toContain('shop/bad: failed policy bad: disallowed by static policy');
  expect(counts).toBe('3 Pods with 2 images in 2 namespaces: 2 pass, 1 fail');
  expect(ran.out).not.toContain('\u001b');
  expect(ran.code).toBe(1);
});

test('nothing is asked but to read', async () => {
  await scan(cluster, '--all-namespaces');
  expect(new Set(server?.calls.map(({ line }) => line.split(' ')[0]))).toEqual(new Set(['GET']));
});

test('with nothing to refuse the code is 0', async () => {
  const ran = await scan(cluster, '--in-namespace', 'bank');
  expect(ran).toMatchObject({ code: 0, out: '1 Pods with 1 images in 1 namespaces: 1 pass\n' });
});

test('for programs there is all of it', async () => {
  const printed = json(await scan(cluster, '--output=json'));
  expect(printed).toMatchObject({
    complete: true,
    summary: { pass: 2, fail: 1, warn: 0, error: 0, skip: 0 },
    namespaces: [
      { namespace: 'bank', summary: { pass: 1 }, leftOut: 0 },
      { namespace: 'shop', results: [{ result: 'fail', policy: 'bad', rule: 'STATIC_FAIL' }, { result: 'pass' }] },
    ],
  });
});

test.each<[string, Script, readonly string[]]>([
  ['namespaces cannot be listed', () => 403, []],
  ['Pods of one namespace cannot be listed', (call) => (call.line.includes('shop') ? 500 : cluster(call)), []],
])('when %s it says so, and the code is 3', async (_what, script, args) => {
  const ran = await scan(script, ...args);
  expect(ran.code).toBe(3);
  expect(ran.err).toContain('the scan is not complete: cannot list');
});

test.each<[string, readonly string[], string]>([
  ['a rate of nothing', ['--scan-images-per-second=0'], '--scan-images-per-second'],
  ['a rate that is no number', ['--scan-images-per-second=fast'], '--scan-images-per-second'],
  ['a cluster that is not there', ['--kubeconfig=/nowhere'], 'kubeconfig /nowhere cannot be used'],
  ['policies that are not there', ['--policies=/nowhere'], '/nowhere'],
  ['both one namespace and all', ['--in-namespace=a', '--all-namespaces'], "'-A, --all-namespaces'"],
  ['an argument too many', ['shop'], 'too many arguments'],
])('refuses %s', async (_what, args, complaint) => {
  const ran = await scan(cluster, ...args);
  expect(ran.err).toContain(complaint);
  expect(ran.code).toBe(2);
  expect(ran.out).toBe('');
});
