/** Whoever may push to a repository adds attestations to images: too many, too large, senseless ones, or of something else. */
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { stringify } from 'yaml';
import { huge, status } from '../../src/demo/registry/faults.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import type { FailureCode } from '../../src/kernel/failure.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import {
  attach,
  attachLayers,
  attachManifest,
  envelope,
  layerOf,
  predicateType,
  statement,
  withPredicate,
  type Envelope,
  type Image,
} from './attested.ts';
import {
  nameOf,
  openGate,
  podOf,
  usualPolicies,
  type Expected,
  type Gate,
  type Question,
  type PolicyFile,
} from './gate.ts';
import { boundless, unwilling, wrongContent } from './hostile-registry.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate({ policies: (made) => [...usualPolicies(made), attestedPolicies(made)] });
  // Everything that is loaded at the first evaluation is not the fault of what comes later.
  await gate.assertAdmitted({ body: podOf(nameOf(gate, good('coded'))) });
}, 60_000);
afterEach(() => gate.registry.reset());
afterAll(() => gate.close());

/** Images of `attested/` need an attestation of the type, those of `coded/` one that says that it was approved. */
function attestedPolicies({ registry, key }: Pick<Gate, 'registry' | 'key'>): PolicyFile {
  const policy = (name: string, code: object) => ({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: {
      images: [{ glob: `${registry.host}/${name}/**` }],
      authorities: [
        {
          name: 'qa',
          key: { data: key.publicKeyPem },
          attestations: [{ name: 'reviewed', predicateType, ...code }],
        },
      ],
    },
  });
  const approved = { policy: { type: 'cue', data: 'predicate: approved: true' } };
  return {
    name: 'attested.yaml',
    text: `${stringify(policy('attested', {}))}---\n${stringify(policy('coded', approved))}`,
  };
}

let count = 0;

function pushed(under: 'attested' | 'coded' = 'attested'): Image {
  const repository = `${under}/app-${(count += 1)}`;
  return { repository, ...pushImage(gate.registry, { repository }) };
}

function good(under: 'attested' | 'coded', ways: keyof typeof attach = 'layers'): Image {
  const image = pushed(under);
  attach[ways](gate.registry, image, gate.key, [{ payload: statement(image.digest) }]);
  return image;
}

/** What comes next and is good passes, in both formats. */
async function othersPass(): Promise<void> {
  gate.registry.reset();
  await gate.assertAdmitted({ body: podOf(nameOf(gate, good('attested', 'layers'))) });
  await gate.assertAdmitted({ body: podOf(nameOf(gate, good('coded', 'bundles'))) });
}

/** A Pod of it. */
function asked(image: Image, timeout = 10): Question {
  return { body: podOf(nameOf(gate, image)), timeout };
}

const thenOthers = (expected: Expected): Expected => ({ repair: othersPass, ...expected });

const formats = ['layers', 'bundles'] as const;
const megabytes = 1_000_000;
const stranger = newSigningKey();

function times<T>(length: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length }, (_, index) => make(index));
}

describe('too large', () => {
  const expected = { code: 'SIGNATURE_MALFORMED', says: /100000000 bytes, more than/ } as const;
  const layer = {
    mediaType: 'application/vnd.dsse.envelope.v1+json',
    digest: digestOf('large'),
    size: 100 * megabytes,
  };

  test('said to have 100 MB, as a layer', async () => {
    const image = pushed();
    attachLayers(gate.registry, image, [layer]);
    await gate.assertRefused(asked(image), thenOthers(expected));
  });

  test('said to have 100 MB, as a bundle', async () => {
    const image = pushed();
    const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    gate.registry.putManifest(image.repository, referrer(image, [{ ...layer, mediaType }]));
    await gate.assertRefused(asked(image), thenOthers(expected));
  });

  test.each([true, false])('of 100 MB, said to be small (length announced: %s)', async (announced) => {
    const image = pushed();
    const made = layerOf(gate.registry, image, envelope(gate.key, { payload: statement(image.digest) }));
    attachLayers(gate.registry, image, [made]);
    gate.registry.inject(new RegExp(`/${image.repository}/blobs/`), huge(100 * megabytes, announced));
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'REGISTRY_RESPONSE_TOO_LARGE', says: /more than \d+ bytes/, withinMiB: 128 }),
    );
  });

  test('too large for code, and well signed', async () => {
    const image = pushed('coded');
    const payload = withPredicate(image.digest, `{"approved":true,"log":"${'x'.repeat(16 * 1024 * 1024)}"}`);
    attach.layers(gate.registry, image, gate.key, [{ payload }]);
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'POLICY_LIMIT_EXCEEDED', says: /16 MiB/, withinMiB: 256 }),
    );
  });

  test('more that are large than there is time for', async () => {
    const image = pushed();
    const large = (n: number): Envelope => ({
      payload: withPredicate(image.digest, `"${n} ${'x'.repeat(14 * megabytes)}"`),
    });
    const layers = times(9, (n) => layerOf(gate.registry, image, envelope(stranger, large(n))));
    attachLayers(gate.registry, image, layers);
    await gate.assertRefused(asked(image, 1), thenOthers({ code: 'DEADLINE_EXCEEDED', says: /time/, withinMiB: 256 }));
  }, 40_000);
});

