/** Images, and what has been done to each: mostly by cosign, by hand where cosign would not. */
import type { TokenRequest } from '../../src/demo/sigstore/identity-token.ts';
import { pushImage, pushIndex } from '../../src/demo/registry/images.ts';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import type { About } from './asks.ts';
import { release, type Lab, type LabImage } from './lab.ts';
import {
  attest,
  signKeyless,
  signKeylessByHand,
  signKeylessLegacy,
  signWithKey,
  signWithLoggedKey,
  signWithTimestampedKey,
  type Format,
  type Services,
} from './signing.ts';
import { claim, editBundle, editLegacy, moveLegacy, moveReferrers, pushClaim } from './tampering.ts';

export interface Scene {
  /** Name of the repository, too. */
  readonly name: string;
  /** Which questions make sense. */
  readonly about: About | 'both';
  /** In a registry that has the referrers API, and no fallback tags. */
  readonly referrersApi?: true;
  /** Answers with the image that is asked about. */
  readonly prepare: (lab: Lab) => Promise<LabImage>;
}

type Step = (lab: Lab, image: LabImage) => void | Promise<void>;

function scene(name: string, ...steps: readonly Step[]): Scene {
  return {
    name,
    about: 'key',
    async prepare(lab) {
      const image = lab.image(name);
      for (const step of steps) await step(lab, image);
      return image;
    },
  };
}

const about = (what: Scene['about'], list: readonly Scene[]): readonly Scene[] =>
  list.map((each) => ({ ...each, about: what }));

const both = ['legacy', 'bundle'] as const;
const inBoth = (make: (format: Format) => readonly Scene[]): readonly Scene[] => both.flatMap(make);

const signedWithKeys = inBoth((format) => [
  ...(['p256', 'p384', 'p521', 'rsa', 'ed25519'] as const).map((key) =>
    scene(`${key}-${format}`, (lab, image) => signWithKey(lab, image, format, key)),
  ),
  scene(`logged-key-${format}`, (lab, image) => signWithLoggedKey(lab, image, format)),
  scene(`timestamped-key-${format}`, (lab, image) => signWithTimestampedKey(lab, image, format)),
  scene(`annotated-${format}`, (lab, image) => signWithKey(lab, image, format, 'p256', ['-a', 'env=prod'])),
  scene(
    `two-keys-${format}`,
    (lab, image) => signWithKey(lab, image, format, 'other'),
    (lab, image) => signWithKey(lab, image, format, 'p256'),
  ),
  scene(`attestation-only-${format}`, (lab, image) => attest(lab, image, format)),
  scene(
    `signature-and-attestation-${format}`,
    (lab, image) => signWithKey(lab, image, format),
    (lab, image) => attest(lab, image, format),
  ),
]);

/** The certificate is over by now. */
const hourAgo = (): TokenRequest => ({ ...release, issuedAt: new Date(Date.now() - 60 * 60 * 1_000) });

/** As bundles, cosign signs with these only what is in no log. */
const loggedLegacy = (['p384', 'ed25519'] as const).map((key) =>
  scene(`logged-${key}-legacy`, (lab, image) => signWithLoggedKey(lab, image, 'legacy', key)),
);

const keylessServices: readonly Services[] = ['rekor1', 'rekor1-tsa', 'rekor2-tsa', 'tsa'];

