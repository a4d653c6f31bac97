import { afterEach, describe, expect, test } from 'vitest';
import { connectionOptions } from '../../src/http/listener.ts';
import {
  admissionReview,
  closeEdges,
  keepAliveAgent,
  leave,
  openEdge,
  post,
  review,
  send,
  tlsSocket,
  type Edge,
} from './edge.ts';

afterEach(closeEdges);

/** Reviews that wait until they are let go. */
function hold(edge: Edge): { letGo: () => void } {
  const waiting: (() => void)[] = [];
  edge.reviewer.review = () => {
    return new Promise((answer) => waiting.push(() => answer(admissionReview(200, true))));
  };
  return { letGo: () => waiting.splice(0).forEach((answer) => answer()) };
}

describe('more requests than can be judged at one time', () => {
  test('are refused as OVERLOADED with their uid, and the ones before them are finished', async () => {
    const edge = await openEdge({ maxInFlight: 2 });
    const { letGo } = hold(edge);
    const inTime = [post(edge), post(edge)];
    await expect.poll(() => edge.reviewer.reviewed.length).toBe(2);
    const extra = await post(edge, '/mutate');
    expect(edge.reviewer.refused).toEqual([{ phase: 'mutate', code: 'OVERLOADED', text: review }]);
    expect(JSON.parse(extra.text)).toMatchObject({ response: { allowed: false, status: { reason: 'OVERLOADED' } } });
    letGo();
    expect((await Promise.all(inTime)).map(({ text }) => text)).toEqual(Array(2).fill(admissionReview(200, true).body));
  });

  test('leave room again once they are answered', async () => {
    const edge = await openEdge({ maxInFlight: 1 });
    const { letGo } = hold(edge);
    const before = post(edge);
    await expect.poll(() => edge.reviewer.reviewed.length).toBe(1);
    await post(edge);
    letGo();
    await before;
    edge.reviewer.review = () => Promise.resolve(admissionReview(200, true));
    expect((await post(edge)).text).toBe(admissionReview(200, true).body);
    expect(edge.reviewer.refused).toHaveLength(1);
  });

  test('do not keep the probes from being answered', async () => {
    const edge = await openEdge({ maxInFlight: 1 });
    const { letGo } = hold(edge);
    const held = post(edge);
    await expect.poll(() => edge.reviewer.reviewed.length).toBe(1);
    expect(await send(edge, '/healthz')).toMatchObject({ status: 200 });
    expect(await send(edge, '/readyz')).toMatchObject({ status: 200 });
    letGo();
    await held;
  });
});

describe('the memory of all bodies together', () => {
  const limits = { maxBodyBytes: 2000, maxBufferedBytes: 2500 };
  const body = 'x'.repeat(2000);

  test('is limited, and a body that does not fit is refused as OVERLOADED', async () => {
    const edge = await openEdge(limits);
    const { letGo } = hold(edge);
    const held = post(edge, '/validate', { body });
    await expect.poll(() => edge.reviewer.reviewed.length).toBe(1);
    await post(edge, '/validate', { body });
    expect(edge.reviewer.refused).toMatchObject([{ code: 'OVERLOADED' }]);
    letGo();
    await held;
  });

  test.each([
    { name: 'were judged', sent: { body } },
    { name: 'were too large', sent: { body: `${body}x`, headers: { 'transfer-encoding': 'chunked' } } },
  ])('is free again after bodies that $name', async ({ sent }) => {
    const edge = await openEdge(limits);
    for (let round = 0; round < 5; round += 1) await post(edge, '/validate', sent);
    edge.reviewer.refused.splice(0);
    await post(edge, '/validate', { body });
    expect(edge.reviewer.refused).toEqual([]);
  });

  test('is free again after clients that went away in the middle', async () => {
    const edge = await openEdge(limits);
    for (let round = 1; round <= 3; round += 1) {
      await expect(leave(edge, '/validate', body.slice(1))).rejects.toThrow('aborted');
      await expect.poll(() => edge.reviewer.refused.length).toBe(round);
    }
    await post(edge, '/validate', { body });
    expect(edge.reviewer.reviewed).toHaveLength(1);
  });
});

describe('connections', () => {
  test('over the limit are closed, and the ones before them are served', async () => {
    const edge = await openEdge({ maxConnections: 1 });
    const first = await tlsSocket(edge);
    await expect(send(edge, '/healthz')).rejects.toThrow(/socket|ECONNRESET/);
    first.destroy();
    await expect
      .poll(() =>
        send(edge, '/healthz').then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  test('that are idle are kept for longer than the API server keeps them', async () => {
    const edge = await openEdge();
    const agent = keepAliveAgent();
    const { headers } = await post(edge, '/validate', { agent });
    agent.destroy();
    // net/http: IdleConnTimeout of DefaultTransport, which the API server copies.
    expect(Number(/^timeout=(\d+)$/.exec(String(headers['keep-alive']))?.[1])).toBeGreaterThan(90);
  });

  test('that were opened in advance are not closed before idle ones are: their first request may be on the way', () => {
    const { headersTimeout, requestTimeout } = connectionOptions({ handshakeMs: 1, keepAliveMs: 120_000 });
    expect([headersTimeout, requestTimeout]).toEqual([120_000, 120_000]);
  });

  test('whose request never ends are ended', async () => {
    const edge = await openEdge({ keepAliveMs: 300 });
    const socket = await tlsSocket(edge);
    const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
    socket.resume().write('POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const drip = setInterval(() => socket.write('1\r\nx\r\n'), 20);
    await ended;
    clearInterval(drip);
    expect(edge.errors).toEqual([]);
  });

  test('that send no headers are ended', async () => {
    const edge = await openEdge({ keepAliveMs: 100 });
    const socket = await tlsSocket(edge);
    const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
    socket.resume().write('POST /validate HTTP/1.1\r\nHost: a\r\n');
    const drip = setInterval(() => socket.write('x: y\r\n'), 20);
    await ended;
    clearInterval(drip);
    expect(edge.reviewer.reviewed).toEqual([]);
  });
});
