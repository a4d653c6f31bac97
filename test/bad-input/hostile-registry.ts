/** Ways in which registries fail whoever asks them, each with the code and the sentence that it has to become. */
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  alwaysChallenge,
  endless,
  hang,
  html,
  huge,
  redirect,
  reset,
  status,
  tooManyRequests,
  trickle,
  truncated,
} from '../../src/demo/registry/faults.ts';
import type { Fault } from '../../src/demo/registry/serve.ts';
import type { FailureCode } from '../../src/kernel/failure.ts';

export interface Case {
  readonly about: string;
  readonly fault: (registryUrl: string) => Fault;
  readonly code: FailureCode;
  readonly says: RegExp;
  /** Seconds that the API server would wait. */
  readonly timeout?: number;
}

export const wrongBytes = '{"schemaVersion":2,"layers":[]}';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const bomb = gzipSync(Buffer.alloc(200_000_000));
export const anyToken = status(200, '{"token":"never-enough"}');
const megabytes = 1_000_000;

/** Whatever it is asked for. */
export const unwilling: readonly Case[] = [
  {
    about: 'never answers',
    fault: () => hang(),
    code: 'DEADLINE_EXCEEDED',
    says: /within the time/,
    timeout: 1,
  },
  { about: 'closes the connection', fault: () => reset(), code: 'REGISTRY_UNREACHABLE', says: /connection broke/ },
  {
    about: 'redirects in a circle',
    fault: () => circle(),
    code: 'REGISTRY_RESPONSE_INVALID',
    says: /redirects more than 5/,
  },
  {
    about: 'redirects to a chain without end',
    fault: () => (request, response) => {
      response.writeHead(302, { location: `${request.url}0` }).end();
    },
    code: 'REGISTRY_RESPONSE_INVALID',
    says: /redirects more than 5/,
  },
  {
    about: 'redirects to the address of cloud credentials',
    fault: () => redirect('http://169.254.169.254/latest/meta-data/iam/'),
    code: 'REGISTRY_UNREACHABLE',
    says: /169\.254\.169\.254/,
  },
  {
    about: 'redirects to a file',
    fault: () => redirect('file:///etc/passwd'),
    code: 'REGISTRY_UNREACHABLE',
    says: /HTTPS/,
  },
  {
    about: 'challenges for ever',
    fault: tokenChallenge,
    code: 'REGISTRY_DENIED',
    says: /401|denied|credentials/i,
  },
  {
    about: 'wants a password for ever',
    fault: () => alwaysChallenge('Basic realm="x"'),
    code: 'REGISTRY_DENIED',
    says: /401|denied|credentials/i,
  },
  {
    about: 'has a challenge of 20 kB',
    fault: () => alwaysChallenge(`Bearer ${'realm="https://a.example/",'.repeat(800)}`),
    code: 'REGISTRY_DENIED',
    says: /401|denied|credentials/i,
  },
  { about: 'is busy', fault: () => tooManyRequests(), code: 'REGISTRY_RATE_LIMITED', says: /too many|limit/i },
  {
    about: 'is busy for a thousand years',
    fault: () => tooManyRequests('31536000000'),
    code: 'REGISTRY_RATE_LIMITED',
    says: /too many|limit/i,
  },
  { about: 'forbids', fault: () => status(403), code: 'REGISTRY_DENIED', says: /403|denied|access/i },
  { about: 'is broken', fault: () => status(500, 'x'.repeat(megabytes)), code: 'REGISTRY_UNREACHABLE', says: /500/ },
  {
    about: 'speaks no HTTP',
    fault: () => raw('220 mail.example ESMTP ready\r\n'),
    code: 'REGISTRY_RESPONSE_INVALID',
    says: /does not speak proper HTTP/,
  },
  {
    about: 'sends a megabyte of headers',
    fault: () => raw(`HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(150_000)}`),
    code: 'REGISTRY_RESPONSE_INVALID',
    says: /does not speak proper HTTP/,
  },
  {
    about: 'sends hints without end',
    fault: () => raw('HTTP/1.1 103 Early Hints\r\n\r\n', 5),
    code: 'DEADLINE_EXCEEDED',
    says: /within the time/,
    timeout: 1,
  },
];

/** Asked for content. */
export const boundless: readonly Case[] = [
  {
    about: 'sends a byte now and then',
    fault: () => trickle(),
    code: 'DEADLINE_EXCEEDED',
    says: /within the time/,
    timeout: 1,
  },
  {
    about: 'sends without end',
    fault: () => endless(),
    code: 'REGISTRY_RESPONSE_TOO_LARGE',
    says: /more than \d+ bytes/,
  },
  {
    about: 'sends 100 MB and says so',
    fault: () => huge(100 * megabytes, true),
    code: 'REGISTRY_RESPONSE_TOO_LARGE',
    says: /more than \d+ bytes/,
  },
  {
    about: 'sends 100 MB without saying so',
    fault: () => huge(100 * megabytes, false),
    code: 'REGISTRY_RESPONSE_TOO_LARGE',
    says: /more than \d+ bytes/,
  },
  {
    about: 'says 100 TB',
    fault: () => status(200, 'x', { 'content-length': '100000000000000' }),
    code: 'DEADLINE_EXCEEDED',
    says: /within the time/,
    timeout: 1,
  },
  { about: 'ends in the middle', fault: () => truncated(), code: 'REGISTRY_UNREACHABLE', says: /connection broke/ },
];

/** These bytes in place of an HTTP response, once, or again and again. */
function raw(bytes: string, everyMs?: number): Fault {
  return async ({ socket }) => {
    do {
      socket.write(bytes);
      await sleep(everyMs ?? 0);
    } while (everyMs !== undefined && !socket.destroyed);
    socket.end();
  };
}

export function tokenChallenge(registryUrl: string): Fault {
  return alwaysChallenge(`Bearer realm="${registryUrl}/token",service="s"`);
}

export function circle(): Fault {
  return (request, response) => {
    response.writeHead(307, { location: request.url }).end();
  };
}

const otherBytes = /its bytes are not those of sha256:|its list of referrers is not an image index/;

/** Asked for content of a digest. */
export const wrongContent: readonly Case[] = [
  {
    about: 'sends other bytes',
    fault: () => status(200, wrongBytes),
    code: 'REGISTRY_RESPONSE_INVALID',
    says: otherBytes,
  },
  {
    about: 'sends other bytes under the right digest',
    fault: () => (request, response) => {
      const digest = request.url?.split('/').at(-1) ?? '';
      response.writeHead(200, { 'docker-content-digest': digest, 'content-type': manifestType }).end(wrongBytes);
    },
    code: 'REGISTRY_RESPONSE_INVALID',
    says: otherBytes,
  },
  { about: 'sends HTML', fault: () => html(), code: 'REGISTRY_RESPONSE_INVALID', says: /it sent a web page/ },
  {
    about: 'sends a gzip bomb',
    fault: () => status(200, bomb, { 'content-encoding': 'gzip', 'content-type': manifestType }),
    code: 'REGISTRY_RESPONSE_INVALID',
    says: /it compressed its answer/,
  },
];
