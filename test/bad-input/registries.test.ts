/** Registries that lie, stall, send without end or lead in circles, asked for signatures, payloads and tokens. */
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { alwaysChallenge, endless, hang, html, status } from '../../src/demo/registry/faults.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import type { FailureCode } from '../../src/kernel/failure.ts';
import { nameOf, openGate, podOf, pushSigned, type Gate } from './gate.ts';
import { anyToken, boundless, circle, tokenChallenge, unwilling, wrongContent, type Case } from './hostile-registry.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate();
});
afterEach(() => gate.registry.reset());
afterAll(() => gate.close());

let count = 0;

/** A repository that the registry client has never seen. */
function freshRepository(): string {
  return `key/hostile-${(count += 1)}`;
}

describe('a registry that, asked for the signatures of an image,', () => {
  test.each([...unwilling, ...boundless, ...wrongContent])('$about', async ({ fault, code, says, timeout = 10 }) => {
    const repository = freshRepository();
    const image = pushSigned(gate, repository);
    gate.registry.inject(new RegExp(`/${repository}/`), fault(gate.registry.url));
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
    gate.registry.inject(new RegExp(`/${repository}/blobs/`), fault(gate.registry.url));
    gate.registry.inject(/\/token/, anyToken);
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });
});

describe('a token service that', () => {
  test.each<Case>([
    { about: 'sends HTML', fault: () => html(), code: 'REGISTRY_RESPONSE_INVALID', says: /web page|no token/ },
    { about: 'sends no token', fault: () => status(200, '{}'), code: 'REGISTRY_RESPONSE_INVALID', says: /no token/ },
    {
      about: 'sends a token that would be two headers',
      fault: () => status(200, JSON.stringify({ token: 'a\r\nhost: b' })),
      code: 'REGISTRY_RESPONSE_INVALID',
      says: /no token/,
    },
    {
      about: 'sends without end',
      fault: () => endless(),
      code: 'REGISTRY_RESPONSE_TOO_LARGE',
      says: /more than \d+ bytes/,
    },
    {
      about: 'redirects in a circle',
      fault: () => circle(),
      code: 'REGISTRY_RESPONSE_INVALID',
      says: /redirects more than 5/,
    },
    { about: 'wants a token', fault: tokenChallenge, code: 'REGISTRY_DENIED', says: /401|denied|credentials/i },
    { about: 'never answers', fault: () => hang(), code: 'DEADLINE_EXCEEDED', says: /within the time/, timeout: 1 },
  ])('$about', async ({ fault, code, says, timeout = 10 }) => {
    const repository = freshRepository();
    const image = pushSigned(gate, repository);
    gate.registry.inject(new RegExp(`/v2/${repository}/`), tokenChallenge(gate.registry.url));
    gate.registry.inject(/\/token/, fault(gate.registry.url));
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
