import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import {
  admissionReview,
  closeEdges,
  json,
  leave,
  openEdge,
  post,
  review,
  send,
  tlsSocket,
  type Received,
} from './edge.ts';

afterEach(closeEdges);

/** The API server reads nothing but this; everything else is "webhook failed" to it. */
function refusal({ text, headers }: Received): unknown {
  expect(headers['content-type']).toBe('application/json');
  expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
  const parsed: unknown = JSON.parse(text);
  expect(parsed).toMatchObject({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { allowed: false },
  });
  return parsed;
}

describe('an AdmissionReview', () => {
  test.each(['validate', 'mutate'] as const)('sent to /%s reaches the reviewer as it is', async (phase) => {
    const edge = await openEdge();
    const received = await post(edge, `/${phase}?timeout=10s`);
    expect(edge.reviewer.reviewed).toMatchObject([{ phase, text: review }]);
    expect(received).toMatchObject({ status: 200, text: admissionReview(200, true).body });
    expect(received.headers).not.toHaveProperty('x-powered-by');
  });

  test('that is no JSON is for the reviewer to refuse: the route does not look inside', async () => {
    const edge = await openEdge();
    await post(edge, '/validate', { body: '{"kind":' });
    expect(edge.reviewer.reviewed).toMatchObject([{ text: '{"kind":' }]);
  });

  test('without a body is for the reviewer to refuse', async () => {
    const edge = await openEdge();
    await post(edge, '/mutate', { body: '' });
    expect(edge.reviewer.reviewed).toMatchObject([{ phase: 'mutate', text: '' }]);
  });

  test('in many chunks arrives whole', async () => {
    const edge = await openEdge();
    const text = JSON.stringify({ filler: 'ä'.repeat(300_000) });
    await post(edge, '/validate', { body: text });
    expect(edge.reviewer.reviewed[0]?.text).toBe(text);
  });

  test('may name a charset', async () => {
    const edge = await openEdge();
    await post(edge, '/validate', { headers: { 'content-type': 'application/json; charset=utf-8' } });
    expect(edge.reviewer.reviewed).toHaveLength(1);
  });

  test('with status and body of the reviewer is answered with both', async () => {
    const edge = await openEdge();
    edge.reviewer.review = () => Promise.resolve({ httpStatus: 413, body: '{"ü":1}' });
    expect(await post(edge)).toMatchObject({ status: 413, text: '{"ü":1}' });
  });
});