describe('too many', () => {
  test.each(formats)('a thousand as %s, each with a payload of its own, the good one last', async (ways) => {
    const image = pushed();
    const of = (n: number): Envelope => ({
      payload: statement(image.digest, { predicateType: 'https://example.com/else/v1', predicate: n }),
    });
    attach[ways](gate.registry, image, gate.key, [...times(999, of), { payload: statement(image.digest) }]);
    // Nothing beside them says which is which.
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'TOO_MANY_SIGNATURES', says: /1000 attestations.* first 100/ }),
    );
  });

  test('10,000 layers', async () => {
    const image = pushed();
    const one = layerOf(gate.registry, image, envelope(gate.key, { payload: statement(image.digest) }));
    attachLayers(
      gate.registry,
      image,
      times(10_000, () => one),
    );
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'SIGNATURE_MALFORMED', says: /layers has more than 1000/ }),
    );
  });

  const others = times(100_000, (n) => ({ name: `${n}`, digest: { sha256: n.toString(16).padStart(64, '0') } }));

  test.each(formats)('100,000 subjects in %s, and the image is not among them', async (ways) => {
    const image = pushed();
    attach[ways](gate.registry, image, gate.key, [{ payload: statement(image.digest, { subject: others }) }]);
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'CLAIM_MISMATCH', says: /about another image/, withinMiB: 256 }),
    );
  });

  test.each(formats)('100,000 subjects in %s, and the image is the last of them: that is good', async (ways) => {
    const image = pushed();
    const subject = [...others, { name: 'app', digest: { sha256: hexOf(image.digest) } }];
    attach[ways](gate.registry, image, gate.key, [{ payload: statement(image.digest, { subject }) }]);
    await gate.assertAdmitted({ body: podOf(nameOf(gate, image)) });
  });
});

const nested = '['.repeat(100_000) + ']'.repeat(100_000);

interface Bad {
  readonly make: (image: Image) => Envelope;
  readonly code: FailureCode;
  readonly says: RegExp;
}

