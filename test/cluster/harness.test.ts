import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFacts, hasCluster, hasNode, kubeconfig } from './access.ts';
import { tellCluster } from './control.ts';
import { connect, type Api } from './gate/api.ts';
import { until } from './processes.ts';

/** Loaded by the node for its own use; it has a shell. */
const image = 'localhost/pause:test';

describe.runIf(hasCluster)('the test cluster', () => {
  let api: Api;
  beforeAll(() => {
    api = connect(kubeconfig);
  });
  afterAll(() => api.close());

  test('answers', async () => {
    const { items } = await api.core.listNamespace();
    expect(items.map((item) => item.metadata?.name)).toContain('default');
  });

  test('ends its API server and starts it with the same data', async () => {
    const name = await api.namespace({});
    const { control } = clusterFacts();
    await tellCluster(control, 'stopApiServer');
    const meanwhile = api.core.listNamespace();
    await Promise.allSettled([meanwhile]);
    await tellCluster(control, 'startApiServer');
    await expect(meanwhile).rejects.toThrow(/fetch|connect|ECONN|socket/i);
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    expect(await api.read(namespace)).toBeDefined();
    await api.remove(namespace);
  });

  describe.runIf(hasNode)('on its node', () => {
    let namespace: string;
    beforeAll(async () => {
      namespace = await api.namespace({});
    });
    afterAll(() => api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }));

    const run = (name: string, script: string, labels: Record<string, string> = {}): Promise<unknown> => {
      const container = { name: 'main', image, imagePullPolicy: 'Never', command: ['sh', '-c', script] };
      const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers: [container] };
      return api.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec });
    };

    test('a Service is reached from the machine, where the API server is, and from Pods by its name; so is the API server', async () => {
      const spec = { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] };
      await api.create({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace }, spec });
      const answer = String.raw`HTTP/1.0 200 OK\r\n\r\nhello\n`;
      await run('web', `while :; do printf '${answer}' | nc -l -p 8080; done`, { app: 'web' });
      const address = (await api.core.readNamespacedService({ name: 'web', namespace })).spec?.clusterIP ?? '';
      const reached = async (): Promise<boolean> => (await (await fetch(`http://${address}`)).text()) === 'hello\n';
      expect(await until(reached, 20_000)).toBe(true);
      const toApi = 'nc -w 3 "$KUBERNETES_SERVICE_HOST" 443 </dev/null && echo reached';
      await run(
        'client',
        `nc -w 3 ${address} 80 </dev/null; nc -w 3 web.${namespace}.svc.cluster.local 80 </dev/null; ${toApi}`,
      );
      const target = { name: 'client', namespace };
      await until(async () => (await api.core.readNamespacedPod(target)).status?.phase === 'Succeeded', 20_000);
      expect(await api.core.readNamespacedPodLog(target)).toMatch(/hello\n(?:.|\n)*hello\nreached\n$/);
    });
  });

  test('writes down what the accounts of the product ask for, and nothing of others', async () => {
    const events = readFileSync(clusterFacts().auditLog, 'utf8').split('\n').filter(Boolean);
    const users = events.map((event) => String(JSON.parse(event).user.username));
    expect(users.filter((user) => !user.startsWith('system:serviceaccount:countersign-system:'))).toEqual([]);
  });
});
