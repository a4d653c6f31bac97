/** Policies that would harm whoever reads or applies them: patterns that explode, YAML that unfolds. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { attachBundles, imageStatement, signBundleKeyless } from '../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacyKeyless, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startSigstore, type Sigstore } from '../../src/demo/sigstore/sigstore.ts';
import { nameOf, openGate, podOf, usualPolicies, type Gate, type PolicyFile } from './gate.ts';
import { aliasBomb } from './yaml-bombs.ts';
import { untilHolds } from '../until-holds.ts';

const certificate = 'dev.sigstore.cosign/certificate';
const issuer = 'https://issuer.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!';
/** The longer, the worse for an engine that tries everything: with forty letters it would outlast the test. */
const subject = `https://signer.example/${'a'.repeat(4_000)}!`;

describe('patterns on which backtracking never ends', () => {
  let gate: Gate;
  let sigstore: Sigstore;

  beforeAll(async () => {
    sigstore = await startSigstore();
    gate = await openGate({ policies: (made) => [...usualPolicies(made), ...explosive(made, sigstore)] });
  });
  afterAll(async () => {
    await gate.close();
    await sigstore.close();
  });

  test.each([
    ['subject', 'subjects'],
    ['issuer', 'issuers'],
  ])('for a %s', async (_what, repository) => {
    const image = { repository: `${repository}/app`, ...pushImage(gate.registry, { repository: `${repository}/app` }) };
    const signer = { sigstore, identity: { issuer, subject } };
    attachBundles(gate.registry, image, [await signBundleKeyless(imageStatement(image.digest), signer)]);
    const expected = { code: 'IDENTITY_MISMATCH', says: /signer\.example|issuer\.example/ } as const;
    await gate.assertRefused({ body: podOf(nameOf(gate, image)) }, expected);
  });

  test('for names of images', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const image = `${gate.registry.host}/globs/${'a'.repeat(200)}@${digest}`;
    await gate.assertRefused({ body: podOf(image) }, { code: 'NO_MATCHING_POLICY', says: /policy/ });
  });

  test('beside a certificate that is two', async () => {
    const repository = 'subjects/two';
    const image = { repository, ...pushImage(gate.registry, { repository }) };
    const payload = simpleSigningPayload(gate.registry.host, image);
    const signed = await signLegacyKeyless(payload, { sigstore, identity: { issuer, subject } });
    const annotations = { ...signed.annotations, [certificate]: `${signed.annotations[certificate]}`.repeat(2) };
    attachLegacy(gate.registry, image, [{ ...signed, annotations }]);
    const expected = { code: 'SIGNATURE_MALFORMED', says: /more than one certificate/ } as const;
    await gate.assertRefused({ body: podOf(nameOf(gate, image)) }, expected);
  });
});

function explosive({ registry }: Pick<Gate, 'registry'>, { trustedRootJson }: Sigstore): readonly PolicyFile[] {
  const policy = (repository: string, identity: object): object => ({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: repository.split('/')[0] },
    spec: {
      images: [{ glob: `${registry.host}/${repository}` }],
      authorities: [{ name: 'signer', keyless: { identities: [identity], trustRootRef: 'own' } }],
    },
  });
  const exploding = '^https://[a-z]+\\.example/(a+)+$';
  const policies = [
    policy('subjects/*', { issuer, subjectRegExp: exploding }),
    policy('issuers/*', { issuerRegExp: exploding, subject }),
    policy(`globs/${'a*'.repeat(30)}b`, { issuer, subject }),
  ];
  return [
    { name: 'exploding.yaml', text: policies.map((document) => stringify(document)).join('---\n') },
    { name: 'own.json', text: trustedRootJson },
  ];
}

describe('a file of policies that is', () => {
  const broken = [
    ['an alias bomb', aliasBomb],
    ['lists in lists', '['.repeat(100_000)],
    ['10 MB', '# nothing\n'.repeat(1_000_000)],
    ['binary', '\u0000'.repeat(1_000)],
    ['a policy with a key twice', `${stringify(unfolding())}spec: {}\n`],
  ] as const;

  test.each(broken)('%s: nothing passes before it is mended', async (_what, text) => {
    const gate = await openGate({ policies: (made) => [...usualPolicies(made), { name: 'bad.yaml', text }] });
    onTestFinished(() => gate.close());
    const repair = (): Promise<void> => repaired(gate);
    await gate.assertRefused({ body: podOf(gate.good) }, { code: 'POLICIES_UNAVAILABLE', says: /policies/, repair });
  });

  test('a policy with a pattern that unfolds: what it matches is refused until it is mended', async () => {
    const bad = { name: 'bad.yaml', text: stringify(unfolding()) };
    const gate = await openGate({ policies: (made) => [...usualPolicies(made), bad] });
    onTestFinished(() => gate.close());
    const repair = (): Promise<void> => repaired(gate);
    const expected = { code: 'POLICY_NOT_READY', says: /subjectRegExp regex is invalid/, repair } as const;
    await gate.assertRefused({ body: podOf(gate.good) }, expected);
  });

  test('an alias bomb that comes later: the policies before it stay in force', async () => {
    const gate = await openGate();
    onTestFinished(() => gate.close());
    await writeFile(join(gate.policiesFolder, 'bad.yaml'), aliasBomb);
    const unsigned = `${gate.registry.host}/key/unsigned@sha256:${'0'.repeat(64)}`;
    const until = Date.now() + 500;
    while (Date.now() < until) {
      await gate.assertRefused({ body: podOf(unsigned) }, { code: 'SIGNATURE_MISSING', says: /signature/ });
    }
  });
});

async function repaired(gate: Gate): Promise<void> {
  await rm(join(gate.policiesFolder, 'bad.yaml'));
  await untilHolds(() => gate.assertAdmitted({ body: podOf(gate.good) }));
}

function unfolding(): object {
  const pattern = '((((a{1,30}){1,30}){1,30}){1,30}){1,30}';
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'unfolding' },
    spec: {
      images: [{ glob: '**' }],
      authorities: [{ keyless: { url: 'https://fulcio.example', identities: [{ issuer, subjectRegExp: pattern }] } }],
    },
  };
}
