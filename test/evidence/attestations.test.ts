import { beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/kernel/digest.ts';
import { failure } from '../../src/kernel/failure.ts';
import { fail, ok } from '../../src/kernel/result.ts';
import { byKey, createSigstore, identity, image, issuer, keyless, leafOf } from '../verification/kit/sigstore.ts';
import { attestationOf, keylessAttestation } from '../verification/kit/attestations.ts';
import { bundleOf, statementOf } from '../verification/kit/signatures.ts';
import {
  answerTo,
  attested,
  Attestations,
  bundled,
  code,
  custom,
  demand,
  key,
  never,
  outcomes,
  questionOf,
  sourceOf,
  stranger,
  TextLanguages,
  vuln,
  workload,
} from './attestation-kit.ts';

let registry: Attestations;
let languages: TextLanguages;
beforeEach(() => {
  registry = new Attestations();
  languages = new TextLanguages();
});

async function ask(...[wanted, change]: Parameters<typeof questionOf>): Promise<readonly string[]> {
  return outcomes(await answerTo(questionOf(wanted, change), sourceOf(registry, languages)));
}

describe('where attestations are found', () => {
  test.each<[string, () => void]>([
    ['in the tag for them', () => registry.addLegacy([attested(vuln)])],
    ['in a bundle that refers to the image', () => registry.addBundles([[bundled(vuln)]])],
    ['in a bundle that is said to hold something else', () => registry.addBundles([[bundled(vuln), custom]])],
    [
      'in an envelope that refers to the image',
      () =>
        registry.refer([registry.layerOf(attested(vuln))], {
          artifactType: 'application/vnd.in-toto+json',
          annotations: {},
        }),
    ],
    [
      'in the second envelope that refers to the image',
      () =>
        registry.refer([registry.layerOf(attested(custom)), registry.layerOf(attested(vuln))], {
          artifactType: 'application/vnd.in-toto+json',
          annotations: {},
        }),
    ],
    [
      'behind those of others and of other types',
      () => {
        registry.addBundles([[bundled(vuln, {}, stranger)], [bundled(custom)]]);
        registry.addLegacy([attested(custom), attested(vuln, {}, stranger), attested(vuln)]);
      },
    ],
  ])('%s', async (_name, arrange) => {
    arrange();
    expect((await ask([demand('vuln')])).at(-1)).toBe('0:met');
  });

  test('in another repository and under another tag, as the policy says', async () => {
    registry.addLegacy([attested(vuln)], 'team-');
    const source = { oci: 'other.example/attestations', tagPrefix: 'team-', pullSecrets: [] };
    expect(await ask([demand('vuln')], { source })).toEqual(['0:met']);
    expect(await ask([demand('vuln')])).toEqual([]);
  });

  test('of one format only, when the policy says which', async () => {
    registry.addBundles([[bundled(vuln)]]);
    registry.refer([registry.layerOf(attested(vuln))], {
      artifactType: 'application/vnd.in-toto+json',
      annotations: {},
    });
    expect(await ask([demand('vuln')], { format: 'legacy' })).toEqual([]);
    expect(await ask([demand('vuln')], { format: 'bundle' })).toEqual(['0:met']);
  });

  test('nowhere: an empty answer, not a failure', async () => {
    expect(await ask([demand('vuln')])).toEqual([]);
  });
});

describe('what does not meet a demand', () => {
  test.each<[string, () => void, readonly string[]]>([
    ['an attestation of another type (CVE-2022-35930)', () => registry.addLegacy([attested(custom)]), ['no check']],
    ['one in a bundle of another type', () => registry.addBundles([[bundled(custom), vuln]]), ['no check']],
    [
      'one that is annotated as of the type (CVE-2026-39395)',
      () => {
        const good = attested(custom);
        registry.addLegacy([{ ...good, annotations: { ...good.annotations, predicateType: vuln } }]);
      },
      ['no check'],
    ],
    ['one by somebody else', () => registry.addLegacy([attested(vuln, {}, stranger)]), ['SIGNATURE_INVALID']],
    [
      'one without a signature, found as a referrer',
      () => {
        const statement = statementOf(image, { predicateType: vuln });
        const payload = statement.toString('base64');
        const envelope = Buffer.from(
          JSON.stringify({ payloadType: 'application/vnd.in-toto+json', payload, signatures: [] }),
        );
        registry.refer([registry.layerOf({ format: 'legacy-attestation', envelope, annotations: {} })], {
          artifactType: 'application/vnd.in-toto+json',
          annotations: {},
        });
      },
      ['SIGNATURE_MALFORMED'],
    ],
    [
      'one by somebody else, found as a referrer',
      () =>
        registry.refer([registry.layerOf(attested(vuln, {}, stranger))], {
          artifactType: 'application/vnd.in-toto+json',
          annotations: {},
        }),
      ['SIGNATURE_INVALID'],
    ],
    [
      'one of another image',
      () =>
        registry.addLegacy([
          attestationOf({ key, statement: statementOf(digestOf('another image'), { predicateType: vuln }) }),
        ]),
      ['CLAIM_MISMATCH'],
    ],
    ['a signature of the image', () => registry.addBundles([[bundleOf({ key }).bundle]]), ['no check']],
    [
      'a predicate that is not of the form of its type',
      () => registry.addLegacy([attested(vuln, { scanner: 'trivy' })]),
      ['0:POLICY_UNSATISFIED'],
    ],
    [
      'a layer that is no envelope',
      () => registry.addLegacy([{ ...attested(vuln), envelope: Buffer.from('{}') }]),
      ['SIGNATURE_MALFORMED'],
    ],
    [
      'an index in place of a manifest',
      () => registry.putManifest({ schemaVersion: 2, manifests: [] }, `sha256-${image.slice(7)}.att`),
      ['SIGNATURE_MALFORMED'],
    ],
    [
      'a tag with layers of signatures only',
      () =>
        registry.putManifest(
          {
            schemaVersion: 2,
            config: { mediaType: 'x', digest: image, size: 1 },
            layers: [{ mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', digest: image, size: 1 }],
          },
          `sha256-${image.slice(7)}.att`,
        ),
      [],
    ],
  ])('%s', async (_name, arrange, expected) => {
    arrange();
    expect(await ask([demand('vuln')])).toEqual(expected);
  });

  test('one by a certificate of another identity: its code is not even evaluated', async () => {
    const sigstore = createSigstore();
    registry.addLegacy([
      keylessAttestation(sigstore, leafOf(sigstore), { statement: statementOf(image, { predicateType: vuln }) }),
    ]);
    const exact = (text: string) => ({ kind: 'exact', text }) as const;
    const by = (subject: string) =>
      keyless(sigstore, { identities: [{ issuer: exact(issuer), subject: exact(subject) }] });
    expect(await ask([demand('vuln', 'x')], { trust: by('somebody@else.example') })).toEqual(['no check']);
    expect(languages.asked).toEqual([]);
    expect(await ask([demand('vuln')], { trust: by(identity) })).toEqual(['0:met']);
  });
});

describe('what code says of them', () => {
  test('the code gets the statement as cosign writes it for that name of the type', async () => {
    const predicate = { scanner: { uri: 'trivy', more: '<' }, more: 1 };
    registry.addLegacy([attested(vuln, predicate)]);
    await ask([demand('vuln', 'trivy'), demand(vuln, 'trivy')]);
    expect(languages.asked.map(({ input }) => input)).toEqual([
      expect.stringMatching(/"scanner":\{"uri":"trivy","version":"","db":\{"uri":"","version":""\},"result":null\}/),
      expect.stringContaining('"predicate":{"more":1,"scanner":{"more":"\\u003c","uri":"trivy"}}'),
    ]);
  });

  test('a refusal is told with the words of the engine', async () => {
    registry.addLegacy([attested(custom, { a: 1 })]);
    const answer = await answerTo(questionOf([demand('custom', 'secret', 'no-secret')]), sourceOf(registry, languages));
    expect(answer).toMatchObject({
      value: [
        {
          verified: true,
          type: 'attestation',
          predicateType: custom,
          checks: [
            {
              demand: 0,
              refusal: { code: 'POLICY_UNSATISFIED', message: 'failed evaluating cue policy for no-secret: no secret' },
            },
          ],
        },
      ],
    });
  });

  test('a warning of Rego refuses', async () => {
    registry.addLegacy([attested(custom)]);
    languages.answer = async () => ok({ result: 'warn', message: 'old scan' });
    expect(await ask([demand('custom', 'x')])).toEqual(['0:POLICY_UNSATISFIED']);
  });

  test('another attestation of the type that passes is enough', async () => {
    registry.addLegacy([attested(custom, 'bad'), attested(custom, 'good'), attested(custom, 'good, not needed')]);
    expect(await ask([demand('custom', 'good')])).toEqual(['0:POLICY_UNSATISFIED', '0:met']);
  });

  test('several demands are met by several attestations, and one that is met is not checked again', async () => {
    registry.addLegacy([attested(custom, 'one'), attested(custom, 'one two'), attested(vuln)]);
    const wanted = [demand('custom', 'one'), demand('custom', 'two'), demand('vuln')];
    expect(await ask(wanted)).toEqual(['0:met 1:POLICY_UNSATISFIED', '1:met', '2:met']);
  });

  test('every one is looked at and checked when a policy asks for all', async () => {
    registry.addLegacy([attested(custom, 'one'), attested(custom, 'one two'), attested(vuln)]);
    const wanted = [demand('custom', 'one'), demand('custom', 'two')];
    expect(await ask(wanted, { everyOne: true })).toEqual(['0:met 1:POLICY_UNSATISFIED', '0:met 1:met', 'no check']);
  });

  test('what takes too much is refused', async () => {
    registry.addLegacy([attested(custom)]);
    languages.answer = async () => fail(failure('POLICY_LIMIT_EXCEEDED', 'more than 2 s'));
    expect(await ask([demand('custom', 'x')])).toEqual(['0:POLICY_LIMIT_EXCEEDED']);
  });

  test.each(['POLICY_ENGINE_UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL'] as const)(
    '%s leaves it open',
    async (down) => {
      registry.addLegacy([attested(custom)]);
      languages.answer = async () => fail(failure(down, 'down'));
      expect(await ask([demand('custom', 'x')])).toEqual([`unavailable ${down}`]);
    },
  );

  test('an engine that failed once does not spoil an attestation that is good', async () => {
    registry.addLegacy([attested(custom, 'first'), attested(custom, 'second')]);
    languages.answer = async ({ input }) =>
      input.includes('first')
        ? fail(failure('POLICY_ENGINE_UNAVAILABLE', 'down'))
        : ok({ result: 'pass', message: '' });
    expect(await ask([demand('custom', 'x')])).toEqual(['no check', '0:met']);
  });
});

describe('what could not be established', () => {
  test('a part that cannot be read leaves it open, unless all demands are met', async () => {
    registry.addLegacy([attested(custom), attested(vuln)]);
    registry.blobs.delete(digestOf(attestedBlob(0)));
    expect(await ask([demand('custom')])).toEqual(['unavailable REGISTRY_RESPONSE_INVALID']);
    expect(await ask([demand('vuln')])).toEqual(['0:met']);
    expect(await ask([demand('vuln')], { everyOne: true })).toEqual(['unavailable REGISTRY_RESPONSE_INVALID']);
  });

  test('a registry that is down', async () => {
    registry.broken = failure('REGISTRY_UNREACHABLE', 'down');
    expect(await ask([demand('vuln')])).toEqual(['unavailable REGISTRY_UNREACHABLE']);
  });

  function attestedBlob(index: number): Uint8Array {
    return [...registry.blobs.values()][index] ?? Buffer.alloc(0);
  }
});

describe('what is too much', () => {
  test('an attestation of 100 MB is refused by what its manifest says, and not read', async () => {
    const layer = { mediaType: registry.envelopeType, digest: digestOf('large'), size: 100_000_000, annotations: {} };
    const config = { mediaType: 'x', digest: image, size: 1 };
    registry.putManifest({ schemaVersion: 2, config, layers: [layer] }, `sha256-${image.slice(7)}.att`);
    expect(await ask([demand('vuln')])).toEqual(['SIGNATURE_MALFORMED']);
    expect(registry.count('blob')).toBe(0);
  });

  test('of 1,000 attestations 100 are looked at, and the answer says so', async () => {
    const one = attested(custom);
    registry.addLegacy(Array.from({ length: 1_000 }, () => one));
    const answer = await ask([demand('vuln')]);
    expect(answer).toHaveLength(101);
    expect(answer.at(-1)).toBe('TOO_MANY_SIGNATURES');
  });

  test('of 1,000 bundles 100 are looked at, and the answer says so', async () => {
    registry.addBundles(Array.from({ length: 1_000 }, (_, index) => [bundled(custom, index)]));
    const answer = await ask([demand('vuln')]);
    expect(answer).toHaveLength(101);
    expect(answer.at(-1)).toBe('TOO_MANY_SIGNATURES');
    expect(registry.count('blob')).toBe(100);
  });

  test('the one that is wanted is found among 1,000 by what is written beside it', async () => {
    const others = Array.from({ length: 999 }, (_, index) => [bundled(custom, index), custom] as const);
    registry.addBundles([...others, [bundled(vuln), vuln]]);
    expect((await ask([demand('vuln')])).filter((found) => found === '0:met')).toHaveLength(1);
  });

  test('of attestations that are large together as many are looked at as there is room for', async () => {
    registry.addLegacy(Array.from({ length: 8 }, (_, index) => attested(custom, `${index}${'x'.repeat(14_500_000)}`)));
    const answer = await ask([demand('vuln')]);
    expect(answer).toEqual([...Array.from({ length: 6 }, () => 'no check'), 'TOO_MANY_SIGNATURES']);
  }, 60_000);

  test('a manifest with more layers than cosign reads is refused', async () => {
    const one = attested(custom);
    registry.addLegacy(Array.from({ length: 1_001 }, () => one));
    expect(await ask([demand('vuln')])).toEqual(['SIGNATURE_MALFORMED']);
  });
});

describe('what is remembered', () => {
  test('facts have no statement', async () => {
    registry.addLegacy([attested(vuln), attested(custom, {}, key)]);
    const answer = await answerTo(questionOf([demand('custom')]), sourceOf(registry, languages));
    expect(answer.ok && answer.value.every((fact) => !('statement' in fact))).toBe(true);
  });

  test('an answer that meets every demand costs nothing the second time', async () => {
    registry.addLegacy([attested(vuln)]);
    const source = sourceOf(registry, languages);
    const question = questionOf([demand('vuln', 'scanner')]);
    await answerTo(question, source);
    const calls = registry.calls.length;
    expect(outcomes(await answerTo(question, source))).toEqual(['0:met']);
    expect(registry.calls).toHaveLength(calls);
    expect(languages.asked).toHaveLength(1);
  });

  test('equal evaluations at once are one', async () => {
    const source = sourceOf(registry, languages);
    const request = { name: 'n', code: code('a'), input: '"a"' };
    const all = await Promise.all(Array.from({ length: 20 }, () => source.evaluate(request, never)));
    expect(all.every((one) => one.ok && one.value.result === 'pass')).toBe(true);
    expect(languages.asked).toHaveLength(1);
  });

  test.each([
    ['another name', { name: 'other' }],
    ['another input', { input: '"b"' }],
    ['another code', { code: code('b') }],
    ['another language', { code: code('a', 'rego') }],
  ])('%s is another evaluation', async (_name, change) => {
    const source = sourceOf(registry, languages);
    const request = { name: 'n', code: code('a'), input: '"a"' };
    await source.evaluate(request, never);
    await source.evaluate({ ...request, ...change }, never);
    expect(languages.asked).toHaveLength(2);
  });

  test('an engine that is back is asked again after a second', async () => {
    const source = sourceOf(registry, languages);
    const request = { name: 'n', code: code('a'), input: '"a"' };
    const { answer } = languages;
    languages.answer = async () => fail(failure('POLICY_ENGINE_UNAVAILABLE', 'down'));
    expect(await source.evaluate(request, never)).toMatchObject({ ok: false });
    languages.answer = answer;
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await source.evaluate(request, never)).toMatchObject({ ok: true });
  });

  test('a caller whose time is up hears so', async () => {
    languages.answer = () => new Promise(() => undefined);
    const source = sourceOf(registry, languages);
    const evaluated = source.evaluate({ name: 'n', code: code('a'), input: '"a"' }, AbortSignal.timeout(20));
    expect(await evaluated).toMatchObject({ failure: { code: 'DEADLINE_EXCEEDED' } });
  });

  test('what one question found is not the answer to another', async () => {
    registry.addLegacy([attested(vuln)]);
    const source = sourceOf(registry, languages);
    expect(outcomes(await answerTo(questionOf([demand('vuln')]), source))).toEqual(['0:met']);
    expect(outcomes(await answerTo(questionOf([demand('vuln')], { trust: byKey(stranger) }), source))).toEqual([
      'SIGNATURE_INVALID',
    ]);
  });
});

test('questions of both kinds are answered together', async () => {
  registry.addBundles([[bundleOf({ key }).bundle], [bundled(vuln)]]);
  const { kind: _, wanted: __, ...parts } = questionOf([]);
  const signatures = { ...parts, kind: 'signatures' } as const;
  const attestations = questionOf([demand('vuln')]);
  const evidence = await sourceOf(registry, languages).answer([signatures, attestations], workload, never);
  expect(evidence.get(signatures.id)).toMatchObject({ value: [{ verified: true, type: 'signature' }] });
  expect(evidence.get(attestations.id)).toMatchObject({ value: [{}, { checks: [{ demand: 0 }] }] });
});
