import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clusterRecordPeers, type RecordPeers } from '../../../src/adapters/kubernetes/record-peers.ts';
import { fakeApiServer, type FakeApiServer } from './fake-api-server.ts';

const slices = '/apis/discovery.k8s.io/v1/namespaces/countersign-system/endpointslices';
let api: FakeApiServer;
let peers: RecordPeers;
let messages: string[];
let ca: string | undefined;

function slice(
  ...pods: readonly { readonly name: string; readonly address: string; readonly ready?: boolean }[]
): Readonly<Record<string, unknown>> {
  return {
    addressType: 'IPv4',
    ports: [{ name: 'https', port: 9443 }],
    endpoints: pods.map(({ name, address, ready = true }) => ({
      addresses: [address],
      conditions: { ready },
      targetRef: { kind: 'Pod', name },
    })),
  };
}

const names = async (): Promise<readonly string[]> => (await peers.peers()).map(({ name }) => name).toSorted();

beforeEach(async () => {
  [messages, ca] = [[], 'a certificate'];
  api = await fakeApiServer();
  api.create(slices);
  const note = (_fields: unknown, message: string): void => void messages.push(message);
  peers = clusterRecordPeers({
    kubeConfig: api.kubeConfig,
    namespace: 'countersign-system',
    service: 'countersign-console',
    podName: 'pod-a',
    ca: () => ca,
    log: { info: note, warn: note, error: note },
    listEveryMs: 0,
  });
});

afterEach(async () => {
  await peers.close();
  await api.close();
});

describe('the other replicas', () => {
  test('are the endpoints of the Service but this Pod, ready or not', async () => {
    api.put(
      slices,
      'one',
      slice({ name: 'pod-a', address: '10.0.0.1' }, { name: 'pod-b', address: '10.0.0.2', ready: false }),
    );
    api.put(slices, 'two', slice({ name: 'pod-c', address: 'fd00::3' }));
    expect(await names()).toEqual(['https://10.0.0.2:9443', 'https://[fd00::3]:9443']);
  });

  test('come and go', async () => {
    expect(await names()).toEqual([]);
    api.put(slices, 'one', slice({ name: 'pod-b', address: '10.0.0.2' }));
    expect(await names()).toEqual(['https://10.0.0.2:9443']);
    api.put(slices, 'one', slice({ name: 'pod-c', address: '10.0.0.3' }));
    expect(await names()).toEqual(['https://10.0.0.3:9443']);
  });

  test('stay known while the API server is away, which is said once', async () => {
    api.put(slices, 'one', slice({ name: 'pod-b', address: '10.0.0.2' }));
    await names();
    api.breakdown = { match: /endpointslices/, status: 503 };
    expect(await names()).toEqual(['https://10.0.0.2:9443']);
    expect(await names()).toEqual(['https://10.0.0.2:9443']);
    expect(messages).toEqual(['other replicas cannot be listed']);
  });

  test('are not asked as long as there is nothing to tell them by', async () => {
    api.put(slices, 'one', slice({ name: 'pod-b', address: '10.0.0.2' }));
    ca = undefined;
    expect(await names()).toEqual([]);
    ca = 'a certificate';
    expect(await names()).toEqual(['https://10.0.0.2:9443']);
  });

  test('are at most 32', async () => {
    const pods = Array.from({ length: 40 }, (_, index) => ({ name: `pod-${index}`, address: `10.0.1.${index}` }));
    api.put(slices, 'one', slice(...pods));
    expect(await names()).toHaveLength(32);
  });
});
