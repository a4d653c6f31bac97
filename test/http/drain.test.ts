import { connect as connectPlain } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startServer } from '../../src/http/server.ts';
import { admissionReview, closeEdges, keepAliveAgent, openEdge, post, send, tlsSocket, type Edge } from './edge.ts';

afterEach(closeEdges);

async function held(edge: Edge): Promise<{ answer: () => void; received: ReturnType<typeof post> }> {
  let answer = (): void => undefined;
  edge.reviewer.review = () => new Promise((resolve) => (answer = () => resolve(admissionReview(200, true))));
  const received = post(edge);
  await expect.poll(() => edge.reviewer.reviewed.length).toBe(1);
  return { answer: () => answer(), received };
}

describe('stopping', () => {
  test('is announced first: not ready any more, but still judging, and asking clients to go elsewhere', async () => {
    const edge = await openEdge();
    const agent = keepAliveAgent();
    await post(edge, '/validate', { agent });
    const closed = edge.server.close({ announceMs: 500, graceMs: 1000 });
    const ready = await send(edge, '/readyz');
    expect(ready.status).toBe(503);
    expect(ready.text).toContain('The server is stopping.');
    expect(await send(edge, '/healthz')).toMatchObject({ status: 200 });
    expect(await post(edge, '/validate', { agent })).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await closed;
    await expect(post(edge)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    agent.destroy();
  });

  test('waits for requests in flight, and then closes', async () => {
    const edge = await openEdge();
    const { answer, received } = await held(edge);
    let isClosed = false;
    const closed = edge.server.close({ announceMs: 0, graceMs: 5000 }).then(() => (isClosed = true));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(send(edge, '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(isClosed).toBe(false);
    answer();
    expect(await received).toMatchObject({ status: 200, text: admissionReview(200, true).body });
    await closed;
  });

  test('does not wait for connections that are idle', async () => {
    const edge = await openEdge();
    const agent = keepAliveAgent();
    await post(edge, '/validate', { agent });
    const unused = await tlsSocket(edge);
    const started = performance.now();
    await edge.server.close({ announceMs: 0, graceMs: 5000 });
    expect(performance.now() - started).toBeLessThan(1000);
    unused.destroy();
    agent.destroy();
  });

  test.each([
    { name: 'a request that is never answered', open: (edge: Edge) => held(edge).then(({ received }) => received) },
    { name: 'a body that never ends', open: (edge: Edge) => post(edge, '/validate', { write: (chunk) => chunk('{') }) },
  ])('ends after the grace with $name', async ({ open }) => {
    const edge = await openEdge();
    const cut = open(edge).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const started = performance.now();
    await edge.server.close({ announceMs: 0, graceMs: 300 });
    expect(performance.now() - started).toBeLessThan(1000);
    expect(await cut).toMatchObject({ message: 'socket hang up' });
  });

  test('ends after the grace with a connection that never begins TLS', async () => {
    const edge = await openEdge();
    const { host, port } = edge.server.address;
    const socket = connectPlain({ host, port });
    await new Promise((resolve) => socket.once('connect', resolve));
    const started = performance.now();
    await edge.server.close({ announceMs: 0, graceMs: 300 });
    expect(performance.now() - started).toBeLessThan(1000);
    socket.destroy();
  });

  test('twice is stopping once', async () => {
    const edge = await openEdge();
    const drain = { announceMs: 0, graceMs: 100 };
    await Promise.all([edge.server.close(drain), edge.server.close(drain)]);
    await expect(post(edge)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

test('a port that is taken is an error at the start', async () => {
  const { server, reviewer, certificates } = await openEdge();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const metrics = { contentType: 'text/plain', text: () => Promise.resolve('') };
  const started = startServer({ reviewer, certificates, metrics, log }, { listen: server.address, readiness: [] });
  await expect(started).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