const keyless = about('identity', [
  ...keylessServices.map((services) =>
    scene(`keyless-${services}`, (lab, image) => signKeyless(lab, image, services, 'release')),
  ),
  scene('keyless-by-another-sigstore', (lab, image) => signKeyless(lab, image, 'rekor1', 'release', 'another')),
  ...both.flatMap((format) => [
    scene(`keyless-without-cosign-${format}`, (lab, image) => signKeylessByHand(lab, image, format, release)),
    scene(`keyless-late-${format}`, (lab, image) => signKeylessByHand(lab, image, format, hourAgo())),
  ]),
  scene('keyless-stranger', (lab, image) => signKeyless(lab, image, 'rekor1', 'stranger')),
  scene('keyless-legacy', (lab, image) => signKeylessLegacy(lab, image, 'release', { log: true, timestamp: false })),
  scene('keyless-legacy-timestamped', (lab, image) =>
    signKeylessLegacy(lab, image, 'release', { log: true, timestamp: true }),
  ),
  scene('keyless-legacy-only-timestamped', (lab, image) =>
    signKeylessLegacy(lab, image, 'release', { log: false, timestamp: true }),
  ),
  scene('keyless-legacy-nothing', (lab, image) =>
    signKeylessLegacy(lab, image, 'release', { log: false, timestamp: false }),
  ),
  scene('keyless-legacy-stranger', (lab, image) =>
    signKeylessLegacy(lab, image, 'stranger', { log: true, timestamp: false }),
  ),
  scene(
    'keyless-stranger-then-release',
    (lab, image) => signKeyless(lab, image, 'rekor1', 'stranger'),
    (lab, image) => signKeyless(lab, image, 'rekor1', 'release'),
  ),
]);

const mixed = about('both', [
  scene(
    'good-legacy-foreign-bundle',
    (lab, image) => signWithKey(lab, image, 'legacy', 'p256'),
    (lab, image) => signWithKey(lab, image, 'bundle', 'other'),
  ),
  scene(
    'good-bundle-foreign-legacy',
    (lab, image) => signWithKey(lab, image, 'bundle', 'p256'),
    (lab, image) => signWithKey(lab, image, 'legacy', 'other'),
  ),
  scene(
    'legacy-key-bundle-keyless',
    (lab, image) => signWithKey(lab, image, 'legacy', 'p256'),
    (lab, image) => signKeyless(lab, image, 'rekor1', 'release'),
  ),
]);

/** Signs one image, and hangs its signature on another. */
function copied(format: Format): Scene {
  const name = `copied-${format}`;
  return {
    name,
    about: 'key',
    async prepare(lab) {
      const signed = lab.image(name);
      await signWithKey(lab, signed, format);
      const { digest, size } = pushImage(lab.registry, { repository: name, tag: 'v2' });
      const other = { ...signed, digest, size, reference: `${lab.registry.host}/${name}@${digest}` };
      if (format === 'legacy') moveLegacy(lab.registry, signed, other);
      else moveReferrers(lab.registry, signed, other);
      return other;
    },
  };
}

const signedLegacy = (lab: Lab, image: LabImage): Promise<void> => signWithKey(lab, image, 'legacy');
const signedBundle = (lab: Lab, image: LabImage): Promise<void> => signWithKey(lab, image, 'bundle');

const tampered = [
  ...both.map(copied),
  scene('changed-payload', signedLegacy, ({ registry }, image) => {
    editLegacy(registry, image, ({ payload, annotations }) => ({
      payload: Buffer.from(payload.toString().replace('"optional":null', '"optional":{"env":"prod"}')),
      annotations,
    }));
  }),
  scene('no-signature-annotation', signedLegacy, ({ registry }, image) => {
    editLegacy(registry, image, ({ payload }) => ({ payload, annotations: {} }));
  }),
  scene(
    'foreign-rekor-entry',
    (lab, image) => signWithLoggedKey(lab, image, 'legacy'),
    async (lab, image) => {
      const donor = lab.image('foreign-rekor-entry-donor');
      await signWithLoggedKey(lab, donor, 'legacy');
      let entry = '';
      editLegacy(lab.registry, donor, (layer) => {
        entry = layer.annotations[rekorBundle] ?? '';
        return layer;
      });
      editLegacy(lab.registry, image, ({ payload, annotations }) => ({
        payload,
        annotations: { ...annotations, [rekorBundle]: entry },
      }));
    },
  ),
  scene('changed-statement', signedBundle, ({ registry }, image) => {
    editBundle(registry, image, (bundle) => {
      const statement = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString();
      const changed = Buffer.from(statement.replace('"predicate":{}', '"predicate":{"more":1}'));
      if (changed.toString() === statement) throw new Error(`unexpected statement: ${statement}`);
      return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: changed.toString('base64') } };
    });
  }),
  scene('foreign-public-key-hint', signedBundle, ({ registry }, image) => {
    editBundle(registry, image, (bundle) => ({
      ...bundle,
      verificationMaterial: { publicKey: { hint: Buffer.alloc(32).toString('base64') } },
    }));
  }),
  scene('two-signatures-in-one-bundle', signedBundle, ({ registry }, image) => {
    editBundle(registry, image, (bundle) => {
      const { signatures } = bundle.dsseEnvelope;
      return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures: [...signatures, ...signatures] } };
    });
  }),
  scene('bundle-is-not-json', signedBundle, ({ registry }, image) => {
    editBundle(registry, image, () => 'what?');
  }),
];

