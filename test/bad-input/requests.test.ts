/** What arrives at the webhook is not what an API server sends, or names images as nobody should. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pushImage } from '../../src/demo/registry/images.ts';
import type { Digest } from '../../src/kernel/digest.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { openGate, podOf, reviewOf, sign, type Expected, type Gate, type Question } from './gate.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate.close());

const paths = ['/mutate', '/validate'] as const;
const bomb = gzipSync(Buffer.alloc(100_000_000));
const malformed = 'REQUEST_MALFORMED';

/** A good request, with other members. */
function changed(members: object): string {
  return JSON.stringify({ ...reviewOf(gate.good), ...members });
}

function changedRequest(members: object): string {
  return changed({ request: { ...asRecord(reviewOf(gate.good)['request']), ...members } });
}

const nested = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

describe.each(paths)('%s', (path) => {
  test.each<readonly [string, () => Omit<Question, 'path'>, Expected]>([
    ['no body', () => ({ body: '' }), { code: malformed, says: /AdmissionReview/, http: 400 }],
    ['text', () => ({ body: 'let me in' }), { code: malformed, says: /JSON/, http: 400 }],
    ['binary', () => ({ body: Buffer.alloc(4096, 0xff) }), { code: malformed, says: /UTF-8/, http: 400 }],
    ['half a body', () => ({ body: podOf(gate.good).slice(0, -9) }), { code: malformed, says: /JSON/, http: 400 }],
    ['a list', () => ({ body: '[]' }), { code: malformed, says: /it is/, http: 400 }],
    ['objects in objects', () => ({ body: nested(100_000) }), { code: malformed, says: /nested/, http: 400 }],
    [
      'ten megabytes',
      () => ({ body: changedRequest({ options: 'x'.repeat(10_000_000) }) }),
      { code: 'REQUEST_TOO_LARGE', says: /8388608 bytes/, http: 413 },
    ],
    [
      'a gzip bomb',
      () => ({ body: bomb, headers: { 'content-encoding': 'gzip' } }),
      { code: 'REQUEST_UNSUPPORTED', says: /without content encoding/, http: 415 },
    ],
    [
      'YAML',
      () => ({ body: 'kind: AdmissionReview', headers: { 'content-type': 'application/yaml' } }),
      { code: 'REQUEST_UNSUPPORTED', says: /application\/json/, http: 415 },
    ],
    ['another kind', () => ({ body: changed({ kind: 'Pod' }) }), { code: malformed, says: /its kind is "Pod"/ }],
    [
      'an old version',
      () => ({ body: changed({ apiVersion: 'admission.k8s.io/v1beta1' }) }),
      { code: malformed, says: /admissionReviewVersions: \[v1\]/ },
    ],
    ['no request', () => ({ body: changed({ request: null }) }), { code: malformed, says: /request is/, http: 400 }],
    [
      'no uid',
      () => ({ body: changedRequest({ uid: undefined }) }),
      { code: malformed, says: /request\.uid/, http: 400 },
    ],
    [
      'an empty uid',
      () => ({ body: changedRequest({ uid: '' }) }),
      { code: malformed, says: /request\.uid/, http: 400 },
    ],
    ['no object', () => ({ body: changedRequest({ object: null }) }), { code: malformed, says: /request\.object/ }],
    [
      'a text as object',
      () => ({ body: changedRequest({ object: 'Pod' }) }),
      { code: malformed, says: /request\.object/ },
    ],
    ['no operation', () => ({ body: changedRequest({ operation: 'READ' }) }), { code: malformed, says: /"READ"/ }],
    [
      'an unknown resource',
      () => ({ body: changedRequest({ resource: { group: 'shop.example', version: 'v1', resource: 'carts' } }) }),
      { code: 'REQUEST_UNSUPPORTED', says: /carts/ },
    ],
    [
      'an unknown version of a known resource',
      () => ({ body: changedRequest({ resource: { group: '', version: 'v9', resource: 'pods' } }) }),
      { code: 'REQUEST_UNSUPPORTED', says: /v9/ },
    ],
    [
      'a key that occurs twice',
      () => ({ body: podOf(gate.good).replace('"image":', '"image":"evil.example/x","image":') }),
      { code: malformed, says: /"image".* twice/, http: 400 },
    ],
    [
      'a key that occurs twice, once with escapes',
      () => ({ body: podOf(gate.good).replace('"image":', String.raw`"im\u0061ge":"evil.example/x","image":`) }),
      { code: malformed, says: /"image".* twice/, http: 400 },
    ],
    [
      'a text as containers',
      () => ({ body: changedRequest({ object: { spec: { containers: 'all' } } }) }),
      { code: malformed, says: /containers/ },
    ],
    [
      'ten thousand containers',
      () => ({
        body: changedRequest({
          object: { spec: { containers: Array.from({ length: 10_000 }, () => ({ image: 'a' })) } },
        }),
      }),
      { code: malformed, says: /more than/ },
    ],
  ])('refuses %s', async (_what, question, expected) => {
    await gate.assertRefused({ path, ...question() }, expected);
  });
});

