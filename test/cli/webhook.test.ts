/** The webhook as a process: started by its command line, asked over TLS, stopped by a signal. */
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
  return ['webhook', '--listen', '127.0.0.1:0', ...files, '--insecure-registry', registry.host, '--drain-seconds', '4'];
}

interface Running extends WebhookClient {
  readonly program: ChildProcess;
  get(path: string): Promise<{ status: number; text: string }>;
  /** Asks about one Pod, as the API server does. */
  validate(image: string): ReturnType<WebhookClient['post']>;
  /** The exit code after this signal. */
  stop(signal: NodeJS.Signals): Promise<unknown>;
}

async function start(...more: readonly string[]): Promise<Running> {
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  const program = spawn(process.execPath, [main, ...flags(), ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void program.kill('SIGKILL'));
  const exited = once(program, 'exit').then(([code]) => code as unknown);
  const port = await portOf(program);
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
    program,
    async get(path) {
      const { statusCode, body } = await request(new URL(path, origin), { dispatcher });
      return { status: statusCode, text: await body.text() };
    },
    validate: (image) => client.post('/validate', reviewOf(image)),
    stop: (signal) => {
      program.kill(signal);
      return exited;
    },
  };
}

/** From the line that says where it serves. */
async function portOf({ stderr }: ChildProcess): Promise<number> {
  let text = '';
  for await (const chunk of stderr ?? []) {
    text += String(chunk);
    const port = /^.*"port":(\d+).*"webhook serves".*$/m.exec(text)?.[1];
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

describe('a running webhook', () => {
  test('pins, admits, refuses, records, and ends when it is told to', async () => {
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

  test('finishes what it was asked before the signal', async () => {
    await writePolicies();
    const webhook = await start();
    registry.inject(
      /./,
      async (_request, _response, answer) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        await answer();
      },
      1,
    );
    const answer = webhook.validate(`${good.reference}@${good.digest}`);
    await until(async () => registry.requests().total > 0 || registry.log().length > 0);
    const stopped = webhook.stop('SIGINT');

    expect(await answer).toMatchObject({ allowed: true });
    expect(await stopped).toBe(0);
  });

  test('without policies refuses for now, and judges as soon as there are some', async () => {
    const webhook = await start();
    const image = `${good.reference}@${good.digest}`;

    expect((await webhook.validate(image)).allowed).toBe(false);
    await writePolicies();
    await until(async () => (await webhook.validate(image)).allowed);
    await rm(join(folder, 'policies', 'policies.yaml'));
    await until(async () => !(await webhook.validate(image)).allowed);
    expect(await webhook.stop('SIGTERM')).toBe(0);
  });

  test('with a broken policy is not ready, and says which file it is', async () => {
    await writeFile(join(folder, 'policies', 'broken.yaml'), 'kind: ClusterImagePolicy\nspec: [\n');
    const webhook = await start();

    expect(await webhook.get('/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('broken.yaml') });
    expect(await webhook.validate(`${good.reference}@${good.digest}`)).toMatchObject({ allowed: false, code: 503 });
    expect(await webhook.stop('SIGTERM')).toBe(0);
  });

  test('goes on with the last good policies when one breaks', async () => {
    await writePolicies();
    const webhook = await start();
    await writeFile(join(folder, 'policies', 'policies.yaml'), 'kind: [\n');
    await until(async () => (await webhook.get('/readyz')).text.includes('policies.yaml'));

    expect(await webhook.get('/readyz')).toMatchObject({ status: 200 });
    expect(await webhook.validate(`${good.reference}@${good.digest}`)).toMatchObject({ allowed: true });
    expect(await webhook.validate(`${bad.reference}@${bad.digest}`)).toMatchObject({ allowed: false, code: 403 });
  });

  test('answers with a retriable no when the registry is at fault', async () => {
    await writePolicies();
    const webhook = await start();
    registry.inject(/./, (_request, response) => void response.writeHead(500).end(), 1_000);

    expect(await webhook.validate(`${good.reference}@${good.digest}`)).toMatchObject({ allowed: false, code: 503 });
  });
});

describe('a webhook that cannot work does not start', () => {
  /** Its end, with what it had to say; never an answer on any port. */
  async function failToStart(...more: readonly string[]) {
    const main = new URL('../../src/main.ts', import.meta.url).pathname;
    const program = spawn(process.execPath, [main, ...flags(), ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
    onTestFinished(() => void program.kill('SIGKILL'));
    let err = '';
    program.stderr.on('data', (chunk) => (err += String(chunk)));
    const [code] = (await once(program, 'close')) as unknown[];
    return { code, err };
  }

  test.each<[string, () => readonly string[], string]>([
    [
      'a certificate that is not there',
      () => ['--tls-cert', join(folder, 'x'), '--tls-key', join(folder, 'y')],
      join('x'),
    ],
    ['a kubeconfig that is not there', () => ['--kubeconfig', join(folder, 'kubeconfig')], 'kubeconfig'],
    ['a decision log in no folder', () => ['--decision-log', join(folder, 'missing', 'log')], 'missing'],
    ['a trusted root that is none', () => ['--trusted-root', '/dev/null'], '--trusted-root'],
    ['a CA file in no folder', () => ['--ca-file', join(folder, 'missing', 'ca.pem')], 'missing'],
    ['credentials that are not there', () => ['--docker-config', join(folder, 'config.json')], '--docker-config'],
  ])('%s', async (_title, more, why) => {
    await writePolicies();
    const { code, err } = await failToStart(...more());

    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining(why) });
    expect(existsSync(caFile())).toBe(false);
  });

  test('on a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;

    const { code, err } = await failToStart('--listen', `127.0.0.1:${port}`);

    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining(String(port)) });
  });
});
