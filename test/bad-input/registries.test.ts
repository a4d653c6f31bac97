/** Registries that lie, stall, send without end or lead in circles, asked for a tag, a signature and its payload. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
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
import { pushImage } from '../../src/demo/registry/images.ts';
import type { Fault } from '../../src/demo/registry/serve.ts';
import type { FailureCode } from '../../src/kernel/failure.ts';
import { nameOf, openGate, podOf, pushSigned, sign, type Gate } from './gate.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate();
});
afterEach(() => gate.registry.reset());
afterAll(() => gate.close());

interface Case {
  readonly about: string;
  readonly fault: () => Fault;
  readonly code: FailureCode;
  readonly says: RegExp;
  /** Seconds that the API server would wait. */
  readonly timeout?: number;
}

const wrongBytes = '{"schemaVersion":2,"layers":[]}';
const wrongDigest = `sha256:${createHash('sha256').update('other').digest('hex')}`;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const bomb = gzipSync(Buffer.alloc(200_000_000));
const anyToken = status(200, '{"token":"never-enough"}');
const megabytes = 1_000_000;

/** Whatever it is asked for. */
const unwilling: readonly Case[] = [
  {
    about: 'never answers',
    fault: hang,
    code: 'DEADLINE_EXCEEDED',
    says: /within the time/,
    timeout: 1,
  },
  { about: 'closes the connection', fault: reset, code: 'REGISTRY_UNREACHABLE', says: /connection broke/ },
  { about: 'redirects in a circle', fault: circle, code: 'REGISTRY_RESPONSE_INVALID', says: /redirects more than 5/ },
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
    fault: () => alwaysChallenge(`Bearer realm="${gate.registry.url}/token",service="s"`),
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
const boundless: readonly Case[] = [
  {
    about: 'sends a byte now and then',
    fault: trickle,
    code: 'DEADLINE_EXCEEDED',
    says: /within the time/,
    timeout: 1,
  },
  { about: 'sends without end', fault: endless, code: 'REGISTRY_RESPONSE_TOO_LARGE', says: /more than \d+ bytes/ },
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
  { about: 'ends in the middle', fault: truncated, code: 'REGISTRY_UNREACHABLE', says: /connection broke/ },
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

function circle(): Fault {
  return (request, response) => {
    response.writeHead(307, { location: request.url }).end();
  };
}

const otherBytes = /its bytes are not those of sha256:|its list of referrers is not an image index/;

/** Asked for content of a digest. */
const wrongContent: readonly Case[] = [
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
  { about: 'sends HTML', fault: html, code: 'REGISTRY_RESPONSE_INVALID', says: /it sent a web page/ },
  {
    about: 'sends a gzip bomb',
    fault: () => status(200, bomb, { 'content-encoding': 'gzip', 'content-type': manifestType }),
    code: 'REGISTRY_RESPONSE_INVALID',
    says: /it compressed its answer/,
  },
];

let count = 0;

/** A repository that the registry client has never seen. */
function freshRepository(): string {
  return `key/hostile-${(count += 1)}`;
}

describe('a registry that, asked for the digest of a tag,', () => {
  const tagged = (): { readonly repository: string; readonly image: string } => {
    const repository = freshRepository();
    sign(gate, { repository, ...pushImage(gate.registry, { repository, tag: '1.0' }) });
    return { repository, image: `${gate.registry.host}/${repository}:1.0` };
  };

  test.each(unwilling)('$about', async ({ fault, code, says, timeout = 10 }) => {
    const { repository, image } = tagged();
    gate.registry.inject(new RegExp(`/${repository}/manifests/1.0`), fault());
    gate.registry.inject(/\/token/, anyToken);
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });

  test.each(boundless)('knows no HEAD and $about', async ({ fault, code, says, timeout = 10 }) => {
    const { repository, image } = tagged();
    gate.registry.inject(new RegExp(`HEAD /v2/${repository}/manifests/1.0`), status(405));
    gate.registry.inject(new RegExp(`GET /v2/${repository}/manifests/1.0`), fault());
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });

  test.each(unwilling)('$about: the tag stays a tag', async ({ fault }) => {
    const { repository, image } = tagged();
    gate.registry.inject(new RegExp(`/${repository}/manifests/1.0`), fault());
    gate.registry.inject(/\/token/, anyToken);
    await gate.assertLeftAlone({ body: podOf(image), timeout: 1 });
  });

  test('names another digest', async () => {
    const { repository, image } = tagged();
    gate.registry.inject(/manifests\/1.0/, status(200, wrongBytes, { 'docker-content-digest': wrongDigest }));
    const expected = { code: 'IMAGE_NOT_PINNED', says: new RegExp(repository) } as const;
    await gate.assertRefused({ body: podOf(image) }, expected);
  });
});

describe('a registry that, asked for the signatures of an image,', () => {
  test.each([...unwilling, ...boundless, ...wrongContent])('$about', async ({ fault, code, says, timeout = 10 }) => {
    const repository = freshRepository();
    const image = pushSigned(gate, repository);
    gate.registry.inject(new RegExp(`/${repository}/`), fault());
    gate.registry.inject(/\/token/, anyToken);
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });
});

/** The payload that cosign writes by default is known without asking. */
function pushSignedOddly(repository: string): string {
  const { registry, key } = gate;
  const image = { repository, digest: pushImage(registry, { repository }).digest };
  attachLegacy(registry, image, [signLegacy(simpleSigningPayload(registry.host, image, { build: '7' }), key)]);
  return nameOf(gate, image);
}

describe('a registry that, asked for what was signed,', () => {
  test.each([...unwilling, ...boundless, ...wrongContent])('$about', async ({ fault, code, says, timeout = 10 }) => {
    const repository = freshRepository();
    const image = pushSignedOddly(repository);
    gate.registry.inject(new RegExp(`/${repository}/blobs/`), fault());
    gate.registry.inject(/\/token/, anyToken);
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });
});

describe('a token service that', () => {
  test.each<Case>([
    { about: 'sends HTML', fault: html, code: 'REGISTRY_RESPONSE_INVALID', says: /web page|no token/ },
    { about: 'sends no token', fault: () => status(200, '{}'), code: 'REGISTRY_RESPONSE_INVALID', says: /no token/ },
    {
      about: 'sends a token that would be two headers',
      fault: () => status(200, JSON.stringify({ token: 'a\r\nhost: b' })),
      code: 'REGISTRY_RESPONSE_INVALID',
      says: /no token/,
    },
    { about: 'sends without end', fault: endless, code: 'REGISTRY_RESPONSE_TOO_LARGE', says: /more than \d+ bytes/ },
    { about: 'redirects in a circle', fault: circle, code: 'REGISTRY_RESPONSE_INVALID', says: /redirects more than 5/ },
    { about: 'wants a token', fault: challenge, code: 'REGISTRY_DENIED', says: /401|denied|credentials/i },
    { about: 'never answers', fault: hang, code: 'DEADLINE_EXCEEDED', says: /within the time/, timeout: 1 },
  ])('$about', async ({ fault, code, says, timeout = 10 }) => {
    const repository = freshRepository();
    const image = pushSigned(gate, repository);
    gate.registry.inject(new RegExp(`/v2/${repository}/`), challenge());
    gate.registry.inject(/\/token/, fault());
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });

  test.each<readonly [string, FailureCode, RegExp]>([
    ['http://169.254.169.254/token', 'REGISTRY_UNREACHABLE', /169\.254/],
    ['https://10.0.0.1/token', 'REGISTRY_UNREACHABLE', /10\.0\.0\.1/],
    ['file:///etc/passwd', 'REGISTRY_DENIED', /answered 401/],
  ])('is said to be at %s', async (realm, code, says) => {
    const repository = freshRepository();
    const image = pushSigned(gate, repository);
    gate.registry.inject(new RegExp(`/v2/${repository}/`), alwaysChallenge(`Bearer realm="${realm}"`));
    await gate.assertRefused({ body: podOf(image) }, { code, says });
  });

  function challenge(): Fault {
    return alwaysChallenge(`Bearer realm="${gate.registry.url}/token",service="s"`);
  }
});

test('a list of referrers that goes on for ever is read to an end', async () => {
  const repository = freshRepository();
  const { digest } = pushImage(gate.registry, { repository });
  const type = 'application/vnd.oci.image.index.v1+json';
  const page = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] });
  gate.registry.inject(new RegExp(`/${repository}/referrers/`), (request, response) => {
    response.writeHead(200, { 'content-type': type, link: `<${request.url}>; rel="next"` }).end(page);
  });
  const question = { body: podOf(nameOf(gate, { repository, digest })) };
  await gate.assertRefused(question, { code: 'REGISTRY_RESPONSE_INVALID', says: /pages/ });
});
