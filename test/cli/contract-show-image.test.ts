import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reset } from '../../src/demo/registry/faults.ts';
import { pushImage, type ImageSpec } from '../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import type { Digest } from '../../src/kernel/digest.ts';
import { contractText } from '../evidence/layered-images.ts';
import { json, run, type Ran } from './run.ts';

let registry: DemoRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

function show(spec: Partial<ImageSpec>, ...args: readonly string[]): { ran: Promise<Ran>; digest: Digest } {
  const { digest } = pushImage(registry, { repository: 'app', tag: 'v1', ...spec });
  return {
    digest,
    ran: run('contract', 'show', `${registry.host}/app:v1`, '--insecure-registry', registry.host, ...args),
  };
}

describe('contract show IMAGE', () => {
  test.each<[string, Partial<ImageSpec>]>([
    ['label ai.kubernaut.action-contract', { labels: { 'ai.kubernaut.action-contract': contractText() } }],
    ['file /action-contract.yaml', { files: { 'action-contract.yaml': contractText() } }],
  ])('%s', async (place, spec) => {
    const { ran, digest } = show(spec, '--output', 'json');
    const { code, err } = await ran;
    expect({ code, err }).toEqual({ code: 0, err: `${registry.host}/app@${digest}: ${place}\n` });
    expect(json(await ran)).toMatchObject({
      kind: 'ActionContract',
      metadata: { name: 'git-clone', version: 'v1.0.0' },
    });
  });

  test('an image by its digest', async () => {
    const { digest } = show({ labels: { 'ai.kubernaut.action-contract': contractText() } });
    const ran = await run('contract', 'show', `${registry.host}/app@${digest}`, '--insecure-registry', registry.host);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('name: git-clone');
  });

  test('an image without contract is 1', async () => {
    const ran = await show({}).ran;
    expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('there is no contract in it') });
  });

  test('a contract that is not valid is 1, and says why', async () => {
    const { code, err } = await show({ labels: { 'ai.kubernaut.action-contract': 'kind: Pod' } }).ran;
    expect(code).toBe(1);
    expect(err).toMatch(/CONTRACT_INVALID: .*label ai\.kubernaut\.action-contract: .*kind/);
  });

  test('an image that is not there is 1', async () => {
    const ran = await run('contract', 'show', `${registry.host}/nothing:v1`, '--insecure-registry', registry.host);
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('IMAGE_NOT_FOUND') });
  });

  test('a registry that breaks is 3', async () => {
    registry.inject(/blobs/, reset());
    const ran = await show({ labels: { 'ai.kubernaut.action-contract': contractText() } }).ran;
    registry.reset();
    expect(ran).toMatchObject({ code: 3, out: '', err: expect.stringContaining('REGISTRY_UNREACHABLE') });
  });

  test('what is neither file nor image is 2', async () => {
    const ran = await run('contract', 'show', 'No Such/Image');
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('there is no file No Such/Image') });
  });

  test('a file that is not there is not taken for an image', async () => {
    for (const file of ['nowhere.yaml', './nowhere', '/tmp/nowhere/contract']) {
      expect(await run('contract', 'show', file)).toMatchObject({
        code: 2,
        err: expect.stringContaining('cannot read'),
      });
    }
  });
});
