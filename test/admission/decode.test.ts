import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, parseBody, uidOf, type AdmissionRequest } from '../../src/admission/decode.ts';
import type { Result } from '../../src/kernel/result.ts';

type Changes = Readonly<Record<string, unknown>>;

const request = {
  uid: 'u-1',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  name: 'app',
  namespace: 'team',
  operation: 'CREATE',
  userInfo: { username: 'somebody' },
  object: { spec: {} },
};

function reviewOf(changes: Changes): unknown {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { ...request, ...changes } };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function messageOf(result: Result<unknown>): string {
  expect(result).toMatchObject({ ok: false, failure: { code: 'REQUEST_MALFORMED' } });
  return result.ok ? '' : result.failure.message;
}

describe('the bytes of a body', () => {
  test.each([
    ['nothing', bytes(''), 'not valid JSON'],
    ['no JSON', bytes('uid: 1'), 'not valid JSON'],
    ['half of it', bytes('{"request":{"uid":"u"'), 'not valid JSON'],
    ['two bodies', bytes('{}{}'), 'not valid JSON'],
    ['a byte order mark', bytes('\u{feff}{}'), 'not valid JSON'],
    ['Latin-1', Uint8Array.of(0x22, 0xe9, 0x22), 'not valid UTF-8'],
    ['a key named twice', bytes('{"request":{"object":{},"object":{"spec":{}}}}'), '"object" occurs twice'],
    ['a key named twice, once escaped', bytes(String.raw`{"image":"a","im\u0061ge":"b"}`), '"image" occurs twice'],
    ['lists in lists', bytes('['.repeat(1_001) + ']'.repeat(1_001)), 'deeper than 1000 levels'],
    ['more items than an object of the API server can have', bytes(`[${'[],'.repeat(600_000)}1]`), 'more than 500000'],
    ['objects in objects', bytes('{"a":'.repeat(200_000) + '1' + '}'.repeat(200_000)), 'deeper than 1000 levels'],
  ])('are refused: %s', (_title, body, why) => {
    expect(messageOf(parseBody(body))).toContain(why);
  });

  test('may nest a thousand levels, and hold brackets in texts', () => {
    const deep = '['.repeat(1_000) + ']'.repeat(1_000);
    const brackets = JSON.stringify({ text: '[{,'.repeat(600_000) });

    expect(parseBody(bytes(deep)).ok).toBe(true);
    expect(parseBody(bytes(brackets)).ok).toBe(true);
  });

  test('mean what JSON.parse says they mean', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);

        expect(parseBody(bytes(text))).toStrictEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });
});

describe('an AdmissionReview', () => {
  test('gives what is used of it, and leaves objects alone', () => {
    const oldObject = { spec: { a: 1 } };

    expect(decode(reviewOf({ operation: 'UPDATE', subResource: 'status', dryRun: true, oldObject }))).toStrictEqual({
      ok: true,
      value: {
        uid: 'u-1',
        kind: 'Pod',
        resource: { group: '', version: 'v1', resource: 'pods' },
        subResource: 'status',
        namespace: 'team',
        name: 'app',
        operation: 'UPDATE',
        user: 'somebody',
        dryRun: true,
        object: { spec: {} },
        oldObject,
      } satisfies AdmissionRequest,
    });
  });

  test('may leave out what Go leaves out when it is empty', () => {
    const decoded = decode(
      reviewOf({ name: undefined, namespace: null, userInfo: undefined, oldObject: null, subResource: undefined }),
    );

    expect(decoded).toMatchObject({
      ok: true,
      value: { name: '', namespace: '', user: '', subResource: '', dryRun: false, oldObject: undefined },
    });
  });

  test.each(['DELETE', 'CONNECT'])('needs no object for %s', (operation) => {
    expect(decode(reviewOf({ operation, object: null }))).toMatchObject({ ok: true, value: { object: undefined } });
  });

  test.each<[string, unknown, string]>([
    ['nothing', null, 'it is not an object'],
    ['a list', [], 'it is not an object'],
    ['another kind', { kind: 'Pod', apiVersion: 'v1' }, 'its kind is "Pod"'],
    ['no kind', { request }, 'its kind is not a text'],
    ['v1beta1', { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1beta1' }, 'admissionReviewVersions: [v1]'],
    ['no request', { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' }, 'request is not an object'],
    ['no uid', reviewOf({ uid: undefined }), 'request.uid is not a text'],
    ['an empty uid', reviewOf({ uid: '' }), 'request.uid is empty'],
    ['an endless uid', reviewOf({ uid: 'u'.repeat(1_025) }), 'request.uid is longer'],
    ['no operation', reviewOf({ operation: undefined }), 'request.operation is not a text'],
    ['an operation unheard of', reviewOf({ operation: 'create' }), 'request.operation is "create"'],
    ['creation of nothing', reviewOf({ object: null }), 'request.object is missing'],
    ['an update to nothing', reviewOf({ operation: 'UPDATE', object: undefined }), 'request.object is missing'],
    ['an object that is a list', reviewOf({ object: [] }), 'request.object is not an object'],
    ['an object that is a text', reviewOf({ object: 'Pod' }), 'request.object is not an object'],
    ['an old object that is a list', reviewOf({ operation: 'UPDATE', oldObject: [] }), 'request.oldObject is not'],
    ['no kind of the object', reviewOf({ kind: undefined }), 'request.kind is not an object'],
    ['no resource', reviewOf({ resource: undefined }), 'request.resource is not an object'],
    [
      'a resource without name',
      reviewOf({ resource: { version: 'v1', resource: '' } }),
      'request.resource.resource is empty',
    ],
    [
      'a resource without version',
      reviewOf({ resource: { resource: 'pods' } }),
      'request.resource.version is not a text',
    ],
    ['a group that is a number', reviewOf({ resource: { ...request.resource, group: 7 } }), 'group is not a text'],
    ['a subresource that is a list', reviewOf({ subResource: ['status'] }), 'request.subResource is not a text'],
    ['a namespace that is an object', reviewOf({ namespace: {} }), 'request.namespace is not a text'],
  ])('is refused: %s', (_title, body, why) => {
    expect(messageOf(decode(body))).toContain(why);
  });

  test('shows untrusted text without control characters', () => {
    const message = messageOf(decode({ kind: 'Pod\u001b[2J\n', apiVersion: 'v1' }));

    expect(message).not.toMatch(/\p{Cc}/u);
  });

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        expect(decode(anything).ok).toBe(false);
        expect(decode(reviewOf({ operation: anything, object: anything, resource: anything })).ok).toBe(false);
        expect(uidOf({ request: anything })).toBeTypeOf('string');
      }),
    );
  });
});

describe('the uid', () => {
  test.each<[string, unknown, string]>([
    ['is found in what is otherwise wrong', { request: { uid: 'u-1', operation: 7 } }, 'u-1'],
    ['is empty when there is no request', {}, ''],
    ['is empty when it is no text', { request: { uid: 7 } }, ''],
    ['is empty when it is longer than any uid', { request: { uid: 'u'.repeat(1_025) } }, ''],
    ['is empty when there is nothing', undefined, ''],
  ])('%s', (_title, body, uid) => {
    expect(uidOf(body)).toBe(uid);
  });
});
