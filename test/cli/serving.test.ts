/** The parts of a serving process and its settings: what `serve` has that `webhook` has not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { servingFlags } from '../../src/cli/flags.ts';
import { parseServingConfig, type RawServingFlags, type ServingCommand } from '../../src/cli/serving/config.ts';
import { startServing, type Serving } from '../../src/cli/serving/start.ts';
import { podOf, reviewOf } from '../admission/bench.ts';
import { run } from './run.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-serving-'));
  await writeFile(join(folder, 'policy.yaml'), refuseAll);
});
afterEach(async () => {
  for (const serving of running.splice(0)) await serving.close();
  await rm(folder, { recursive: true });
});

const running: Serving[] = [];

const refuseAll = `
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: refuse-all}
spec: {images: [{glob: '**'}], authorities: [{static: {action: fail, message: not here}}]}`;

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

function parsed(command: ServingCommand, ...args: readonly string[]): ReturnType<typeof parseServingConfig> {
  const flags = servingFlags(new Command()).exitOverride().parse(args, { from: 'user' }).opts<RawServingFlags>();
  return parseServingConfig(command, flags);
}

async function start(command: ServingCommand, ...more: readonly string[]): Promise<Serving> {
  const file = (name: string): string => join(folder, name);
  const files = [
    '--policies',
    file('policy.yaml'),
    '--decision-log',
    file('log'),
    '--database',
    file('records.sqlite'),
  ];
  const listen = ['--listen', '127.0.0.1:0', '--console-local', '127.0.0.1:0', '--drain-seconds', '0'];
  const config = parsed(command, ...files, ...listen, ...more);
  if (!config.ok) throw new Error(config.failure.join('; '));
  const serving = await startServing(config.value, quiet);
  running.push(serving);
  return serving;
}

async function call(serving: Serving, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const dispatcher = new Agent({ connect: { ca: serving.caPem ?? '' } });
  try {
    const url = `https://127.0.0.1:${serving.address.port}${path}`;
    const method = body === undefined ? 'GET' : 'POST';
    const headers = { 'content-type': 'application/json' };
    const answer = await request(url, {
      dispatcher,
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  } finally {
    await dispatcher.close();
  }
}

const review = reviewOf(podOf(`a.example/app@sha256:${'0'.repeat(64)}`));

describe('serve', () => {
  test('shows in the console and in the records API what its gate has refused', async () => {
    const serving = await start('serve');
    expect((await call(serving, '/validate', review)).text).toContain('not here');

    const [console = ''] = serving.console;
    expect(console).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/console$/);
    const api = new URL('/v1/records?code=STATIC_FAIL', console);
    await expect
      .poll(async () => (await fetch(api)).json(), { timeout: 10_000 })
      .toMatchObject({ records: [{ verdict: 'refuse', namespace: 'team', name: 'app' }] });
    expect(await (await fetch(console)).text()).toContain('not here');
  });

  test('has on its next start what it had, and nothing twice', async () => {
    const first = await start('serve');
    await call(first, '/validate', review);
    await first.close();
    const second = await start('serve');
    const answer = await fetch(new URL('/v1/records', second.console[0]));
    expect(await answer.json()).toMatchObject({ records: [{ uid: 'uid-1' }] });
  });
});

test('webhook has no console', async () => {
  expect((await start('webhook')).console).toEqual([]);
});

test('records answers no admission request, is ready, and shows what a database has', async () => {
  const gate = await start('webhook');
  await call(gate, '/validate', review);
  await gate.close();
  const serving = await start('records');
  expect((await call(serving, '/validate', review)).status).toBe(404);
  expect((await call(serving, '/readyz')).status).toBe(200);
  const answer = await fetch(new URL('/v1/records/uid-1', serving.console[0]));
  expect(await answer.json()).toMatchObject({ records: [{ uid: 'uid-1' }] });
});

describe('settings that cannot be meant are all told at once', () => {
  test.each<[string, readonly string[], string]>([
    ['an address', ['--console-listen', 'here'], '--console-listen: "here" is not HOST:PORT'],
    [
      'a console for everybody',
      ['--console-local', '0.0.0.0:8080'],
      '--console-local: "0.0.0.0:8080" is not on 127.0.0.1',
    ],
    ['negative days', ['--keep-days', '-1'], '--keep-days: "-1" is not a whole number'],
    ['half a day of actions', ['--keep-actions-days', '0.5'], '--keep-actions-days: "0.5" is not a whole number'],
    ['half a record', ['--keep-records', '0.5'], '--keep-records: "0.5" is not a whole number'],
    ['never ending scans', ['--scan-minutes', '1000000'], '--scan-minutes: "1000000" is not a whole number'],
    ['other namespaces', ['--scan-namespaces', 'mine'], '--scan-namespaces: "mine" is not one of opted-in, all'],
    ['other healing', ['--heal', 'nothing'], '--heal: "nothing" is not one of connection, everything'],
    ['half a leader', ['--leader-elect', 'maybe'], '--leader-elect: "maybe" is not one of true, false'],
    ['some workflows', ['--workflows', 'some'], '--workflows: "some" is not one of true, false'],
    ['some tasks', ['--tasks', 'some'], '--tasks: "some" is not one of true, false'],
    ['an image that is none', ['--system-image', 'A//b'], '--system-image: '],
    ['certificates of seconds', ['--serving-certificate-seconds', '5'], '--serving-certificate-seconds: "5" is not'],
  ])('%s', (_title, args, problem) => {
    const config = parsed('serve', ...args, '--listen', 'there');
    const problems = config.ok ? [] : config.failure;
    expect(problems).toHaveLength(2);
    expect(problems.join('\n')).toContain(problem);
  });

  test('none is "no listener", and 0 is "without limit" and "never"', () => {
    const off = ['--console-listen', 'none', '--console-local', 'none', '--keep-days', '0', '--keep-records', '0'];
    const config = parsed('serve', ...off, '--scan-minutes', '0');
    expect(config).toMatchObject({ ok: true, value: { console: {}, records: { keep: {} } } });
    expect(config.ok && 'scan' in config.value).toBe(false);
  });
});

test.each<[ServingCommand, readonly string[], unknown]>([
  ['serve', ['--decision-log', '/var/lib/x/log'], { dataFolder: '/var/lib/x' }],
  ['controller', ['--decision-log', 'log', '--data-folder', '/data'], { dataFolder: '/data' }],
  ['serve', ['--workflows', 'false'], undefined],
  ['webhook', [], undefined],
  ['records', [], undefined],
])('%s %j runs workflows where %j', (command, args, workflows) => {
  const config = parsed(command, ...args);
  expect(config.ok && config.value.workflows).toEqual(workflows);
});

test.each<[ServingCommand, readonly string[], unknown]>([
  ['serve', [], { systemImage: 'quay.io/kubeopencode/kubeopencode:latest' }],
  ['controller', ['--system-image', 'registry.example/system:1'], { systemImage: 'registry.example/system:1' }],
  ['serve', ['--tasks', 'false'], undefined],
  ['webhook', [], undefined],
])('%s %j runs tasks where %j', (command, args, tasks) => {
  const config = parsed(command, ...args);
  expect(config.ok && config.value.tasks).toEqual(tasks);
});

test.each<[readonly string[], object]>([
  [[], { keepActionsDays: 90 }],
  [['--keep-actions-days', '400'], { keepActionsDays: 400 }],
  [['--keep-actions-days', '0'], {}],
])('the action history is kept as %j says', (args, kept) => {
  const config = parsed('records', ...args);
  const { keepActionsDays } = (config.ok && config.value.records) || {};
  expect(keepActionsDays === undefined ? {} : { keepActionsDays }).toEqual(kept);
});

test('replicas elect who leads, unless one is told that it is alone', () => {
  expect(parsed('controller')).toMatchObject({ ok: true, value: { leaderElect: true } });
  expect(parsed('controller', '--leader-elect=false')).toMatchObject({ ok: true, value: { leaderElect: false } });
});

test('the password of a database is not printed', async () => {
  const shown = await run('records', '--database', 'postgres://me:secret@db.example/records', '--print-config');
  expect(shown.out).toContain('postgres://me:***@db.example/records');
  expect(shown.out + shown.err).not.toContain('secret');
});

test.each([
  ['a database of another kind', ['records', '--database', 'mysql://db.example/x']],
  ['a Secret without a cluster', ['webhook', '--certificates-secret', 'mine']],
])('%s is refused with exit code 2', async (_title, args) => {
  const files = ['--policies', join(folder, 'policy.yaml'), '--decision-log', join(folder, 'log')];
  const { code, err } = await run(...args, ...files, '--listen', '127.0.0.1:0', '--console-local', 'none');
  expect(code).toBe(2);
  expect(err).toMatch(/^countersign: --(?:database|certificates-secret): /);
});
