// Keys of a trust root are changed while images are verified: every verdict is that of the keys in force when it was asked
// for, whatever was proven under others before.
import { afterEach, describe, expect, test } from 'vitest';
import { policyStore, type PolicyStore } from '../../src/adapters/policies/policy-store.ts';
import type { Source } from '../../src/adapters/policies/last-good.ts';
import { followTrustRoots } from '../../src/adapters/sigstore/trust-roots.ts';
import { createInProcessVerifier } from '../../src/adapters/verification/in-process-verifier.ts';
import { createEvidenceSource } from '../../src/evidence/gather.ts';
import { digestOf, hexOf, type Digest } from '../../src/kernel/digest.ts';
import { parseImageReference } from '../../src/kernel/image-reference.ts';
import { ok } from '../../src/kernel/result.ts';
import { judge } from '../../src/policy/judge.ts';
import type { PolicySnapshot } from '../../src/policy/model.ts';
import { parsePolicyValue } from '../../src/policy/parse-documents.ts';
import { plan } from '../../src/policy/plan.ts';
import { serve, TufRepo, type Mirror } from '../adapters/sigstore/tuf-kit.ts';
import { embeddedRoot, silentLog } from '../contracts/policies.ts';
import { noLanguages } from '../fakes/policy-code.ts';
import { FakeRegistry } from '../fakes/registry.ts';
import { pod } from '../policy/kit.ts';
import { pem, pemOfKey } from '../verification/kit/certificates.ts';
import {
  createSigstore,
  identity,
  issuer,
  leafOf,
  muchLater,
  type Sigstore,
  type TrustedRootJson,
} from '../verification/kit/sigstore.ts';
import { claimOf, keylessLegacy } from '../verification/kit/signatures.ts';

const signers = { old: createSigstore(), new: createSigstore() };
type Side = keyof typeof signers;
/** Sides whose keys are in force, one after the other: the new ones are added before the old ones go. */
const phases: readonly (readonly Side[])[] = [['old'], ['old', 'new'], ['new']];
const imagesPerSide = 30;
const verificationsPerPhase = 1_200;
const parallel = 16;

const registry = new FakeRegistry();
const images = (['old', 'new'] as const).flatMap((side) =>
  Array.from({ length: imagesPerSide }, (_, index) => addSigned(side, digestOf(`${side} ${index}`))),
);

function addSigned(side: Side, digest: Digest): { readonly side: Side; readonly digest: Digest } {
  const { payload, annotations } = keylessLegacy(signers[side], leafOf(signers[side]), { payload: claimOf(digest) });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('{}'), size: 2 };
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: registry.putBlob(Buffer.from(payload)),
    size: payload.length,
    annotations,
  };
  const manifest = { schemaVersion: 2, mediaType, config, layers: [layer] };
  registry.putManifest(manifest, `sha256-${hexOf(digest)}.sig`);
  return { side, digest };
}

const policy = {
  apiVersion: 'policy.sigstore.dev/v1beta1',
  kind: 'ClusterImagePolicy',
  metadata: { name: 'signed' },
  spec: {
    images: [{ glob: '**' }],
    authorities: [
      {
        keyless: { identities: [{ issuer, subject: identity }], trustRootRef: 'own' },
        ctlog: { trustRootRef: 'own' },
      },
    ],
  },
};

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

function trustRoot(spec: unknown): unknown {
  return { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name: 'own' }, spec };
}

function sources(root: unknown): readonly Source[] {
  return [policy, root].map((value, index) => ({ name: `${index}`, documents: parsePolicyValue(value, `${index}`) }));
}

function writtenDown(sides: readonly Side[]): unknown {
  const authority = ({ intermediateDer, rootDer }: Sigstore): unknown => ({
    subject: { organization: 'test', commonName: 'test' },
    uri: 'https://fulcio.test',
    certChain: base64(`${pem(intermediateDer)}${pem(rootDer)}`),
  });
  const log = (baseURL: string, key: Sigstore['ctKey']): unknown => ({
    baseURL,
    hashAlgorithm: 'sha-256',
    publicKey: base64(pemOfKey(key)),
  });
  const of = sides.map((side) => signers[side]);
  return trustRoot({
    sigstoreKeys: {
      certificateAuthorities: of.map(authority),
      tLogs: of.map(({ rekorKey }) => log('https://rekor.test', rekorKey)),
      ctLogs: of.map(({ ctKey }) => log('https://ct.test', ctKey)),
    },
  });
}

function trustedRoot(sides: readonly Side[]): string {
  const all = sides.map((side) => signers[side].trustedRoot);
  const merged: TrustedRootJson = {
    mediaType: signers.old.trustedRoot.mediaType,
    tlogs: all.flatMap(({ tlogs }) => tlogs),
    ctlogs: all.flatMap(({ ctlogs }) => ctlogs),
    certificateAuthorities: all.flatMap(({ certificateAuthorities }) => certificateAuthorities),
    timestampAuthorities: all.flatMap(({ timestampAuthorities }) => timestampAuthorities),
  };
  return JSON.stringify(merged);
}

let repo: TufRepo;
let mirror: Mirror;
let store: PolicyStore;

afterEach(async () => {
  store.close();
  await mirror.close();
});

