/**
 * The real cosign attests and verifies attestations, and we judge the same ones: of every kind of key and of certificates,
 * in either format. Where we mean to differ, `differs` says why.
 */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anonymous } from '../../src/adapters/registry/docker-config.ts';
import { createOciRegistry, type OciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { createInProcessVerifier } from '../../src/adapters/verification/in-process-verifier.ts';
import { collectFacts } from '../../src/evidence/collect-facts.ts';
import { trustRootFromJson } from '../../src/policy/parse-trust-root-json.ts';
import type { AttestationsQuestion, TrustQuestion } from '../../src/policy/question.ts';
import { noLanguages } from '../fakes/policy-code.ts';
import { must } from './cosign.ts';
import type { KeyName } from './keys.ts';
import { release, startLab, stranger, type Lab, type LabImage } from './lab.ts';

type Attest = (lab: Lab) => readonly string[];

const legacy = ['--use-signing-config=false', '--new-bundle-format=false'];
const unloggedKey =
  (name: KeyName, format: 'legacy' | 'bundle'): Attest =>
  (lab) => [
    '--use-signing-config=false',
    '--tlog-upload=false',
    `--new-bundle-format=${format === 'bundle'}`,
    '--key',
    lab.privateKey(name),
  ];
const trusted = (lab: Lab): readonly string[] => ['--trusted-root', lab.file('root.json')];
const services =
  (name: string, signer = 'release'): Attest =>
  (lab) => [
    '--signing-config',
    lab.file(`${name}.json`),
    ...trusted(lab),
    '--identity-token',
    lab.file(`${signer}.token`),
  ];
const keylessLegacy =
  (more: Attest): Attest =>
  (lab) => [
    ...legacy,
    '--fulcio-url',
    lab.sigstore.fulcioUrl,
    '--identity-token',
    lab.file('release.token'),
    ...trusted(lab),
    ...more(lab),
  ];

const attests: readonly (readonly [name: string, by: 'key' | 'identity', Attest])[] = [
  ...(['p256', 'p384', 'p521', 'rsa', 'ed25519'] as const).flatMap((name) =>
    (['legacy', 'bundle'] as const).map((format) => [`${name}-${format}`, 'key', unloggedKey(name, format)] as const),
  ),
  [
    'logged-key-legacy',
    'key',
    (lab) => [...legacy, '--rekor-url', lab.sigstore.rekorUrl, '--key', lab.privateKey('p256'), ...trusted(lab)],
  ],
  [
    'logged-key-bundle',
    'key',
    (lab) => ['--signing-config', lab.file('rekor1.json'), '--key', lab.privateKey('p256'), ...trusted(lab)],
  ],
  ['keyless-rekor1', 'identity', services('rekor1')],
  ['keyless-rekor1-tsa', 'identity', services('rekor1-tsa')],
  ['keyless-rekor2-tsa', 'identity', services('rekor2-tsa')],
  ['keyless-stranger', 'identity', services('rekor1', 'stranger')],
  ['keyless-legacy', 'identity', keylessLegacy((lab) => ['--rekor-url', lab.sigstore.rekorUrl])],
  [
    'keyless-legacy-timestamped',
    'identity',
    keylessLegacy((lab) => ['--rekor-url', lab.sigstore.rekorUrl, '--timestamp-server-url', lab.sigstore.tsaUrl]),
  ],
];

interface Asked {
  readonly name: string;
  readonly by: 'key' | 'identity';
  readonly cosign: Attest;
  readonly trust: (lab: Lab) => TrustQuestion;
}

const root = (lab: Lab) => {
  const parsed = trustRootFromJson('lab', lab.sigstore.trustedRootJson);
  if (!parsed.ok) throw new Error(parsed.failure.join('; '));
  return parsed.value;
};
const log = (lab: Lab) => ({ demand: 'required', root: root(lab) }) as const;

const byKey = (name: KeyName): Asked => ({
  name,
  by: 'key',
  cosign: (lab) => ['--key', lab.publicKey(name), '--insecure-ignore-tlog'],
  trust: (lab) => ({ kind: 'key', keys: [lab.publicKeyPem(name)], log: { demand: 'ignored' } }),
});
const hashed = (name: KeyName, hash: 'sha384' | 'sha512'): Asked => ({
  name: `${name}, ${hash}`,
  by: 'key',
  cosign: (lab) => [...byKey(name).cosign(lab), '--signature-digest-algorithm', hash],
  trust: (lab) => ({ kind: 'key', keys: [lab.publicKeyPem(name)], hashAlgorithm: hash, log: { demand: 'ignored' } }),
});
const byIdentity = (name: string, who: typeof release, demanding: 'log' | 'log and timestamp' = 'log'): Asked => ({
  name,
  by: 'identity',
  cosign: (lab) => [
    ...trusted(lab),
    '--certificate-identity',
    who.subject,
    '--certificate-oidc-issuer',
    who.issuer,
    ...(demanding === 'log' ? [] : ['--use-signed-timestamps']),
  ],
  trust: (lab) => ({
    kind: 'certificate',
    root: root(lab),
    sct: 'required',
    identities: [{ issuer: { kind: 'exact', text: who.issuer }, subject: { kind: 'exact', text: who.subject } }],
    log: log(lab),
    ...(demanding === 'log' ? {} : { timestamps: root(lab) }),
  }),
});

const asks: readonly Asked[] = [
  byKey('p256'),
  byKey('other'),
  byKey('p384'),
  byKey('p521'),
  byKey('rsa'),
  byKey('ed25519'),
  hashed('p384', 'sha384'),
  hashed('p521', 'sha512'),
  hashed('p256', 'sha512'),
  {
    name: 'p256, logged',
    by: 'key',
    cosign: (lab) => [...trusted(lab), '--key', lab.publicKey('p256')],
    trust: (lab) => ({ kind: 'key', keys: [lab.publicKeyPem('p256')], log: log(lab) }),
  },
  byIdentity('release', release),
  byIdentity('stranger', stranger),
  byIdentity('release, stamped', release, 'log and timestamp'),
];

/** What we accept and cosign does not, or the other way round, with the reason. */
function differs(attested: string, { name }: Asked): string | undefined {
  const ofCurve = /^(p384|p521|ed25519)-/.exec(attested)?.[1];
  if (ofCurve === name) return 'cosign does not verify what it signs itself unless it is told the hash';
  if (attested === 'keyless-legacy' && name === 'release, stamped') {
    return 'cosign takes a timestamp that is not there for none that is demanded';
  }
  return undefined;
}

const lab = await startLab();
let client: OciRegistry;
let pairs = { accepted: 0, refused: 0 };
beforeAll(() => {
  pairs = { accepted: 0, refused: 0 };
  if (lab === undefined) return;
  const metrics = { registryRequest: () => undefined };
  client = createOciRegistry({ insecure: [lab.registry.host], ca: new Map(), metrics });
  writeFileSync(lab.file('predicate.json'), '{"a":"<b>"}');
});
afterAll(async () => {
  await client?.close();
  await lab?.close();
});

async function ours(on: Lab, image: LabImage, ask: Asked, predicateType: string): Promise<boolean> {
  const question: AttestationsQuestion = {
    kind: 'attestations',
    id: 'question',
    image: { registry: on.registry.host, repository: image.repository, digest: image.digest },
    trust: ask.trust(on),
    wanted: [{ name: 'wanted', predicateType }],
  };
  const ports = {
    registry: client,
    verifier: createInProcessVerifier(),
    languages: noLanguages,
    clock: { now: () => new Date() },
  };
  const options = { credentials: anonymous, signal: AbortSignal.timeout(10_000) };
  const collected = await collectFacts(ports, question, options);
  if (!collected.ok) throw new Error(collected.failure.message);
  return collected.value.satisfied;
}

async function cosigns(on: Lab, { reference }: LabImage, ask: Asked, predicateType: string): Promise<boolean> {
  const run = await on.cosign(['verify-attestation', ...ask.cosign(on), '--type', predicateType, reference]);
  return run.code === 0;
}

interface Judged {
  readonly own: string;
  /** What cosign says, or the opposite where we mean to differ. */
  readonly expected: string;
}

async function judge(on: Lab, name: string, image: LabImage, ask: Asked, predicateType: string): Promise<Judged> {
  const [theirs, own] = [await cosigns(on, image, ask, predicateType), await ours(on, image, ask, predicateType)];
  if (theirs && own) pairs.accepted += 1;
  if (!theirs && !own) pairs.refused += 1;
  const what = `${name} asked for ${predicateType} by ${ask.name}`;
  const difference = predicateType === 'custom' ? differs(name, ask) : undefined;
  return { own: `${what}: ${own}`, expected: `${what}: ${difference === undefined ? theirs : !theirs}` };
}

describe.skipIf(lab === undefined)('cosign and we judge attestations alike', () => {
  test.each(attests)('%s', { timeout: 120_000 }, async (name, by, how) => {
    if (lab === undefined) return;
    const image = lab.image(`attested-${name}`);
    await must(lab.cosign, [
      'attest',
      ...how(lab),
      '--predicate',
      lab.file('predicate.json'),
      '--type',
      'custom',
      image.reference,
    ]);
    const judged = [await judge(lab, name, image, byKey('p256'), 'vuln')];
    for (const ask of asks.filter((one) => one.by === by || one.name === 'p256')) {
      judged.push(await judge(lab, name, image, ask, 'custom'));
    }
    expect(judged.map(({ own }) => own)).toEqual(judged.map(({ expected }) => expected));
  });

  test.each([
    'custom',
    'vuln',
    'slsaprovenance',
    'slsaprovenance1',
    'spdxjson',
    'cyclonedx',
    'openvex',
    'https://example.com/p/v1',
  ])('of type %s', { timeout: 120_000 }, async (type) => {
    if (lab === undefined) return;
    const judged: Judged[] = [];
    for (const format of ['legacy', 'bundle'] as const) {
      const image = lab.image(`type-${type.replaceAll(/[^a-z0-9]/g, '')}-${format}`);
      const what = ['--predicate', lab.file('predicate.json'), '--type', type];
      await must(lab.cosign, ['attest', ...unloggedKey('p256', format)(lab), ...what, image.reference]);
      judged.push(await judge(lab, format, image, byKey('p256'), type));
      judged.push(await judge(lab, format, image, byKey('p256'), type === 'vuln' ? 'openvex' : 'vuln'));
    }
    expect(judged.map(({ own }) => own)).toEqual(judged.map(({ expected }) => expected));
  });

  test('in enough pairs of either kind for that to mean something', () => {
    expect(pairs.accepted).toBeGreaterThan(30);
    expect(pairs.refused).toBeGreaterThan(80);
  });
});
