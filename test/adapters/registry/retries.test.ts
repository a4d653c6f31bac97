import { describe, expect, test } from 'vitest';
import { delayed, reset, status, tooManyRequests } from '../../../src/demo/registry/faults.ts';
import { ok } from '../../../src/kernel/result.ts';
import { as, codeOf, openBench } from './bench.ts';

describe('what may pass is tried again', () => {
  test('statuses that pass, twice', async () => {
    const tried = [429, 502, 503, 504].map(async (code) => {
      const { demo, client, app, image } = await openBench();
      demo.inject(/./, status(code), 2);
      expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
      expect(demo.requests().total).toBe(3);
    });
    await Promise.all(tried);
  });

  test('a connection that broke', async () => {
    const { demo, client, app, image } = await openBench();
    demo.inject(/./, reset(), 1);
    expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
  });

  test('but three times only', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/HEAD/, status(503));
    expect(codeOf(await client.resolve(app, '1.0', as()))).toBe('REGISTRY_UNREACHABLE');
    expect(demo.requests().total).toBe(3);
  });

  test.each([400, 404, 409, 500, 501, 505])('status %d is an answer', async (code) => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, status(code));
    expect((await client.resolve(app, '1.0', as())).ok).toBe(false);
    expect(demo.requests().total).toBe(1);
  });
});

describe('Retry-After', () => {
  test('is waited for when it is short', async () => {
    const { demo, client, app, image } = await openBench();
    demo.inject(/./, tooManyRequests('1'), 1);
    const started = performance.now();
    expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  test('is handed on when it is long', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, tooManyRequests('100'));
    const started = performance.now();
    const answer = await client.resolve(app, '1.0', as());
    expect(performance.now() - started).toBeLessThan(1_900);
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_RATE_LIMITED', retryAfterSeconds: 100 } });
    expect(demo.requests().total).toBe(1);
  });

  test('is capped at an hour', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, tooManyRequests('999999999'));
    expect(await client.resolve(app, '1.0', as())).toMatchObject({ failure: { retryAfterSeconds: 3_600 } });
  });

  test.each(['', 'soon', '-1', '1e9', '0x10', 'Fri, 31 Dec 1999 23:59:59 GMT', '9'.repeat(400)])(
    'that says nothing useful is as good as none (%s)',
    async (text) => {
      const { demo, client, app, image } = await openBench();
      demo.inject(/./, tooManyRequests(text), 1);
      expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
    },
  );

  test('the time of the caller ends the waiting, and what the registry said is told', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, tooManyRequests('2'));
    const started = performance.now();
    expect(codeOf(await client.resolve(app, '1.0', as(undefined, 100)))).toBe('REGISTRY_RATE_LIMITED');
    expect(performance.now() - started).toBeLessThan(1_900);
  });
});

test('a slow registry is waited for until the time is up', async () => {
  const { demo, client, app, image } = await openBench();
  demo.inject(/./, delayed(100), 2);
  expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
  expect(codeOf(await client.resolve(app, '1.0', as(undefined, 50)))).toBe('REGISTRY_TIMEOUT');
});
