import { writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFacts } from '../../src/adapters/kubernetes/cluster-facts.ts';
import { runProgram } from '../../src/cli/program.ts';
import { watchDefinitions } from '../../src/controllers/installation/check-installation.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { configurations, namespace, secretObject } from './certificates/installation.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { install } from './gate/installation.ts';
import { until } from './processes.ts';

const definition: ApiObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'trustroots.policy.sigstore.dev' },
};
const partOf = 'app.kubernetes.io/part-of';

interface Ran {
  readonly code: number;
  readonly text: string;
}

describe.runIf(hasCluster)('preflight', () => {
  let api: Api;
  const own = join(tmpdir(), `countersign-preflight-${process.pid}.kubeconfig`);

  beforeAll(async () => {
    api = connect(kubeconfig);
    await install(api, own);
    for (const configuration of configurations(443)) await api.remove(configuration);
  });
  afterAll(async () => {
    for (const object of [...configurations(443), secretObject]) await api?.remove(object);
    await api?.close();
    rmSync(own, { force: true });
  });

  async function preflight(...flags: readonly string[]): Promise<Ran> {
    let text = '';
    const write = (more: string): void => {
      text += more;
    };
    const code = await runProgram(['preflight', ...flags], { out: write, err: write, colour: false });
    return { code, text };
  }

  const asAdmin = (...flags: readonly string[]): Promise<Ran> => preflight('--kubeconfig', kubeconfig, ...flags);
  const label = (value: string | null): Promise<unknown> =>
    api.merge(definition, { metadata: { labels: { [partOf]: value } } });

  test('an administrator may install here', async () => {
    expect(await asAdmin()).toEqual({ code: 0, text: 'ok  Countersign can be installed\n' });
  });

  test('a definition of another product is refused, unless it is adopted; a running program says it', async () => {
    await label('kubernaut');
    const facts = clusterFacts(api.config);
    const warned: unknown[] = [];
    const log = { info: () => undefined, warn: (fields: object) => warned.push(fields), error: () => undefined };
    const watched = watchDefinitions({ facts, log }, 100);
    try {
      const refused = await asAdmin();
      expect(refused.code).toBe(1);
      expect(refused.text).toContain('trustroots.policy.sigstore.dev belongs to "kubernaut"');
      expect((await asAdmin('--adopt')).code).toBe(0);
      expect(await until(async () => watched.warnings().length === 1, 5_000)).toBe(true);
      await label('countersign');
      expect(await until(async () => watched.warnings().length === 0, 5_000)).toBe(true);
      expect(warned).toHaveLength(1);
    } finally {
      watched.close();
      await label('countersign');
    }
  });

  test('another installation is refused', async () => {
    for (const configuration of configurations(443)) await api.apply(configuration);
    expect((await asAdmin()).code).toBe(0);
    const refused = await asAdmin('--namespace', 'elsewhere');
    expect(refused.code).toBe(1);
    expect(refused.text.match(new RegExp(`belongs to the installation in namespace ${namespace}`, 'g'))).toHaveLength(
      4,
    );
  });

  test('who has not the rights is told which are missing', async () => {
    const { code, text } = await preflight('--kubeconfig', own, '-o', 'json');
    expect(code).toBe(1);
    expect(text).toContain('you may not create networkpolicies.networking.k8s.io in namespace countersign-system');
  });

  test('a cluster that does not answer is no verdict', async () => {
    const nowhere = { clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }] };
    const rest = { contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }], users: [{ name: 'a', user: {} }] };
    const file = join(tmpdir(), `countersign-nowhere-${process.pid}.kubeconfig`);
    writeFileSync(file, JSON.stringify({ ...nowhere, ...rest, 'current-context': 'a' }));
    try {
      expect(await preflight('--kubeconfig', file)).toMatchObject({
        code: 3,
        text: expect.stringContaining('cannot read the version of the API server'),
      });
    } finally {
      rmSync(file);
    }
  });

  test('a kubeconfig that is not there is a mistake of whoever asks', async () => {
    expect((await preflight('--kubeconfig', '/nowhere/config')).code).toBe(2);
  });
});
