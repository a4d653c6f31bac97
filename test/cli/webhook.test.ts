/** The whole webhook over TLS: started by its command line, asked as an API server asks, stopped by a signal. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Agent, request } from 'undici';
import { createBench, type DemoImage } from '../../src/demo/images/bench.ts';
import { demoPolicies } from '../../src/demo/images/demo-policies.ts';
import { keyBundle, unsigned } from '../../src/demo/images/key-images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';
import { startWebhook } from '../../src/cli/serving/start.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import type { WebhookConfig } from '../../src/config.ts';
import { webhookClient, type WebhookClient } from '../../src/demo/webhook-client.ts';
import { admissionReviewFor } from '../../src/cli/manifest-documents.ts';
import { json, run } from './run.ts';

let folder: string;
let registry: DemoRegistry;
let good: DemoImage;
let bad: DemoImage;
let policies: readonly { readonly name: string; readonly text: string }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-webhook-'));
  registry = await startRegistry();
  const sigstore = await startSigstore();
  const bench = createBench(registry, sigstore);
  [good, bad] = [keyBundle(bench), unsigned(bench)];
  policies = demoPolicies(bench);
  await sigstore.close();
  await mkdir(join(folder, 'policies'));
});

afterEach(async () => {
  await registry.close();
  await rm(folder, { recursive: true });
});

async function writePolicies(): Promise<void> {
  for (const { name, text } of policies) {
    // As a whole or not at all: a file that is half written is a broken one.
    await writeFile(join(folder, name), text);
    await rename(join(folder, name), join(folder, 'policies', name));
  }
}

const decisionLog = (): string => join(folder, 'decisions.jsonl');
const caFile = (): string => join(folder, 'ca.pem');

function flags(): readonly string[] {
  const files = ['--policies', join(folder, 'policies'), '--decision-log', decisionLog(), '--ca-file', caFile()];
  return ['--listen', '127.0.0.1:0', ...files, '--insecure-registry', registry.host, '--drain-seconds', '2'];
}

/** What an API server and an operator get of a webhook that is there. */
interface Asked extends WebhookClient {
  get(path: string): Promise<{ status: number; text: string }>;
  /** About one Pod. */
  validate(image: string): ReturnType<WebhookClient['post']>;
}

async function ask(port: number): Promise<Asked> {
  const origin = `https://127.0.0.1:${port}`;
  const ca = await readFile(caFile(), 'utf8');
  const client = webhookClient(origin, ca);
  const dispatcher = new Agent({ connect: { ca } });
  onTestFinished(async () => {
    await client.close();
    await dispatcher.close();
  });
  return {
    ...client,
    async get(path) {
      const { statusCode, body } = await request(new URL(path, origin), { dispatcher });
      return { status: statusCode, text: await body.text() };
    },
    validate: (image) => client.post('/validate', reviewOf(image)),
  };
}

/** In this process, and without waiting when it stops. */
async function startHere(changes: Partial<WebhookConfig> = {}): Promise<Asked> {
  const webhook = await startWebhook({ ...config(), ...changes }, quiet);
  onTestFinished(() => webhook.close());
  return ask(webhook.address.port);
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

function config(): WebhookConfig {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    policies: [join(folder, 'policies')],
    namespace: 'countersign-system',
    onNoMatch: 'deny',
    trustRootMinutes: 1440,
    onUnresolvedImage: 'defer',
    decisionLog: { file: decisionLog(), maxBytes: 1_000_000, maxFiles: 2 },
    onDecisionLogFailure: 'refuse',
    tls: { names: ['127.0.0.1'] },
    caFile: caFile(),
    registry: { insecure: [registry.host], ca: new Map() },
    drainSeconds: 0,
  };
}

function spawnWebhook(...more: readonly string[]): ChildProcess {
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  const args = [main, 'webhook', ...flags(), ...more];
  const program = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void program.kill('SIGKILL'));
  return program;
}

/** As a process; `stop` gives the exit code after a signal. */
async function start(): Promise<Asked & { stop(signal: NodeJS.Signals): Promise<unknown> }> {
  const program = spawnWebhook();
  const exited = once(program, 'exit').then(([code]) => code as unknown);
  const asked = await ask(await portOf(program));
  return {
    ...asked,
    stop: (signal) => {
      program.kill(signal);
      return exited;
    },
  };
}

/** From the line that says where it serves. */
async function portOf({ stderr }: ChildProcess): Promise<number> {
  let text = '';
  stderr?.setEncoding('utf8');
  for await (const chunk of stderr?.iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk);
    const port = /^.*"port":(\d+).*"serves".*$/m.exec(text)?.[1];
    if (port !== undefined) {
      stderr?.resume();
      return Number(port);
    }
  }
  throw new Error(`the webhook did not start: ${text}`);
}

function reviewOf(image: string): unknown {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app' }, spec: { containers: [{ image }] } };
  return admissionReviewFor({ apiVersion: 'v1', kind: 'Pod', namespace: 'team', name: 'app', object }, 'uid-1');
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  await expect.poll(holds, { timeout: 10_000, interval: 50 }).toBe(true);
}

