/**
 * Images, and what the real cosign has done to each. They are made once; every policy has copies in a repository of its
 * own, so that it alone judges them.
 */
import { writeFileSync } from 'node:fs';
import { pushImage, pushIndex } from '../../../src/demo/registry/images.ts';
import { hexOf } from '../../../src/kernel/digest.ts';
import { must } from '../../differential/cosign.ts';
import type { KeyName } from '../../differential/keys.ts';
import { release, type Lab, type LabImage } from '../../differential/lab.ts';
import {
  signKeyless,
  signKeylessByHand,
  signKeylessLegacy,
  signWithKey,
  signWithLoggedKey,
  signWithTimestampedKey,
  type Format,
  type Signer,
} from '../../differential/signing.ts';

type Step = (lab: Lab, image: LabImage) => void | Promise<void>;

const key =
  (format: Format, name: KeyName = 'p256', more: readonly string[] = []): Step =>
  (lab, image) =>
    signWithKey(lab, image, format, name, more);

const logged = { log: true, timestamp: false };

const custom = { type: 'custom', predicate: 'foobar e2e test' } as const;

/** `cosign attest` with a key, in no log. */
const attested =
  (type: string, predicate: string, format: Format = 'legacy', name: KeyName = 'p256'): Step =>
  async (lab, image) => {
    const file = predicateFile(lab, image, predicate);
    const how = ['--use-signing-config=false', '--tlog-upload=false', `--new-bundle-format=${format === 'bundle'}`];
    const what = ['--predicate', file, '--type', type, image.reference];
    await must(lab.cosign, ['attest', '--key', lab.privateKey(name), ...how, ...what]);
  };

/** `cosign attest` with a certificate of the release's identity, or the stranger's. */
const attestedKeyless =
  (type: string, predicate: string, format: Format = 'legacy', signer: Signer = 'release'): Step =>
  async (lab, image) => {
    const file = predicateFile(lab, image, predicate);
    const { fulcioUrl, rekorUrl } = lab.sigstore;
    const how =
      format === 'bundle'
        ? ['--signing-config', lab.file('rekor1.json')]
        : [
            '--use-signing-config=false',
            '--new-bundle-format=false',
            '--fulcio-url',
            fulcioUrl,
            '--rekor-url',
            rekorUrl,
          ];
    const who = ['--identity-token', lab.file(`${signer}.token`), '--trusted-root', lab.file('root.json')];
    await must(lab.cosign, ['attest', ...how, ...who, '--predicate', file, '--type', type, image.reference]);
  };

function predicateFile(lab: Lab, image: LabImage, predicate: string): string {
  const file = lab.file(`${image.repository.replaceAll('/', '-')}-predicate`);
  writeFileSync(file, predicate);
  return file;
}

const vulnerabilities = {
  invocation: { parameters: null, uri: 'invocation.example.com/cosign-testing', event_id: '', 'builder.id': '' },
  scanner: { uri: 'fakescanner.example.com/cosign-testing', version: '', db: { uri: '', version: '' }, result: null },
  metadata: { scanStartedOn: '2022-04-12T00:00:00Z', scanFinishedOn: '2022-04-12T00:10:00Z' },
};
const spdx = { spdxVersion: 'SPDX-2.2', SPDXID: 'SPDXRef-DOCUMENT', name: 'example', packages: [] };
const provenance = {
  builder: { id: 'https://builder.example/1' },
  buildType: 'https://example.com/make',
  invocation: {},
};
const review = { approved: true, by: ['ann', 'bob'], score: 7 };
export const reviewType = 'https://example.com/review/v1';

const hourAgo = (): typeof release => ({ ...release, issuedAt: new Date(Date.now() - 60 * 60 * 1_000) });