const bad: Readonly<Record<string, Bad>> = {
  'whose predicate is no JSON': {
    make: ({ digest }) => ({ payload: withPredicate(digest, '{approved: yes}') }),
    code: 'SIGNATURE_MALFORMED',
    says: /JSON/,
  },
  'whose statement is no JSON': {
    make: () => ({ payload: 'reviewed, believe me' }),
    code: 'SIGNATURE_MALFORMED',
    says: /JSON/,
  },
  'whose statement is empty': {
    make: () => ({ payload: '' }),
    code: 'SIGNATURE_MALFORMED',
    says: /base64|JSON|not a valid/,
  },
  'whose statement is a list': {
    make: () => ({ payload: '[]' }),
    code: 'SIGNATURE_MALFORMED',
    says: /not an in-toto statement/,
  },
  'whose statement is of another kind': {
    make: ({ digest }) => ({ payload: statement(digest, { _type: 'https://in-toto.io/Statement/v9' }) }),
    code: 'SIGNATURE_MALFORMED',
    says: /not an in-toto statement/,
  },
  'whose subjects are no list': {
    make: ({ digest }) => ({ payload: statement(digest, { subject: { digest: { sha256: hexOf(digest) } } }) }),
    code: 'SIGNATURE_MALFORMED',
    says: /not an in-toto statement/,
  },
  'of another payload type': {
    make: ({ digest }) => ({ payload: statement(digest), payloadType: 'application/json' }),
    code: 'SIGNATURE_MALFORMED',
    says: /in-toto statement/,
  },
  'signed under another payload type': {
    make: ({ digest }) => ({ payload: statement(digest), signedType: 'application/json' }),
    code: 'SIGNATURE_INVALID',
    says: /signature/,
  },
  'about another image': {
    make: () => ({ payload: statement(digestOf('another image')) }),
    code: 'CLAIM_MISMATCH',
    says: /about another image/,
  },
  'with a signature of a statement about another image': {
    make: ({ digest }) => ({ payload: statement(digest), signedPayload: statement(digestOf('another image')) }),
    code: 'SIGNATURE_INVALID',
    says: /signature/,
  },
  'whose digest is of another algorithm': {
    make: ({ digest }) => ({ payload: statement(digest, { subject: [{ digest: { sha512: hexOf(digest) } }] }) }),
    code: 'CLAIM_MISMATCH',
    says: /about another image/,
  },
  'of no subject': {
    make: ({ digest }) => ({ payload: statement(digest, { subject: [] }) }),
    code: 'CLAIM_MISMATCH',
    says: /about another image/,
  },
  'of a hundred thousand lists in lists': {
    make: ({ digest }) => ({ payload: withPredicate(digest, nested) }),
    code: 'SIGNATURE_MALFORMED',
    says: /nested/,
  },
  'with a subject twice': {
    make: ({ digest }) => ({ payload: statement(digest).replace('"subject":', '"subject":[],"subject":') }),
    code: 'SIGNATURE_MALFORMED',
    says: /twice/,
  },
  'with a key twice in its predicate': {
    make: ({ digest }) => ({ payload: withPredicate(digest, '{"approved":false,"approved":true}') }),
    code: 'SIGNATURE_MALFORMED',
    says: /twice/,
  },
  'with a key twice, once escaped': {
    make: ({ digest }) => ({ payload: withPredicate(digest, '{"approved":false,"\\u0061pproved":true}') }),
    code: 'SIGNATURE_MALFORMED',
    says: /twice/,
  },
  'of another type': {
    make: ({ digest }) => ({ payload: statement(digest, { predicateType: 'https://example.com/else/v1' }) }),
    code: 'ATTESTATION_MISSING',
    says: /no matching attestations with type/,
  },
};

describe.each(formats)('as %s:', (ways) => {
  test.each(Object.entries(bad))('%s', async (_what, { make, code, says }) => {
    const image = pushed();
    attach[ways](gate.registry, image, gate.key, [make(image)]);
    await gate.assertRefused(asked(image), thenOthers({ code, says }));
  });

  test('beside a good one they harm nobody', async () => {
    const image = pushed();
    const all = [...Object.values(bad).map(({ make }) => make(image)), { payload: statement(image.digest) }];
    attach[ways](gate.registry, image, gate.key, all);
    await gate.assertAdmitted({ body: podOf(nameOf(gate, image)) });
  });

  test('by somebody else', async () => {
    const image = pushed();
    attach[ways](gate.registry, image, stranger, [{ payload: statement(image.digest) }]);
    await gate.assertRefused(asked(image), thenOthers({ code: 'SIGNATURE_INVALID', says: /signature/ }));
  });

  test('whose predicate is not what code expects', async () => {
    const image = pushed('coded');
    attach[ways](gate.registry, image, gate.key, [{ payload: withPredicate(image.digest, '["approved"]') }]);
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'POLICY_UNSATISFIED', says: /failed evaluating cue policy for reviewed/ }),
    );
  });

  test('without a predicate, for code', async () => {
    const image = pushed('coded');
    attach[ways](gate.registry, image, gate.key, [{ payload: withPredicate(image.digest, 'null') }]);
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'POLICY_UNSATISFIED', says: /failed evaluating cue policy for reviewed/ }),
    );
  });
});

function referrer({ digest, size }: Image, layers: readonly object[]): object {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 };
  const artifactType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  return { schemaVersion: 2, mediaType, artifactType, config, layers, subject: { mediaType, digest, size } };
}