describe('as a process', () => {
  test('it pins, admits, refuses, records, and ends when it is told to', async () => {
    await writePolicies();
    const webhook = await start();
    const pinned = `${good.reference}@${good.digest}`;

    expect((await webhook.post('/mutate', reviewOf(good.reference))).patch).toStrictEqual([
      { op: 'replace', path: '/spec/containers/0/image', value: pinned },
    ]);
    expect(await webhook.validate(pinned)).toMatchObject({ allowed: true });
    expect(await webhook.validate(`${bad.reference}@${bad.digest}`)).toMatchObject({ allowed: false, code: 403 });
    expect(await webhook.get('/healthz')).toMatchObject({ status: 200 });
    expect(await webhook.get('/readyz')).toMatchObject({ status: 200 });
    expect((await webhook.get('/metrics')).text).toMatch(/countersign_refusals_total\{code="SIGNATURE_MISSING".*\} 1/);
    expect(await webhook.stop('SIGTERM')).toBe(0);

    const verified = await run('audit', 'verify', '--decision-log', decisionLog(), '--output', 'json');
    expect(json(verified)).toMatchObject({ records: 3, verdict: 'intact' });
  });

  test('it finishes what it was asked before the signal', async () => {
    await writePolicies();
    const webhook = await start();
    const asked = Promise.withResolvers<void>();
    const letGo = Promise.withResolvers<void>();
    registry.inject(
      /./,
      async (_request, _response, answer) => {
        asked.resolve();
        await letGo.promise;
        await answer();
      },
      1,
    );
    const answer = webhook.validate(`${good.reference}@${good.digest}`);
    await asked.promise;
    const stopped = webhook.stop('SIGINT');
    // Not ready, or not there any more for whoever comes new.
    await until(async () => (await webhook.get('/readyz').catch(() => ({ status: 503 }))).status === 503);
    letGo.resolve();

    expect(await answer).toMatchObject({ allowed: true });
    expect(await stopped).toBe(0);
  });

  test('it ends with one sentence and code 2 when its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const program = spawnWebhook('--listen', `127.0.0.1:${port}`);
    let err = '';
    program.stderr?.on('data', (chunk) => (err += String(chunk)));
    const [code] = (await once(program, 'close')) as unknown[];

    expect(code).toBe(2);
    // The last line of the program's log may come after it.
    const told = err.split('\n').filter((line) => !line.startsWith('{') && line !== '');
    expect(told).toEqual([expect.stringMatching(/^countersign: --listen: .*EADDRINUSE.*$/)]);
  });
});

describe('policies', () => {
  test('that are there a moment later are in force a moment later, and so is their absence', async () => {
    const webhook = await startHere();
    const image = `${good.reference}@${good.digest}`;

    expect((await webhook.validate(image)).allowed).toBe(false);
    await writePolicies();
    await until(async () => (await webhook.validate(image)).allowed);
    await rm(join(folder, 'policies', 'policies.yaml'));
    await until(async () => !(await webhook.validate(image)).allowed);
  });

  test('that were broken from the start are no policies: not ready, and every request can be tried again', async () => {
    await writeFile(join(folder, 'policies', 'broken.yaml'), 'kind: ClusterImagePolicy\nspec: [\n');
    const webhook = await startHere();

    expect(await webhook.get('/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('broken.yaml') });
    expect(await webhook.validate(`${good.reference}@${good.digest}`)).toMatchObject({ allowed: false, code: 503 });
  });

  test('that break leave the last good ones in force', async () => {
    await writePolicies();
    const webhook = await startHere();
    await writeFile(join(folder, 'policies', 'policies.yaml'), 'kind: [\n');
    await until(async () => (await webhook.get('/readyz')).text.includes('policies.yaml'));

    expect(await webhook.get('/readyz')).toMatchObject({ status: 200 });
    expect(await webhook.validate(`${good.reference}@${good.digest}`)).toMatchObject({ allowed: true });
    expect(await webhook.validate(`${bad.reference}@${bad.digest}`)).toMatchObject({ allowed: false, code: 403 });
  });
});

describe('what it depends on is at fault', () => {
  test('the registry: a no that can be tried again', async () => {
    await writePolicies();
    const webhook = await startHere();
    registry.inject(/./, (_request, response) => void response.writeHead(500).end(), 1_000);

    expect(await webhook.validate(`${good.reference}@${good.digest}`)).toMatchObject({ allowed: false, code: 503 });
  });

  test.each<['refuse' | 'admit', object, number]>([
    ['refuse', { allowed: false, code: 503 }, 503],
    ['admit', { allowed: true }, 200],
  ])('the decision log, told to %s', async (onDecisionLogFailure, answer, ready) => {
    await writePolicies();
    const webhook = await startHere({
      decisionLog: { file: '/dev/null/decisions', maxBytes: 1_000_000, maxFiles: 2 },
      onDecisionLogFailure,
    });

    expect(await webhook.validate(`${good.reference}@${good.digest}`)).toMatchObject(answer);
    expect((await webhook.get('/readyz')).status).toBe(ready);
  });
});

describe('it does not start', () => {
  test.each<[string, () => Partial<WebhookConfig>, string]>([
    ['a certificate that is not there', () => ({ tls: { cert: join(folder, 'x'), key: join(folder, 'y') } }), 'x'],
    ['a kubeconfig that is not there', () => ({ kubeconfig: join(folder, 'kubeconfig') }), 'kubeconfig'],
    ['a trusted root that is none', () => ({ trustedRoot: '/dev/null' }), '--trusted-root'],
    ['a CA file in no folder', () => ({ caFile: join(folder, 'missing', 'ca.pem') }), '--ca-file: ENOENT'],
    [
      'credentials that are not there',
      () => ({ registry: { ...config().registry, dockerConfig: join(folder, 'config.json') } }),
      '--docker-config',
    ],
    ['an address that is not here', () => ({ listen: { host: '192.0.2.1', port: 0 } }), '--listen: '],
  ])('with %s', async (_title, changes, why) => {
    await writePolicies();
    const started = startWebhook({ ...config(), ...changes() }, quiet);

    await expect(started).rejects.toThrow(UsageError);
    await expect(started).rejects.toThrow(why);
    expect(existsSync(caFile())).toBe(false);
  });
});