/** Ways to bring another phase about. Each is done once what it begins is on its way. */
const ways: Readonly<Record<string, (sides: readonly Side[]) => void>> = {
  'keys in the object': (sides) => store.replace(sources(writtenDown(sides)), { noMatch: 'deny' }),
  'a repository in the object': (sides) => {
    repo.publish({ targets: { 'trusted_root.json': trustedRoot(sides) } });
    const repository = { root: base64(repo.initialRoot), mirrorFS: base64(repo.archive()) };
    store.replace(sources(trustRoot({ repository })), { noMatch: 'deny' });
  },
  'a remote repository': (sides) => {
    repo.publish({ targets: { 'trusted_root.json': trustedRoot(sides) } });
    const remote = { root: base64(repo.initialRoot), mirror: mirror.url };
    store.replace(sources(trustRoot({ remote })), { noMatch: 'deny' });
  },
};

async function start(): Promise<ReturnType<typeof createEvidenceSource>> {
  repo = new TufRepo();
  mirror = await serve(repo.files);
  store = policyStore({
    publicTrustRoot: embeddedRoot,
    log: silentLog,
    followTrustRoots: (changed) =>
      followTrustRoots({ log: silentLog, addresses: 'any', timing: { resync: 10 } }, changed),
  });
  return createEvidenceSource({
    registry,
    verifier: createInProcessVerifier(),
    languages: noLanguages,
    clock: { now: () => muchLater },
    pullCredentials: { ofWorkload: (of) => ({ id: of.namespace, forHost: async () => ok(undefined) }) },
    metrics: { cache: () => undefined },
  });
}

const workload = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };

async function isAdmitted(
  evidence: ReturnType<typeof createEvidenceSource>,
  snapshot: PolicySnapshot,
  digest: Digest,
): Promise<boolean | string> {
  const text = `registry.example/app@${digest}`;
  const image = parseImageReference(text);
  if (!image.ok) throw new Error(image.failure.message);
  const planned = plan(snapshot, { ...image.value, digest }, pod);
  const found = await evidence.answer(planned.questions, workload, AbortSignal.timeout(5_000));
  const { violations } = judge(planned, { fields: ['image'], text }, snapshot.noMatch, found);
  const [first] = violations;
  if (first === undefined) return true;
  return first.code === 'CERTIFICATE_INVALID' || first.code === 'TLOG_INVALID'
    ? false
    : `${first.code}: ${first.message}`;
}

/** Which phase a snapshot belongs to, by the keys that it holds. */
function sidesOf(snapshot: PolicySnapshot): readonly Side[] {
  const text = snapshot.trustRoots.get('own')?.trustedRootJson ?? '';
  const holds = (side: Side): boolean => {
    const [log] = signers[side].trustedRoot.tlogs;
    return text.includes(log?.logId.keyId ?? '?');
  };
  return (['old', 'new'] as const).filter(holds);
}

interface Tally {
  readonly wrong: string[];
  /** Verdicts by phase, side and outcome. */
  readonly verdicts: Map<string, number>;
}

async function verifyFor(
  evidence: ReturnType<typeof createEvidenceSource>,
  count: number,
  tally: Tally,
): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    const { side, digest } = images[Math.floor(Math.random() * images.length)] ?? images[0] ?? fail();
    const snapshot = store.current() ?? fail();
    const sides = sidesOf(snapshot);
    const verdict = await isAdmitted(evidence, snapshot, digest);
    const key = `${sides.join('+')}: image of ${side} ${verdict === true ? 'admitted' : 'refused'}`;
    tally.verdicts.set(key, (tally.verdicts.get(key) ?? 0) + 1);
    if (verdict !== sides.includes(side)) tally.wrong.push(`${key} (${verdict})`);
  }
}

function fail(): never {
  throw new Error('nothing in force');
}

describe.each(Object.entries(ways))('keys changed through %s', (_title, bringAbout) => {
  test('under load: no wrong verdict, the new key accepted, the old one out', async () => {
    const evidence = await start();
    const tally: Tally = { wrong: [], verdicts: new Map() };
    for (const sides of phases) {
      const each = Math.ceil(verificationsPerPhase / 2 / parallel);
      bringAbout(sides);
      // The first one has nothing before it; the others are verified under while they come.
      if (sides === phases[0]) await store.settled();
      const under = Promise.all(Array.from({ length: parallel }, () => verifyFor(evidence, each, tally)));
      await store.settled();
      await expect.poll(() => sidesOf(store.current() ?? fail()), { timeout: 5_000 }).toEqual(sides);
      await under;
      await Promise.all(Array.from({ length: parallel }, () => verifyFor(evidence, each, tally)));
    }
    expect(tally.wrong).toEqual([]);
    const seen = [...tally.verdicts.keys()].sort();
    expect(seen).toEqual([
      'new: image of new admitted',
      'new: image of old refused',
      'old+new: image of new admitted',
      'old+new: image of old admitted',
      'old: image of new refused',
      'old: image of old admitted',
    ]);
    const total = [...tally.verdicts.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThanOrEqual(verificationsPerPhase * phases.length);
  }, 60_000);
});

test('a proof under keys that are gone is not found again, and is after they came back', async () => {
  const evidence = await start();
  const change = ways['keys in the object'] ?? fail();
  const [image] = images;
  const ask = () => isAdmitted(evidence, store.current() ?? fail(), image?.digest ?? fail());
  change(['old']);
  expect(await ask()).toBe(true);
  change(['new']);
  expect(await ask()).toBe(false);
  change(['old']);
  registry.calls.splice(0);
  expect(await ask()).toBe(true);
  // The question is the same as at first, by its content.
  expect(registry.calls).toEqual([]);
});