const rekorBundle = 'dev.sigstore.cosign/bundle';

/** Signed by the right key, but saying something odd. */
const oddClaims: readonly (readonly [string, (image: LabImage) => string])[] = [
  ['claim-of-another-type', (image) => claim(image.digest, 'something else')],
  ['claim-of-atomic-type', (image) => claim(image.digest, 'atomic container signature')],
  ['claim-of-another-image', () => claim(digestOf('another'))],
  ['claim-in-upper-case', (image) => claim(image.digest).replace('docker-manifest', 'Docker-Manifest')],
  [
    'claim-twice-good-last',
    (image) => claim(image.digest).replace('"image":{', `"image":{"docker-manifest-digest":"${digestOf('another')}",`),
  ],
  [
    'claim-twice-good-first',
    (image) =>
      claim(image.digest).replace(
        `"${image.digest}"}`,
        `"${image.digest}","docker-manifest-digest":"${digestOf('another')}"}`,
      ),
  ],
  ['claim-that-is-no-json', () => 'docker-manifest-digest'],
  ['claim-with-text-after-it', (image) => `${claim(image.digest)} {}`],
];

const claims = oddClaims.map(([name, payload]) =>
  scene(name, (lab, image) => {
    const bytes = Buffer.from(payload(image));
    pushClaim(lab.registry, image, bytes, lab.signBytes('p256', bytes));
  }),
);

const index = (name: string, sign: (lab: Lab, image: LabImage) => Promise<void>, ask: 'index' | 'platform'): Scene => ({
  name,
  about: 'key',
  async prepare(lab) {
    const platforms = ['amd64', 'arm64'].map((architecture) => ({
      ...pushImage(lab.registry, { repository: name, architecture }),
      architecture,
    }));
    const digest = pushIndex(lab.registry, { repository: name, tag: 'v1', manifests: platforms });
    const image = { repository: name, digest, size: 0, reference: `${lab.registry.host}/${name}@${digest}` };
    await sign(lab, image);
    const [platform] = platforms;
    if (ask === 'index' || platform === undefined) return image;
    return { ...image, digest: platform.digest, reference: `${lab.registry.host}/${name}@${platform.digest}` };
  },
});

const indexes = inBoth((format) => [
  index(`index-${format}`, (lab, image) => signWithKey(lab, image, format), 'index'),
  index(`platform-of-index-${format}`, (lab, image) => signWithKey(lab, image, format), 'platform'),
  index(`platform-signed-too-${format}`, (lab, image) => signWithKey(lab, image, format, 'p256', ['-r']), 'platform'),
]);

/** The same once more where bundles are found through the referrers API. */
const throughReferrersApi = [...signedWithKeys, ...keyless, ...mixed]
  .filter(({ name }) =>
    ['p256-bundle', 'two-keys-bundle', 'keyless-rekor1', 'good-legacy-foreign-bundle'].includes(name),
  )
  .map(({ name, prepare, ...rest }): Scene => ({
    ...rest,
    name: `${name}-by-referrers`,
    referrersApi: true,
    prepare: (lab) => prepare({ ...lab, image: (repository) => lab.image(`${repository}-by-referrers`, true) }),
  }));

const bare = [
  scene('unsigned'),
  scene('signature-is-an-index', ({ registry }, image) => {
    const empty = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
    registry.putManifest(image.repository, empty, `sha256-${hexOf(image.digest)}.sig`);
  }),
];

export const scenes: readonly Scene[] = [
  ...bare,
  ...signedWithKeys,
  ...loggedLegacy,
  ...keyless,
  ...mixed,
  ...tampered,
  ...claims,
  ...indexes,
  ...throughReferrersApi,
];
