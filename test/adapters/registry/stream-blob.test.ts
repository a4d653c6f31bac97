import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  endless,
  hang,
  html,
  huge,
  redirect,
  reset,
  status,
  tooManyRequests,
  truncated,
} from '../../../src/demo/registry/faults.ts';
import { digestOf } from '../../../src/kernel/digest.ts';
import type { Result } from '../../../src/kernel/result.ts';
import type { CallOptions } from '../../../src/ports/registry.ts';
import { account, as, connect, known, openBench, serve, type Bench } from './bench.ts';

const content = randomBytes(1_000_000);
const blob = { digest: digestOf(content), size: content.length };

async function stream(
  { client, app }: Bench,
  options: CallOptions = as(),
  of = blob,
): Promise<{ readonly answer: Result<void>; readonly read: Buffer }> {
  const chunks: Buffer[] = [];
  const answer = await client.streamBlob(app, of, async (chunk) => void chunks.push(Buffer.from(chunk)), options);
  return { answer, read: Buffer.concat(chunks) };
}

async function open(...options: Parameters<typeof openBench>): Promise<Bench> {
  const bench = await openBench(...options);
  bench.demo.putBlob('app', content);
  return bench;
}

const done = { ok: true, value: undefined };

describe('all of it goes by', () => {
  test('in order, with one request', async () => {
    const bench = await open();
    const { answer, read } = await stream(bench);
    expect(answer).toEqual(done);
    expect(read.equals(content)).toBe(true);
    expect(bench.demo.requests()).toMatchObject({ blobs: 1, total: 1 });
  });

  test('after a challenge', async () => {
    const bench = await open({ access: { kind: 'basic', ...account } });
    const { answer, read } = await stream(bench, as(known));
    expect(answer).toEqual(done);
    expect(read.equals(content)).toBe(true);
  });

  test('from another host that the registry sends to', async () => {
    const elsewhere = await serve();
    elsewhere.putBlob('cdn', content);
    const bench = await open();
    bench.demo.inject(/blobs/, redirect(`${elsewhere.url}/v2/cdn/blobs/${blob.digest}`));
    const client = connect({ insecure: [bench.demo.host, elsewhere.host] });
    const { answer, read } = await stream({ ...bench, client });
    expect(answer).toEqual(done);
    expect(read.equals(content)).toBe(true);
  });

  test.each([
    ['is busy', status(503)],
    ['wants less', tooManyRequests('0')],
    ['closes the connection', reset()],
  ])('after a registry %s, for nothing of it was read yet', async (_name, fault) => {
    const bench = await open();
    bench.demo.inject(/blobs/, fault, 1);
    const { answer, read } = await stream(bench);
    expect(answer).toEqual(done);
    expect(read.equals(content)).toBe(true);
  });

  test('an empty one', async () => {
    const bench = await open();
    const digest = bench.demo.putBlob('app', Buffer.alloc(0));
    expect(await stream(bench, as(), { digest, size: 0 })).toEqual({ answer: done, read: Buffer.alloc(0) });
  });
});

describe('it is not said to be there', () => {
  test.each([
    [
      'with one other byte',
      status(200, Buffer.concat([content.subarray(0, -1), Buffer.from('x')])),
      'REGISTRY_RESPONSE_INVALID',
    ],
    ['with one byte less', status(200, content.subarray(0, -1)), 'REGISTRY_RESPONSE_INVALID'],
    ['with one byte more', status(200, Buffer.concat([content, Buffer.from('x')])), 'REGISTRY_RESPONSE_TOO_LARGE'],
    ['without end', endless(), 'REGISTRY_RESPONSE_TOO_LARGE'],
    ['much larger', huge(100_000_000, true), 'REGISTRY_RESPONSE_TOO_LARGE'],
    ['as a web page', html(), 'REGISTRY_RESPONSE_INVALID'],
    [
      'packed though nobody asked for that',
      status(200, content, { 'content-encoding': 'gzip' }),
      'REGISTRY_RESPONSE_INVALID',
    ],
    ['cut off', truncated(), 'REGISTRY_UNREACHABLE'],
    ['not at all', status(404), 'REGISTRY_RESPONSE_INVALID'],
    ['to others only', status(403), 'REGISTRY_DENIED'],
    ['in part', status(206, content), 'REGISTRY_RESPONSE_INVALID'],
  ])('%s', async (_name, fault, code) => {
    const bench = await open();
    bench.demo.inject(/blobs/, fault);
    const { answer, read } = await stream(bench);
    expect(answer).toMatchObject({ ok: false, failure: { code } });
    expect(read.length).toBeLessThanOrEqual(content.length);
  });

  test('before its time is up', async () => {
    const bench = await open();
    bench.demo.inject(/blobs/, hang());
    const { answer } = await stream(bench, as(known, 100));
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_TIMEOUT' } });
  });
});

test('whoever reads slowly is waited for', async () => {
  const bench = await open();
  let [reading, chunks] = [0, 0];
  const answer = await bench.client.streamBlob(
    bench.app,
    blob,
    async () => {
      reading += 1;
      chunks += 1;
      expect(reading).toBe(1);
      await sleep(1);
      reading -= 1;
    },
    as(),
  );
  expect(answer).toEqual(done);
  expect(chunks).toBeGreaterThan(1);
});
