import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { hasCluster, kubeconfig } from './access.ts';

describe.runIf(hasCluster)('the test cluster', () => {
  test('answers', async () => {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const { items } = await config.makeApiClient(CoreV1Api).listNamespace();
    expect(items.map((item) => item.metadata?.name)).toContain('default');
  });
});
