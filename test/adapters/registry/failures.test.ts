import { describe, expect, test } from 'vitest';
import { AddressRefused } from '../../../src/adapters/registry/addresses.ts';
import { connectionFailure, problemOf } from '../../../src/adapters/registry/failures.ts';
import type { Answer } from '../../../src/adapters/registry/send.ts';

const url = new URL('https://registry.example/v2/');
const open = new AbortController().signal;
const withCode = (code: string): Error => Object.assign(new Error('for people only'), { code });

function answer(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Answer {
  return { url, status, headers, body: Buffer.from(body) };
}

describe('a broken connection', () => {
  test.each([
    [withCode('ECONNREFUSED'), 'REGISTRY_UNREACHABLE', true, 'it refuses connections'],
    [withCode('ENOTFOUND'), 'REGISTRY_UNREACHABLE', true, 'its name is not known'],
    [withCode('EHOSTUNREACH'), 'REGISTRY_UNREACHABLE', true, 'the connection broke (EHOSTUNREACH)'],
    [new Error('no code'), 'REGISTRY_UNREACHABLE', true, 'the connection broke'],
    [new AggregateError([withCode('ECONNREFUSED')]), 'REGISTRY_UNREACHABLE', true, 'it refuses connections'],
    ['not even an error', 'REGISTRY_UNREACHABLE', true, 'the connection broke'],
    [withCode('UND_ERR_CONNECT_TIMEOUT'), 'REGISTRY_TIMEOUT', false, 'did not answer in time'],
    [withCode('SELF_SIGNED_CERT_IN_CHAIN'), 'REGISTRY_UNREACHABLE', false, '--registry-ca'],
    [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'REGISTRY_UNREACHABLE', false, '--registry-ca'],
    [withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'REGISTRY_UNREACHABLE', false, '--registry-ca'],
    [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), 'REGISTRY_UNREACHABLE', false, '--insecure-registry'],
    [new AddressRefused(), 'REGISTRY_UNREACHABLE', false, 'its address belongs to this machine'],
    [withCode('UND_ERR_HEADERS_OVERFLOW'), 'REGISTRY_RESPONSE_INVALID', false, 'proper HTTP'],
  ])('%s', (error, code, again, sentence) => {
    const found = connectionFailure(error, url, open);
    expect(found).toMatchObject({ failure: { code }, again });
    expect(found.failure.message).toContain('registry registry.example ');
    expect(found.failure.message).toContain(sentence);
  });

  test('that we ended ourselves is a matter of time', () => {
    const { failure, again } = connectionFailure(withCode('UND_ERR_ABORTED'), url, AbortSignal.abort());
    expect([failure.code, again]).toEqual(['REGISTRY_TIMEOUT', false]);
  });
});

describe('what a registry says', () => {
  test('stands in the sentence', () => {
    const body = '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}';
    expect(problemOf(answer(403, body))?.message).toBe(
      'registry registry.example answered 403 (DENIED: requested access is denied): check that the image exists, and the pull secret or --docker-config for this registry',
    );
  });

  test.each([
    ['control characters', '{"errors":[{"code":"\\u001b[2J","message":"a\\nb"}]}'],
    ['a page of text', JSON.stringify({ errors: [{ code: 'X', message: 'x'.repeat(60_000) }] })],
    ['no errors', '{"errors":[]}'],
    ['errors of another form', '{"errors":["no",null,{"code":1}]}'],
    ['a list', '[]'],
    ['no JSON', '<html>'],
  ])('cannot harm whoever reads it: %s', (_name, body) => {
    const message = problemOf(answer(500, body))?.message ?? '';
    expect(message.length).toBeLessThan(500);
    expect(message).toMatch(/^registry registry\.example answered 500[\x20-\x7e…]*$/);
  });

  test.each([
    [200, undefined],
    [401, 'REGISTRY_DENIED'],
    [403, 'REGISTRY_DENIED'],
    [429, 'REGISTRY_RATE_LIMITED'],
    [500, 'REGISTRY_UNREACHABLE'],
    [302, 'REGISTRY_RESPONSE_INVALID'],
  ])('%d', (status, code) => {
    expect(problemOf(answer(status))?.code).toBe(code);
  });
});
