import { connect as connectPlain } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { anotherPair, closeEdges, keepAliveAgent, openEdge, post, send, tlsSocket, type Edge } from './edge.ts';

afterEach(closeEdges);

async function presented(edge: Edge): Promise<string> {
  const socket = await tlsSocket(edge);
  const print = socket.getPeerCertificate().fingerprint256;
  socket.destroy();
  return print;
}

describe('the connection', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('may use %s', async (version) => {
    const edge = await openEdge();
    const socket = await tlsSocket(edge, { minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    socket.destroy();
  });

  test.each(['TLSv1', 'TLSv1.1'] as const)('may not use %s', async (version) => {
    const edge = await openEdge();
    // Without this level the client would not even ask.
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(tlsSocket(edge, old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });

  test('speaks HTTP/1.1, also to clients that would like HTTP/2', async () => {
    const edge = await openEdge();
    const socket = await tlsSocket(edge, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    await expect(tlsSocket(edge, { ALPNProtocols: ['h2'] })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    });
  });

  test('gets no answer without TLS', async () => {
    const edge = await openEdge();
    const { host, port } = edge.server.address;
    const received = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connectPlain({ host, port }, () => socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'));
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      socket.on('close', () => resolve(text)).on('error', () => undefined);
    });
    expect(received).not.toContain('HTTP/1.1');
  });

  test('that never begins TLS is ended', async () => {
    const edge = await openEdge({ handshakeMs: 100 });
    const { host, port } = edge.server.address;
    const started = performance.now();
    await new Promise((resolve) => {
      connectPlain({ host, port })
        .on('close', resolve)
        .on('error', () => undefined)
        .resume();
    });
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('a new certificate', () => {
  test('is presented to new connections, while open ones go on', async () => {
    const edge = await openEdge();
    const agent = keepAliveAgent();
    const sockets: unknown[] = [];
    agent.on('free', (socket) => sockets.push(socket));
    await post(edge, '/validate', { agent });
    const before = await presented(edge);
    edge.certificates.replace(await anotherPair());
    const after = await presented(edge);
    expect(after).not.toBe(before);
    expect(await post(edge, '/validate', { agent })).toMatchObject({ status: 200 });
    await expect.poll(() => sockets.length).toBe(2);
    expect(sockets[1]).toBe(sockets[0]);
    // `free` is emitted with the TLS socket of the request.
    expect((sockets[0] as TLSSocket).getPeerCertificate().fingerprint256).toBe(before);
    agent.destroy();
  });

  test('does not disturb a request that is being judged', async () => {
    const edge = await openEdge();
    let answer = (): void => undefined;
    edge.reviewer.review = () => new Promise((resolve) => (answer = () => resolve({ httpStatus: 200, body: '{}' })));
    const held = post(edge);
    await expect.poll(() => edge.reviewer.reviewed.length).toBe(1);
    edge.certificates.replace(await anotherPair());
    answer();
    expect(await held).toMatchObject({ status: 200, text: '{}' });
  });

  test('that cannot be used is said so, and the one before it stays', async () => {
    const edge = await openEdge();
    const before = await presented(edge);
    edge.certificates.replace({ cert: 'no certificate', key: 'no key' });
    expect(edge.errors).toEqual(['serving certificate cannot be used; the one before it stays']);
    expect(await presented(edge)).toBe(before);
    expect(await send(edge, '/healthz')).toMatchObject({ status: 200 });
  });

  test('keeps old versions of TLS out, too', async () => {
    const edge = await openEdge();
    edge.certificates.replace(await anotherPair());
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(tlsSocket(edge, old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });
});