describe('names of images', () => {
  const digest = `sha256:${'0'.repeat(64)}`;

  test.each<readonly [string, (host: string) => unknown]>([
    ['a space', () => ' '],
    ['upper case', (host) => `${host}/key/Good@${digest}`],
    ['Cyrillic letters that look like Latin ones', (host) => `${host}/k\u0435y/good@${digest}`],
    ['a full-width letter', (host) => `${host}/key/\uff47ood@${digest}`],
    ['emoji', (host) => `${host}/key/\u{1f511}@${digest}`],
    ['text that runs from right to left', (host) => `${host}/key/\u202egood@${digest}`],
    ['half a character', (host) => `${host}/key/\ud83d@${digest}`],
    ['a parent folder', (host) => `${host}/key/../key/good@${digest}`],
    ['an encoded parent folder', (host) => `${host}/key/%2e%2e/good@${digest}`],
    ['two slashes', (host) => `${host}//key/good@${digest}`],
    ['a protocol', (host) => `http://${host}/key/good@${digest}`],
    ['a user', (host) => `me@${host}/key/good`],
    ['a query', (host) => `${host}/key/good?x=1@${digest}`],
    ['a line feed', (host) => `${host}/key/good@${digest}\n`],
    ['a null character', (host) => `${host}/key/good\0@${digest}`],
    ['10 kB', (host) => `${host}/key/${'a'.repeat(10_000)}@${digest}`],
    ['a short digest', (host) => `${host}/key/good@sha256:0000`],
    ['a digest in upper case', (host) => `${host}/key/good@sha256:${'A'.repeat(64)}`],
    ['an unknown hash', (host) => `${host}/key/good@md5:${'0'.repeat(32)}`],
    ['two digests', (host) => `${host}/key/good@${digest}@${digest}`],
    ['a port that is none', () => `127.0.0.1:99999999/key/good@${digest}`],
  ])('with %s are refused', async (_what, name) => {
    gate.registry.reset();
    const image = name(gate.registry.host);
    await gate.assertRefused(
      { body: podOf(image) },
      { code: 'IMAGE_REFERENCE_INVALID', says: /spec\.containers\[0\]\.image/ },
    );
    // The good image afterwards is asked about, and nothing else.
    expect(gate.registry.log().filter(({ path }) => !path.startsWith('/v2/key/fresh-'))).toEqual([]);
  });

  test.each([
    ['nothing', ''],
    ['a number', 7],
    ['a list', ['a']],
    ['an object', {}],
  ])('that are %s are refused', async (_what, image) => {
    await gate.assertRefused({ body: podOf(image) }, { code: 'IMAGE_MISSING', says: /spec\.containers\[0\]\.image/ });
  });
});

describe('a tag beside a digest', () => {
  const repository = 'key/tagged';
  const named = (tag: string, digest: Digest): string => `${gate.registry.host}/${repository}:${tag}@${digest}`;
  let signed: Digest;
  let unsigned: Digest;

  beforeAll(() => {
    signed = pushImage(gate.registry, { repository, tag: 'signed' }).digest;
    unsigned = pushImage(gate.registry, { repository, tag: 'unsigned', architecture: 'arm64' }).digest;
    sign(gate, { repository, digest: signed });
  });

  test.each(['signed', 'unsigned', 'unknown'])('is of no account (%s): the digest is what runs', async (tag) => {
    await gate.assertAdmitted({ body: podOf(named(tag, signed)) });
  });

  test.each(['signed', 'unsigned', 'unknown'])('does not help a digest that nobody signed (%s)', async (tag) => {
    await gate.assertRefused({ body: podOf(named(tag, unsigned)) }, { code: 'SIGNATURE_MISSING', says: /signature/ });
  });

  test('does not lend a digest the signature from another repository', async () => {
    const image = named('signed', signed).replace(repository, 'key/another');
    await gate.assertRefused({ body: podOf(image) }, { code: 'SIGNATURE_MISSING', says: /signature/ });
  });
});
