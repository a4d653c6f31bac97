/** Everything the demo needs, on loopback: registry, Sigstore, signed images, policies in a folder, the real webhook. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonLog } from '../adapters/log/json-log.ts';
import type { WebhookConfig } from '../config.ts';
import { buildActionImages, type ActionImages } from '../demo/images/action-images.ts';
import { createBench, type DemoImage } from '../demo/images/bench.ts';
import { buildDemoImages } from '../demo/images/build-demo-images.ts';
import { demoPolicies } from '../demo/images/demo-policies.ts';
import { startRegistry } from '../demo/registry/serve.ts';
import { startSigstore } from '../demo/sigstore/sigstore.ts';
import { webhookClient, type WebhookClient } from '../demo/webhook-client.ts';
import { startWebhook } from './serving/start.ts';

export interface DemoScene {
  readonly images: readonly DemoImage[];
  readonly actions: ActionImages;
  readonly webhook: WebhookClient;
  readonly webhookUrl: string;
  readonly decisionLog: string;
  /** Requests that the registry has answered so far. */
  registryRequests(): number;
  /** Ends the webhook, so that its decision log is complete; then everything else. */
  close(): Promise<void>;
}

export async function setDemoScene(folder: string): Promise<DemoScene> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const next of closers.splice(0).toReversed()) await next();
  };
  try {
    const registry = await startRegistry();
    closers.push(() => registry.close());
    const sigstore = await startSigstore();
    closers.push(() => sigstore.close());
    const bench = createBench(registry, sigstore);
    const images = await buildDemoImages(bench);
    const actions = buildActionImages(bench);
    const policies = join(folder, 'policies');
    await mkdir(policies, { recursive: true });
    for (const { name, text } of demoPolicies(bench)) await writeFile(join(policies, name), text);
    const decisionLog = join(folder, 'decisions.jsonl');
    // Only what goes wrong: the demo has its own words for the rest.
    const running = await startWebhook(configOf(policies, decisionLog, registry.host), jsonLog('error'));
    closers.push(() => running.close());
    const webhookUrl = `https://127.0.0.1:${running.address.port}`;
    const webhook = webhookClient(webhookUrl, running.caPem ?? '');
    closers.push(() => webhook.close());
    return {
      images,
      actions,
      webhook,
      webhookUrl,
      decisionLog,
      registryRequests: () => registry.requests().total,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function configOf(policies: string, decisionLog: string, registryHost: string): WebhookConfig {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    policies: [policies],
    namespace: 'countersign-system',
    onNoMatch: 'deny',
    trustRootMinutes: 1440,
    onUnresolvedImage: 'defer',
    decisionLog: { file: decisionLog, maxBytes: 100 * 1024 * 1024, maxFiles: 10 },
    onDecisionLogFailure: 'refuse',
    tls: { names: ['127.0.0.1'] },
    registry: { insecure: [registryHost], ca: new Map() },
    drainSeconds: 0,
  };
}