describe('a body that is not read', () => {
  const limits = { maxBodyBytes: 1000 };
  const big = 'x'.repeat(1001);

  test.each([
    { name: 'announces more bytes than are allowed', sent: { body: big }, code: 'REQUEST_TOO_LARGE' },
    {
      name: 'has more bytes than are allowed, in chunks',
      sent: { body: big, headers: { 'transfer-encoding': 'chunked' } },
      code: 'REQUEST_TOO_LARGE',
    },
    {
      name: 'is a form',
      sent: { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      code: 'REQUEST_UNSUPPORTED',
    },
    {
      name: 'is another JSON',
      sent: { headers: { 'content-type': 'application/json-patch+json' } },
      code: 'REQUEST_UNSUPPORTED',
    },
    { name: 'has an empty content type', sent: { headers: { 'content-type': '' } }, code: 'REQUEST_UNSUPPORTED' },
    {
      name: 'is gzip-encoded',
      sent: { body: gzipSync(review), headers: { 'content-encoding': 'gzip' } },
      code: 'REQUEST_UNSUPPORTED',
    },
    {
      name: 'is a gzip bomb',
      sent: { body: gzipSync(Buffer.alloc(500_000)), headers: { 'content-encoding': 'gzip' } },
      code: 'REQUEST_UNSUPPORTED',
    },
  ])('because it $name is refused as $code, and the connection ends', async ({ sent, code }) => {
    const edge = await openEdge(limits);
    const received = await post(edge, '/validate', sent);
    expect(refusal(received)).toMatchObject({ response: { status: { reason: code } } });
    expect(received.headers.connection).toBe('close');
    expect(edge.reviewer.refused).toEqual([{ phase: 'validate', code, text: undefined }]);
    expect(edge.reviewer.reviewed).toEqual([]);
  });

  test('without a content type is refused', async () => {
    const edge = await openEdge();
    refusal(await send(edge, '/validate', { method: 'POST', body: review }));
    expect(edge.reviewer.refused).toMatchObject([{ code: 'REQUEST_UNSUPPORTED' }]);
  });

  test('of exactly the allowed size is read', async () => {
    const edge = await openEdge(limits);
    await post(edge, '/validate', { body: big.slice(1) });
    expect(edge.reviewer.reviewed).toHaveLength(1);
  });

  test('that is announced as too large is refused before it comes', async () => {
    const edge = await openEdge(limits);
    const sent = { headers: { 'content-length': '1001' }, write: (chunk: (text: string) => void) => chunk('{') };
    refusal(await post(edge, '/validate?timeout=30s', sent));
    expect(edge.reviewer.refused).toMatchObject([{ code: 'REQUEST_TOO_LARGE' }]);
  });

  test('with no end is refused once it is too large, while it is still coming', async () => {
    const edge = await openEdge(limits);
    let timer: NodeJS.Timeout | undefined;
    const write = (chunk: (text: string) => void): void => {
      timer = setInterval(() => chunk('x'.repeat(4096)), 1);
    };
    const started = performance.now();
    const received = await post(edge, '/validate', { write });
    clearInterval(timer);
    expect(refusal(received)).toMatchObject({ response: { status: { reason: 'REQUEST_TOO_LARGE' } } });
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test('is read on for a moment, so that a client that sends it whole gets to read the answer', async () => {
    const edge = await openEdge(limits);
    for (let round = 1; round <= 5; round += 1) {
      refusal(await post(edge, '/validate', { body: Buffer.alloc(8 * 1024 * 1024) }));
      expect(edge.reviewer.refused).toHaveLength(round);
    }
  });

  test('is not read on for long: the connection is ended, whatever still comes', async () => {
    const edge = await openEdge(limits);
    const socket = await tlsSocket(edge);
    const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
    socket.resume().write('POST /validate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const started = performance.now();
    const drip = setInterval(() => socket.write('1\r\nx\r\n'), 20);
    await ended;
    clearInterval(drip);
    expect(performance.now() - started).toBeLessThan(4000);
  });

  test('that stops coming is refused shortly before the API server gives up', async () => {
    const edge = await openEdge();
    const started = performance.now();
    const received = await post(edge, '/validate?timeout=1s', { write: (chunk) => chunk('{"kind":') });
    expect(refusal(received)).toMatchObject({ response: { status: { reason: 'DEADLINE_EXCEEDED' } } });
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('of a client that goes away is refused for the record', async () => {
    const edge = await openEdge();
    await expect(leave(edge, '/validate', '{')).rejects.toThrow('aborted');
    await expect.poll(() => edge.reviewer.refused.length).toBe(1);
  });
});

describe('the time an answer may take', () => {
  test.each([
    { timeout: '?timeout=200ms', atLeast: 90, atMost: 190 },
    { timeout: '?dryRun=true&timeout=800ms', atLeast: 390, atMost: 700 },
  ])('with $timeout ends before the caller does', async ({ timeout, atLeast, atMost }) => {
    const edge = await openEdge();
    const started = performance.now();
    const took = new Promise<number>((resolve) => {
      edge.reviewer.review = ({ signal }) => {
        return new Promise((answer) => {
          signal.addEventListener('abort', () => {
            resolve(performance.now() - started);
            answer(admissionReview(200, false, 'DEADLINE_EXCEEDED'));
          });
        });
      };
    });
    refusal(await post(edge, `/mutate${timeout}`));
    expect(await took).toBeGreaterThanOrEqual(atLeast);
    expect(await took).toBeLessThan(atMost + 300);
  });

  test('is over when the caller has gone', async () => {
    const edge = await openEdge();
    let aborted = false;
    edge.reviewer.review = ({ signal }) => {
      return new Promise((answer) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          answer(admissionReview(200, false));
        });
      });
    };
    await expect(post(edge, '/validate?timeout=30s', { signal: AbortSignal.timeout(200) })).rejects.toThrow('aborted');
    await expect.poll(() => aborted).toBe(true);
  });
});

describe('paths and methods', () => {
  test.each([
    { path: '/validate', method: 'GET', allow: 'POST' },
    { path: '/mutate', method: 'PUT', allow: 'POST' },
    { path: '/healthz', method: 'POST', allow: 'GET, HEAD' },
    { path: '/metrics', method: 'DELETE', allow: 'GET, HEAD' },
  ])('$method $path says that only $allow is answered', async ({ path, method, allow }) => {
    const edge = await openEdge();
    const received = await send(edge, path, { method, headers: json });
    expect(received).toMatchObject({ status: 405, headers: { allow } });
    expect(JSON.parse(received.text)).toHaveProperty('error');
  });

  test.each(['/', '/validates', '/validate/more', '/..%2fvalidate', '/debug/pprof', '/__proto__'])(
    '%s is not found',
    async (path) => {
      const edge = await openEdge();
      expect(await post(edge, path)).toMatchObject({ status: 404 });
      expect(edge.reviewer.reviewed).toEqual([]);
    },
  );

  test('a path that is no valid encoding is answered without a stack trace', async () => {
    const edge = await openEdge();
    const received = await post(edge, '/%zz');
    expect([400, 404]).toContain(received.status);
    expect(received.text).not.toContain('    at ');
  });

  test('a reviewer that fails against its promise is an answer, not a hanging connection', async () => {
    const edge = await openEdge();
    edge.reviewer.review = () => Promise.reject(new Error('secret detail'));
    const received = await post(edge);
    expect(received.status).toBe(500);
    expect(received.text).not.toContain('secret detail');
    expect(edge.errors).toEqual(['request failed unexpectedly']);
  });
});

describe('beside the webhooks', () => {
  test('/healthz is fine as long as the process answers', async () => {
    const edge = await openEdge({}, [{ name: 'policies', problem: () => 'none yet' }]);
    expect(await send(edge, '/healthz')).toMatchObject({ status: 200, text: 'ok' });
  });

  test('/readyz names what is not in order', async () => {
    let problem: string | undefined = 'No policies were read yet.';
    const edge = await openEdge({}, [
      { name: 'policies', problem: () => problem },
      { name: 'log', problem: () => undefined },
    ]);
    const before = await send(edge, '/readyz');
    expect(before.status).toBe(503);
    expect(JSON.parse(before.text)).toMatchObject({ ready: false, problems: [{ check: 'policies', problem }] });
    problem = undefined;
    const after = await send(edge, '/readyz');
    expect(after.status).toBe(200);
    expect(JSON.parse(after.text)).toMatchObject({ ready: true, problems: [] });
  });

  test('/readyz is fine with warnings, and tells them', async () => {
    const warnings = ['The policy in web.yaml is broken; the one before it stays in force.'];
    const edge = await openEdge({}, [{ name: 'policies', problem: () => undefined, warnings: () => warnings }]);
    const received = await send(edge, '/readyz');
    expect(received.status).toBe(200);
    expect(JSON.parse(received.text)).toMatchObject({ ready: true, warnings });
  });

  test('/metrics is a page for Prometheus', async () => {
    const edge = await openEdge();
    const received = await send(edge, '/metrics');
    expect(received.status).toBe(200);
    expect(received.headers['content-type']).toMatch(/^text\/plain; version=/);
    expect(received.text).toContain('# TYPE countersign_refusals_total counter');
  });

  test('HEAD is answered without a body', async () => {
    const edge = await openEdge();
    expect(await send(edge, '/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });
});
