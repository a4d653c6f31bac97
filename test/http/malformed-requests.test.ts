import { afterEach, describe, expect, test } from 'vitest';
import { closeEdges, openEdge, sendRaw } from './edge.ts';

afterEach(closeEdges);

const start = 'POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const hidden = `${start}Content-Length: 6\r\n\r\nhidden`;

/** Where two readers could disagree on the end of a request, a second one could hide in the first. RFC 9112 §6.3, §11.2 */
describe('a request with more than one possible end', () => {
  test.each([
    { name: 'length and chunks', bytes: `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n` },
    { name: 'chunks and length', bytes: `${start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n` },
    { name: 'two lengths', bytes: `${start}Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}` },
    { name: 'a list of lengths', bytes: `${start}Content-Length: 2, 2\r\n\r\n{}` },
    { name: 'a length with a sign', bytes: `${start}Content-Length: +2\r\n\r\n{}` },
    { name: 'a negative length', bytes: `${start}Content-Length: -2\r\n\r\n{}` },
    { name: 'a hexadecimal length', bytes: `${start}Content-Length: 0x2\r\n\r\n{}` },
    { name: 'a length beyond all numbers', bytes: `${start}Content-Length: 99999999999999999999999\r\n\r\n{}` },
    { name: 'a space before the colon', bytes: `${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n` },
    {
      name: 'a folded header',
      bytes: `${start}X: y\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
    },
    {
      name: 'chunks that are not the last coding',
      bytes: `${start}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    },
    { name: 'an unknown coding', bytes: `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n` },
    { name: 'a chunk size with a sign', bytes: `${start}Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n` },
    { name: 'a chunk longer than its size', bytes: `${start}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n` },
    {
      name: 'a bare carriage return',
      bytes: `${start}X: y\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}`,
    },
    { name: 'a zero byte in a header', bytes: `${start}X: \0\r\nContent-Length: 2\r\n\r\n{}` },
  ])('($name) is refused, and nothing after it is read', async ({ bytes }) => {
    const edge = await openEdge();
    const received = await sendRaw(edge, bytes + hidden);
    expect(edge.reviewer.reviewed.map(({ text }) => text)).not.toContain('hidden');
    expect(received).not.toMatch(/"allowed":true/);
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).not.toMatch(/HTTP\/1\.1 200 /);
  });

  test('after an unread one gets no answer: the connection ends with the first', async () => {
    const edge = await openEdge();
    const unread =
      'POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n{}{}';
    const received = await sendRaw(edge, unread + hidden);
    expect(received).toMatch(/^HTTP\/1\.1 400 [^]*"allowed":false/);
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('a request that is well framed', () => {
  test('may be followed by another one at once', async () => {
    const edge = await openEdge();
    await sendRaw(edge, hidden + hidden, 300);
    expect(edge.reviewer.reviewed.map(({ text }) => text)).toEqual(['hidden', 'hidden']);
  });

  test('cannot say by another header which path it is for', async () => {
    const edge = await openEdge();
    const bytes = `POST /nothing HTTP/1.1\r\nHost: a\r\nX-Original-URL: /validate\r\nX-HTTP-Method-Override: POST\r\nContent-Length: 0\r\n\r\n`;
    expect(await sendRaw(edge, bytes, 300)).toMatch(/^HTTP\/1\.1 404 /);
    expect(edge.reviewer.reviewed).toEqual([]);
  });

  test.each([
    { name: 'no Host', bytes: 'POST /validate HTTP/1.1\r\nContent-Length: 0\r\n\r\n', status: 400 },
    { name: 'headers without measure', bytes: `${start}X: ${'y'.repeat(100_000)}\r\n\r\n`, status: 431 },
    { name: 'no HTTP at all', bytes: '\u0016\u0003\u0001\u0002\u0000\r\n\r\n', status: 400 },
  ])('with $name is answered $status', async ({ bytes, status }) => {
    const edge = await openEdge();
    expect(await sendRaw(edge, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(edge.reviewer.reviewed).toEqual([]);
  });

  test('is not upgraded to another protocol', async () => {
    const edge = await openEdge();
    const bytes = 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(await sendRaw(edge, bytes, 300)).not.toMatch(/^HTTP\/1\.1 101 /);
  });
});
