import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerConversion } from '../../src/policy/convert-versions.ts';

const v1alpha1 = 'policy.sigstore.dev/v1alpha1';
const v1beta1 = 'policy.sigstore.dev/v1beta1';

function reviewText(desiredAPIVersion: unknown, objects: string): string {
  const request = `{"uid":"u1","desiredAPIVersion":${JSON.stringify(desiredAPIVersion)},"objects":${objects}}`;
  return `{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","request":${request}}`;
}

function answerTo(text: string): string {
  const answer = answerConversion(Buffer.from(text));
  if (!answer.ok) throw new Error(answer.failure);
  return answer.value;
}

interface Answered {
  readonly response: {
    readonly uid: string;
    readonly result: { readonly status: string; readonly message?: string };
    readonly convertedObjects?: readonly unknown[];
  };
}

function response(text: string): Answered['response'] {
  // What convert-versions.ts writes.
  const { response: given } = JSON.parse(answerTo(text)) as Answered;
  return given;
}

function convert(desired: string, objects: readonly unknown[]): readonly unknown[] {
  const { result, convertedObjects = [] } = response(reviewText(desired, JSON.stringify(objects)));
  expect(result).toEqual({ status: 'Success' });
  return convertedObjects;
}

const logOnly = {
  apiVersion: v1beta1,
  kind: 'ClusterImagePolicy',
  metadata: { name: 'p' },
  spec: {
    images: [{ glob: '**' }],
    authorities: [
      {
        keyless: { identities: [] },
        ctlog: { trustRootRef: 'own' },
        rfc3161timestamp: {},
        source: [],
        attestations: [],
      },
    ],
    match: null,
  },
};

test('a log that has a trust root and no address is kept, as are empty lists, and null', () => {
  const [stored] = convert(v1alpha1, [logOnly]);
  expect(stored).toEqual({ ...logOnly, apiVersion: v1alpha1 });
  expect(convert(v1beta1, [stored])).toEqual([logOnly]);
});

test('to the same version nothing happens', () => {
  expect(convert(v1beta1, [logOnly])).toEqual([logOnly]);
});

test('law: there and back any document is what it was, whatever is in it', () => {
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), (contents) => {
      const objects = contents.map((content) => ({ ...content, kind: 'ClusterImagePolicy', apiVersion: v1beta1 }));
      const text = JSON.stringify(objects);
      const there = JSON.stringify(convert(v1alpha1, JSON.parse(text)));
      expect(convert(v1beta1, JSON.parse(there))).toEqual(JSON.parse(text));
    }),
  );
});

test.each(['12345678901234567890', '1e400', '-0', '1.0', '0.10000000000000000000001'])(
  'the number %s comes back as it was',
  (number) => {
    const object = `{"apiVersion":"${v1beta1}","kind":"ClusterImagePolicy","status":{"annotations":{"n":${number}}}}`;
    expect(answerTo(reviewText(v1alpha1, `[${object}]`))).toContain(`{"n":${number}}`);
  },
);

test('a member named __proto__ comes back as one', () => {
  const object = `{"apiVersion":"${v1beta1}","kind":"ClusterImagePolicy","__proto__":{"a":1}}`;
  expect(answerTo(reviewText(v1alpha1, `[${object}]`))).toContain('"__proto__":{"a":1}');
});

test('ten thousand policies are converted in a moment', () => {
  const objects = Array.from({ length: 10_000 }, (_, index) => ({ ...logOnly, metadata: { name: `p${index}` } }));
  const began = performance.now();
  expect(convert(v1alpha1, objects)).toHaveLength(10_000);
  expect(performance.now() - began).toBeLessThan(10_000);
});

describe('fails, as a whole, for', () => {
  test.each<[string, string, string]>([
    ['another version', reviewText('policy.sigstore.dev/v1', '[]'), 'There is no version policy.sigstore.dev/v1, only'],
    ['no version', reviewText(7, '[]'), 'There is no version 7'],
    ['no text', reviewText({ toString: 1, valueOf: 1 }, '[]'), 'There is no version {'],
    ['no objects', reviewText(v1alpha1, '{}'), 'no objects'],
    [
      'an object that is none',
      reviewText(v1alpha1, `[${JSON.stringify(logOnly)},1]`),
      'objects[1] is no ClusterImagePolicy',
    ],
    ['another kind', reviewText(v1alpha1, `[{"apiVersion":"${v1alpha1}","kind":"TrustRoot"}]`), 'objects[0] is no'],
    [
      'an object of another version',
      reviewText(v1alpha1, '[{"apiVersion":"v1","kind":"ClusterImagePolicy"}]'),
      'objects[0] is no',
    ],
  ])('%s', (_title, text, message) => {
    const { uid, result, convertedObjects } = response(text);
    expect({ uid, status: result.status, convertedObjects }).toEqual({ uid: 'u1', status: 'Failure' });
    expect(result.message).toContain(message);
  });
});

test.each<[string, string]>([
  ['no JSON', '{'],
  ['another kind', '{"apiVersion":"apiextensions.k8s.io/v1","kind":"AdmissionReview"}'],
  ['another version', '{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"ConversionReview","request":{"uid":"u"}}'],
  ['no request', '{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview"}'],
  ['no uid', '{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","request":{}}'],
  ['a key twice', '{"apiVersion":"a","apiVersion":"b"}'],
  ['brackets without end', '['.repeat(100_000)],
])('there is no answer to %s', (_title, text) => {
  expect(answerConversion(Buffer.from(text)).ok).toBe(false);
});

test.each(['1.0', '[]', '{}', '""'])('a review of eight million %s is refused before it fills the memory', (member) => {
  const before = process.memoryUsage().heapUsed;
  const many = `${`${member},`.repeat(8_000_000).slice(0, 31 * 1024 * 1024)}`;
  const answer = answerConversion(Buffer.from(reviewText(v1beta1, `[${many}`)));
  expect(answer).toEqual({ ok: false, failure: 'The ConversionReview has more than 300000 members.' });
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
});