const imageSteps = {
  unsigned: [],
  key: [key('legacy')],
  'key-stranger': [key('legacy', 'other')],
  'key-bundle': [key('bundle')],
  'key-both': [key('legacy', 'other'), key('legacy')],
  'key-annotated': [key('legacy', 'p256', ['-a', 'env=prod'])],
  'key-rsa': [key('legacy', 'rsa')],
  'key-p384': [key('legacy', 'p384')],
  'key-logged': [(lab, image) => signWithLoggedKey(lab, image, 'legacy')],
  'key-timestamped': [(lab, image) => signWithTimestampedKey(lab, image, 'legacy')],
  keyless: [(lab, image) => signKeylessLegacy(lab, image, 'release', logged)],
  'keyless-stranger': [(lab, image) => signKeylessLegacy(lab, image, 'stranger', logged)],
  'keyless-timestamped': [(lab, image) => signKeylessLegacy(lab, image, 'release', { log: true, timestamp: true })],
  'keyless-unlogged': [(lab, image) => signKeylessLegacy(lab, image, 'release', { log: false, timestamp: false })],
  'keyless-expired': [(lab, image) => signKeylessByHand(lab, image, 'legacy', hourAgo())],
  'keyless-bundle': [(lab, image) => signKeyless(lab, image, 'rekor1', 'release')],
  'key-and-keyless': [key('legacy'), (lab, image) => signKeylessLegacy(lab, image, 'release', logged)],
  custom: [attested(custom.type, custom.predicate)],
  'custom-other': [attested('custom', 'something else')],
  'custom-stranger': [attested(custom.type, custom.predicate, 'legacy', 'other')],
  'custom-bundle': [attested(custom.type, custom.predicate, 'bundle')],
  'custom-keyless': [attestedKeyless(custom.type, custom.predicate)],
  'custom-keyless-other': [attestedKeyless('custom', 'something else')],
  'custom-keyless-stranger': [attestedKeyless(custom.type, custom.predicate, 'legacy', 'stranger')],
  'custom-keyless-bundle': [attestedKeyless(custom.type, custom.predicate, 'bundle')],
  vuln: [attested('vuln', JSON.stringify(vulnerabilities))],
  'custom-and-vuln': [attested(custom.type, custom.predicate), attested('vuln', JSON.stringify(vulnerabilities))],
  'two-custom': [attested('custom', 'something else'), attested(custom.type, custom.predicate)],
  spdx: [attested('spdxjson', JSON.stringify(spdx))],
  provenance: [attested('slsaprovenance', JSON.stringify(provenance))],
  review: [attested(reviewType, JSON.stringify(review))],
  'review-poor': [attested(reviewType, JSON.stringify({ ...review, approved: false, score: 2 }))],
  'signed-and-custom': [key('legacy'), attested(custom.type, custom.predicate)],
} as const satisfies Readonly<Record<string, readonly Step[]>>;

export type ImageName = keyof typeof imageSteps | 'index' | 'index-unsigned' | 'missing';

/** Made in `made/NAME`. Two at a time: signing is a process each. */
export async function makeImages(lab: Lab): Promise<ReadonlyMap<ImageName, LabImage>> {
  const made = new Map<ImageName, LabImage>();
  // Of our own table.
  const waiting = Object.entries(imageSteps) as [ImageName, readonly Step[]][];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, steps] = next;
      const image = lab.image(`made/${name}`);
      for (const step of steps) await step(lab, image);
      made.set(name, image);
    }
  };
  await Promise.all([work(), work(), work()]);
  for (const name of ['index', 'index-unsigned'] as const) made.set(name, indexOf(lab, name));
  const index = made.get('index');
  if (index !== undefined) await signWithKey(lab, index, 'legacy');
  return made;
}

function indexOf({ registry }: Lab, name: ImageName): LabImage {
  const repository = `made/${name}`;
  const manifests = ['amd64', 'arm64'].map((architecture) => ({
    ...pushImage(registry, { repository, architecture, tag: architecture }),
    architecture,
  }));
  const digest = pushIndex(registry, { repository, tag: 'v1', manifests });
  return { repository, digest, size: 0, reference: `${registry.host}/${repository}@${digest}` };
}

type Registry = Lab['registry'];

/** Everything that has a tag, and what that leads to. */
export function copyRepository({ store }: Registry, from: string, to: string): void {
  for (const tag of store.tags(from)) copyManifest(store, from, to, tag, tag);
}

/** The signatures of an image alone, with another tag if asked. */
export function copySignatures({ store }: Registry, image: LabImage, to: string, prefix = ''): void {
  for (const kind of ['sig', 'att']) {
    const tag = `sha256-${hexOf(image.digest)}.${kind}`;
    copyManifest(store, image.repository, to, tag, prefix + tag);
  }
}

interface Linked {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly layers?: readonly { readonly digest: LabImage['digest'] }[];
  readonly config?: { readonly digest: LabImage['digest'] };
}

function copyManifest(store: Registry['store'], from: string, to: string, reference: string, tag?: string): void {
  const found = store.manifest(from, reference);
  if (found === undefined) return;
  // Pushed by cosign and by us.
  const { manifests = [], layers = [], config } = JSON.parse(Buffer.from(found.bytes).toString()) as Linked;
  for (const { digest } of manifests) copyManifest(store, from, to, digest);
  for (const blob of config === undefined ? layers : [...layers, config]) store.mount(from, to, blob.digest);
  store.putManifest(to, found.bytes, found.mediaType, tag);
}