describe('envelopes', () => {
  test.each<readonly [string, (text: string) => string, RegExp]>([
    ['with a payload twice', (text) => text.replace('"payload":', '"payload":"","payload":'), /twice/],
    ['without signature', (text) => text.replace(/"signatures":\[.*\]/, '"signatures":[]'), /exactly one signature/],
    [
      'of two signatures',
      (text) => text.replace(/"signatures":\[(.*)\]/, (_all, one) => `"signatures":[${one},${one}]`),
      /exactly one signature/,
    ],
    ['whose payload is no base64', (text) => text.replace('"payload":"', '"payload":"*'), /base64/],
    ['of lists in lists', () => nested, /nested/],
    ['that are binary', () => '\u0000'.repeat(1_000), /JSON/],
  ])('%s', async (_what, change, says) => {
    const image = pushed();
    const text = change(envelope(gate.key, { payload: statement(image.digest) }).toString());
    attachLayers(gate.registry, image, [layerOf(gate.registry, image, Buffer.from(text))]);
    await gate.assertRefused(asked(image), thenOthers({ code: 'SIGNATURE_MALFORMED', says }));
  });
});

describe('manifests', () => {
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };

  test('an index under the tag for attestations', async () => {
    const image = pushed();
    attachManifest(gate.registry, image, index);
    await gate.assertRefused(asked(image), thenOthers({ code: 'SIGNATURE_MALFORMED', says: /not an image manifest/ }));
  });

  test('an index that refers to the image', async () => {
    const image = pushed();
    const digest = gate.registry.putManifest(image.repository, index);
    const artifactType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const listed = { mediaType: index.mediaType, digest, size: JSON.stringify(index).length, artifactType };
    const list = JSON.stringify({ ...index, manifests: [listed] });
    const where = new RegExp(`/${image.repository}/referrers/`);
    gate.registry.inject(where, status(200, list, { 'content-type': index.mediaType }));
    await gate.assertRefused(asked(image), thenOthers({ code: 'SIGNATURE_MALFORMED', says: /not an image manifest/ }));
  });

  test('both an index and an image', async () => {
    const image = pushed();
    attachManifest(gate.registry, image, { ...index, layers: [] });
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'SIGNATURE_MALFORMED', says: /both an image and an index/ }),
    );
  });
});

describe('a registry that, asked for an attestation,', () => {
  test.each([...unwilling, ...boundless, ...wrongContent])('$about', async ({ fault, code, says, timeout = 10 }) => {
    const image = good('attested');
    gate.registry.inject(new RegExp(`/${image.repository}/blobs/`), fault(gate.registry.url));
    // Reads no more than an attestation may have, which is more than a manifest.
    await gate.assertRefused(asked(image, timeout), thenOthers({ code, says, withinMiB: 128 }));
  });
});

describe('a list of referrers', () => {
  const type = 'application/vnd.oci.image.index.v1+json';
  const entry = (n: number): object => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${n.toString(16).padStart(64, '0')}`,
    size: 400,
    artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  });
  const page = (from: number, length: number): string =>
    JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: times(length, (n) => entry(from + n)) });

  function inject(image: Image, length: number, isEndless: boolean): void {
    let pages = 0;
    gate.registry.inject(new RegExp(`/${image.repository}/referrers/`), (request, response) => {
      const path = request.url?.split('?')[0] ?? '';
      pages += 1;
      const more = isEndless ? { link: `<${path}?page=${pages}>; rel="next"` } : {};
      response.writeHead(200, { 'content-type': type, ...more }).end(page(pages * length, length));
    });
  }

  test('of 100,000 entries', async () => {
    const image = pushed();
    inject(image, 100_000, false);
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'REGISTRY_RESPONSE_TOO_LARGE', says: /more than \d+ bytes/ }),
    );
  });

  test('of 1,000 entries, none of which is there', async () => {
    const image = pushed();
    inject(image, 1_000, false);
    await gate.assertRefused(
      asked(image),
      thenOthers({ code: 'TOO_MANY_SIGNATURES', says: /1000 attestations.* first 100/ }),
    );
  });

  test('of pages of 1,000 entries, without end', async () => {
    const image = pushed();
    inject(image, 1_000, true);
    await gate.assertRefused(asked(image), thenOthers({ code: 'REGISTRY_RESPONSE_INVALID', says: /pages/ }));
  });
});
