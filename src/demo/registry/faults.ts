/**
 * Ways in which a registry misbehaves, for tests: each takes the place of the registry's own answer. They are used
 * through `DemoRegistry.inject`; the registry itself knows nothing of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './serve.ts';

const chunk = Buffer.alloc(64 * 1024, 0x20);

export function status(
  code: number,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): Fault {
  return (_request, response) => {
    response.writeHead(code, headers).end(body);
  };
}

export function html(code = 200): Fault {
  return status(code, '<!doctype html><title>Log in</title>', { 'content-type': 'text/html; charset=utf-8' });
}

export function tooManyRequests(retryAfter?: string): Fault {
  const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}';
  return status(429, body, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
}

export function redirect(to: string, code = 307): Fault {
  return status(code, '', { location: to });
}

/** Asks for credentials whatever it is given. */
export function alwaysChallenge(challenge: string): Fault {
  return status(401, '', { 'www-authenticate': challenge });
}

export function delayed(ms: number): Fault {
  return async (_request, _response, answer) => {
    await sleep(ms);
    await answer();
  };
}

/** Takes the request and never answers. */
export function hang(): Fault {
  return () => undefined;
}

/** Closes the connection without a word. */
export function reset(): Fault {
  return (request) => {
    request.socket.destroy();
  };
}

/** Announces more bytes than it sends. */
export function truncated(): Fault {
  return (request, response) => {
    response.writeHead(200, { 'content-length': '1000', 'content-type': 'application/octet-stream' });
    response.write('{"schemaVersion":2', () => request.socket.destroy());
  };
}

/** One byte a time, for ever. */
export function trickle(everyMs = 20): Fault {
  return async (request, response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' });
    // The answer to HEAD has no body, and takes what is written at once, without end.
    if (request.method === 'HEAD') return void response.end();
    while (!request.socket.destroyed) {
      response.write(' ');
      await sleep(everyMs);
    }
  };
}

/** Bytes without end, as fast as they are taken; `onSent` is told how many went out. */
export function endless(onSent: (bytes: number) => void = () => undefined): Fault {
  return async (request, response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' });
    while (!request.socket.destroyed) {
      onSent(chunk.length);
      if (!response.write(chunk)) await Promise.race([drained(response), sleep(100)]);
    }
  };
}

/** A body of `bytes` bytes; with `announce`, its length stands in the header. */
export function huge(bytes: number, announce: boolean): Fault {
  return async (request, response) => {
    const length = announce ? { 'content-length': String(bytes) } : {};
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json', ...length });
    for (let sent = 0; sent < bytes && !request.socket.destroyed; sent += chunk.length) {
      if (!response.write(chunk)) await Promise.race([drained(response), sleep(100)]);
    }
    response.end();
  };
}

function drained(response: Parameters<Fault>[1]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve);
  return promise;
}
