/** Webhook, controller and records as processes of their own, over one PostgreSQL: each does its part and no other. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { startRegistry } from '../../src/demo/registry/serve.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { hasPostgres, startPostgres } from '../adapters/postgres/server.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { optedIn } from './gate/gate.ts';
import { signedImage, unsignedImage, type PushedImage } from './gate/images.ts';
import { install, register } from './gate/installation.ts';
import { keyPolicy } from './gate/policies.ts';
import { refusal } from './gate/refusal.ts';
import { startPart, type Part, type WebhookProcess } from './gate/webhook-process.ts';
import { pod, podSpec, valueAt } from './gate/workloads.ts';
import { freePorts, until } from './processes.ts';

describe.runIf(hasCluster && hasPostgres())('the parts as separate processes', () => {
  const stops: (() => Promise<unknown> | void)[] = [];
  let api: Api;
  let namespace: string;
  let signed: PushedImage;
  let unsigned: PushedImage;
  let policy: ApiObject;
  let webhook: WebhookProcess;
  let start: (part: Part, ...flags: readonly string[]) => Promise<WebhookProcess>;
  /** Of the records API. */
  let records: string;

  beforeAll(async () => {
    api = connect(kubeconfig);
    stops.push(() => api.close());
    const registry = await startRegistry();
    stops.push(() => registry.close());
    const postgres = await startPostgres();
    stops.push(() => postgres.remove());
    const database = await postgres.createDatabase('separate');
    const ownKubeconfig = join(tmpdir(), `countersign-separate-${process.pid}.kubeconfig`);
    await install(api, ownKubeconfig);
    stops.push(() => rmSync(ownKubeconfig, { force: true }));
    const key = newSigningKey();
    policy = keyPolicy('separate', registry.host, key);
    await api.apply(policy);
    stops.push(() => api.remove(policy));
    signed = signedImage(registry, 'acme/signed', key);
    unsigned = unsignedImage(registry, 'acme/unsigned');
    const common = [`--kubeconfig=${ownKubeconfig}`, `--insecure-registry=${registry.host}`, `--database=${database}`];
    start = async (part, ...flags) => {
      const started = await startPart(part, [...common, ...flags]);
      stops.push(() => started.close());
      return started;
    };
    webhook = await start('webhook');
    const registered = await register(api, webhook.url, webhook.caBundle);
    stops.push(() => registered.remove());
    namespace = await api.namespace(optedIn);
    stops.push(() => api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }));
    const [port = 0] = await freePorts(1);
    records = `http://127.0.0.1:${port}/v1/records`;
  }, 120_000);
  afterAll(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  });

  const create = (name: string, image: PushedImage): Promise<unknown> =>
    api.create(pod(namespace, name, podSpec(image.tagged)), { dryRun: true });
  /** The API server takes a moment to notice that a webhook is registered. */
  const refused = (name: string): Promise<boolean> =>
    until(async () => {
      const answer = await refusal(create(name, unsigned)).catch(() => undefined);
      return answer?.sentence.includes('SIGNATURE_MISSING') === true;
    }, 20_000);

  async function recorded(name: string): Promise<boolean> {
    const query = new URLSearchParams({ namespace, name, verdict: 'refuse' });
    const answer = asRecord(await (await fetch(`${records}?${query.toString()}`)).json());
    return Array.isArray(answer?.['records']) && answer['records'].length > 0;
  }

  async function isReady(): Promise<boolean> {
    const conditions = valueAt(await api.read(policy), 'status.conditions');
    return JSON.stringify(conditions ?? []).includes('"type":"Ready"');
  }

  test('the webhook alone refuses and admits, and writes no status', async () => {
    expect(await refused('alone')).toBe(true);
    await create('fine', signed);
    expect(await isReady()).toBe(false);
  });

  test('the records show what the webhook has delivered to the database, and judge nothing', async () => {
    const part = await start('records', `--console-local=${new URL(records).host}`);
    expect(await until(() => recorded('alone'), 10_000)).toBe(true);
    expect(await statusOf(part, '/validate')).toBe(404);
  });

  test('the controller writes status, and judges nothing', async () => {
    const part = await start('controller');
    expect(await until(isReady, 40_000)).toBe(true);
    expect(await statusOf(part, '/validate')).toBe(404);
    expect(await statusOf(part, '/readyz')).toBe(200);
  });

  test('the webhook goes on when the others are gone, and what it decided then is not lost', async () => {
    for (const stop of stops.splice(-2).toReversed()) await stop();
    expect(await refused('later')).toBe(true);
    await create('fine-later', signed);
    await start('records', `--console-local=${new URL(records).host}`);
    expect(await until(() => recorded('later'), 10_000)).toBe(true);
  });
});

async function statusOf(part: WebhookProcess, path: '/validate' | '/readyz'): Promise<number> {
  return (await part.get(path)).status;
}
