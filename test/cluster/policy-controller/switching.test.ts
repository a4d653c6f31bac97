/**
 * Somebody who has policies for policy-controller applies them to a cluster that has Countersign alone: its manifests
 * unchanged, with kubectl, and then the commands of its documentation and its end-to-end tests. What its scripts expect
 * is expected here, word for word.
 */
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pushImage } from '../../../src/demo/registry/images.ts';
import type { LabImage } from '../../differential/lab.ts';
import { hasCluster } from '../access.ts';
import { until } from '../processes.ts';
import {
  exampleKey,
  github,
  serviceAccount,
  sign,
  startDemoWorld,
  type DemoWorld,
  type Kubectl,
} from './demo-world.ts';
import { filled, manifest, manifestsIn, text } from './upstream-manifests.ts';

const demo = 'ghcr.io/sigstore/timestamp-server';

describe.runIf(hasCluster)('policies of policy-controller on a cluster without it', () => {
  let world: DemoWorld;
  const applied: string[] = [];

  beforeAll(async () => {
    world = await startDemoWorld();
  }, 120_000);
  afterAll(() => world?.close());
  afterEach(async () => {
    for (const yaml of applied.splice(0)) await world.kubectl(['delete', '--ignore-not-found', '-f', '-'], yaml);
  });

  async function apply(yaml: string): Promise<void> {
    const { code, said } = await world.kubectl(['apply', '-f', '-'], yaml);
    if (code !== 0) throw new Error(said);
    applied.push(yaml);
  }

  const run = (...given: Parameters<DemoWorld['run']>): Promise<Kubectl> => world.run(...given);
  const job = (name: string): Promise<Kubectl> => world.job(name);

  function image(repository: string, user = ''): LabImage {
    const { registry } = world.lab;
    const { digest, size } = pushImage(registry, { repository, tag: 'latest', ...(user === '' ? {} : { user }) });
    return { repository, digest, size, reference: `${registry.host}/${repository}@${digest}` };
  }

  describe('manifests', () => {
    const policies = ['examples/policies', 'valid', 'e2e', 'trustroots/valid'].flatMap(manifestsIn);
    // The one is a workload; the other is a template that policy-controller does not take as it is either.
    const others = ['e2e/test-deployment.yaml', 'examples/policies/signed-by-aws-kms-key.yaml'];

    const taken = policies.filter((name) => !others.includes(name));

    async function tryOut(names: readonly string[]): Promise<readonly string[]> {
      const files = names.map((name) => `--filename=${manifest(name)}`);
      const { said } = await world.kubectl(['apply', '--dry-run=server', ...files]);
      // What is unwise in a policy is told as a warning.
      return said.split('\n').filter((line) => line !== '' && !line.startsWith('Warning: '));
    }

    test('that it takes are taken as they are', async () => {
      const lines = await tryOut(taken);
      expect(lines.filter((line) => !line.endsWith('(server dry run)'))).toEqual([]);
      expect(lines.length).toBeGreaterThanOrEqual(50);
    });

    test('that it refuses are refused', async () => {
      const names = manifestsIn('invalid');
      const said = (await tryOut(names)).join('\n');
      expect(names.filter((name) => !refuses(said, name))).toEqual([]);
      expect(said).not.toContain('(server dry run)');
    });
  });

  describe('examples', () => {
    test('allow-only-pods', async () => {
      await apply(text('examples/policies/allow-only-pods.yaml'));
      const pinned = `${demo}@sha256:dcf2f3a640bfb0a5d17aabafb34b407fe4403363c715718ab305a62b3606540d`;
      await world.assertOutcome(() => run(pinned), 'admitted');
      await world.assertOutcome(() => job(pinned), 'typemeta.kind: conflicting values "Job" and "Pod"');
    });

    test('custom-key-attestation-sbom-spdxjson, with its key and its SBOM', async () => {
      const described = image('examples/sbom');
      const predicate = { type: 'spdxjson', file: manifest('examples/sboms/example.spdx.json') };
      await sign(world.lab, described, { with: { key: exampleKey }, predicate });
      await apply(text('examples/policies/custom-key-attestation-sbom-spdxjson.yaml'));
      await world.assertOutcome(() => run(described.reference), 'admitted');
      await world.assertOutcome(() => run(image('examples/no-sbom').reference), 'no matching attestations');
    });

    test('keyless-attestation-sbom-spdxjson', async () => {
      const described = image('examples/keyless-sbom');
      const byAnother = image('examples/keyless-sbom-by-another');
      const predicate = { type: 'spdxjson', file: manifest('examples/sboms/example.spdx.json') };
      await sign(world.lab, described, { with: { identity: github }, predicate });
      await sign(world.lab, byAnother, { with: { identity: serviceAccount }, predicate });
      await apply(text('examples/policies/keyless-attestation-sbom-spdxjson.yaml'));
      await world.assertOutcome(() => run(described.reference), 'admitted');
      await world.assertOutcome(() => run(byAnother.reference), 'IDENTITY_MISMATCH');
    });

    test('signed-by-github-actions', async () => {
      const signed = image('examples/signed');
      const other = image('examples/signed-by-another');
      await sign(world.lab, signed, { with: { identity: github } });
      await sign(world.lab, other, { with: { identity: serviceAccount } });
      await apply(text('examples/policies/signed-by-github-actions.yaml'));
      await world.assertOutcome(() => run(signed.reference), 'admitted');
      await world.assertOutcome(() => run(other.reference), 'IDENTITY_MISMATCH');
    });

    // Its reader puts in the key of an account, which nobody answers for here.
    test('signed-by-aws-kms-key refuses everything until the key is known', async () => {
      const values = { '<< region >>': 'us-west-2', '<< account id >>': '123456789012' };
      const key = { '<< key id >>': '1234abcd-12ab-34cd-56ef-1234567890ab' };
      await apply(filled('examples/policies/signed-by-aws-kms-key.yaml', { ...values, ...key }));
      await world.assertOutcome(() => run(image('examples/kms').reference), 'POLICY_NOT_READY');
    });
  });

  describe('end-to-end tests', () => {
    const evaluated = 'failed evaluating cue policy for ClusterImagePolicy: failed to evaluate the policy with error: ';

    test.each([
      [
        'cip-include-spec',
        [],
        'cip-include-spec-fails',
        'spec.serviceAccount: conflicting values "default" and "non-default"',
      ],
      [
        'cip-include-objectmeta',
        ['-l=foo=bar'],
        'cip-include-objectmeta-fails',
        'metadata.labels.foo: conflicting values "bar" and "non-bar"',
      ],
      [
        'cip-config-file-policy',
        [],
        'cip-config-file-policy-fails',
        'config."linux/amd64".config.User: conflicting values',
      ],
    ] as const)('%s', async (passes, flags, fails, said) => {
      image('sigstore/timestamp-server', '65532');
      await apply(text(`e2e/${fails}.yaml`));
      await world.assertOutcome(() => run(demo, ...flags), evaluated + said);
      await world.kubectl(['delete', '-f', manifest(`e2e/${fails}.yaml`)]);
      await apply(text(`e2e/${passes}.yaml`));
      await world.assertOutcome(() => run(demo, ...flags), 'admitted');
    });

    test('cip-include-typemeta', async () => {
      image('sigstore/timestamp-server', '65532');
      await apply(text('e2e/cip-include-typemeta.yaml'));
      await world.assertOutcome(() => job(demo), `${evaluated}typemeta.kind: conflicting values "Job" and "Pod"`);
      await world.assertOutcome(() => run(demo), 'admitted');
    });

    test('cip-config-file-policy-from-configmap', async () => {
      image('sigstore/timestamp-server', '65532');
      const code = (user: string): string =>
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'policy-config', namespace: 'countersign-system' },
          data: { policy: text('code/cue-policy-config.cue').replaceAll('65530', user) },
        });
      await apply(code('65530'));
      await apply(text('e2e/cip-config-file-policy-from-configmap.yaml'));
      await world.assertOutcome(() => job(demo), `${evaluated}config."linux/amd64".config.User: conflicting values`);
      await apply(code('65532'));
      await world.assertOutcome(() => job(demo), 'admitted');
    });

    test('cip-policy-from-url, where the address cannot be reached, refuses what it matches', async () => {
      image('sigstore/timestamp-server', '65532');
      await apply(text('e2e/cip-policy-from-url.yaml'));
      await world.assertOutcome(() => job(demo), 'POLICY_NOT_READY');
    });

    test('cip-static-fail and cip-static-pass: both must pass', async () => {
      const { reference } = image('policy-controller/demo-static');
      await apply(text('e2e/cip-static-pass.yaml'));
      await world.assertOutcome(() => job(reference), 'admitted');
      await apply(text('e2e/cip-static-fail.yaml'));
      await world.assertOutcome(() => job(reference), 'disallowed by static policy');
    });

    test('cip-keyless and its identities', async () => {
      const signed = image('policy-controller/demo-keyless');
      const unsigned = image('policy-controller/demo-unsigned');
      await sign(world.lab, signed, { with: { identity: serviceAccount } });
      await apply(text('e2e/cip-keyless.yaml'));
      await apply(text('e2e/cip-keyless-with-identities.yaml'));
      await world.assertOutcome(() => job(signed.reference), 'admitted');
      await world.assertOutcome(() => job(unsigned.reference), 'no signatures found');
      await apply(text('e2e/cip-keyless-with-identities-mismatch.yaml'));
      await world.assertOutcome(() => job(signed.reference), 'IDENTITY_MISMATCH');
    });

    test('cip-keyless-warn', async () => {
      const { reference } = image('policy-controller/demo-warn');
      await apply(text('e2e/cip-keyless-warn.yaml'));
      const warned = await until(
        async () => (await job(reference)).said.includes('Warning: SIGNATURE_MISSING'),
        10_000,
      );
      expect([warned, (await job(reference)).code]).toEqual([true, 0]);
    });

    test('cip-key-secret, unchanged, and the two with a key of their own', async () => {
      const signed = image('policy-controller/demo-key');
      await apply(secretOf(world.lab.publicKeyPem('p256')));
      await sign(world.lab, signed, { with: { key: world.lab.privateKey('p256') } });
      await apply(text('e2e/cip-key-secret.yaml'));
      await world.assertOutcome(() => job(image('policy-controller/demo-no-key').reference), 'no signatures found');
      await world.assertOutcome(() => job(signed.reference), 'admitted');
      for (const name of ['cip-key', 'cip-key-no-rekor']) {
        await apply(withKey(text(`e2e/${name}.yaml`), world.lab.publicKeyPem('p256')));
        await world.assertOutcome(() => job(signed.reference), 'admitted');
        await apply(withKey(text(`e2e/${name}.yaml`), world.lab.publicKeyPem('other')));
        await world.assertOutcome(() => job(signed.reference), 'SIGNATURE_INVALID');
        await world.kubectl(['delete', '-f', manifest(`e2e/${name}.yaml`)]);
      }
    });

    test.each(['cip-keyless-with-attestations', 'cip-keyless-with-attestations-rego'])('%s', async (name) => {
      await apply(text(`e2e/${name}.yaml`));
      const unsigned = image(`policy-controller/demo-unsigned-${name}`);
      await world.assertOutcome(() => job(unsigned.reference), 'no matching attestations');
      for (const [said, expected] of [
        ['something else', 'failed evaluating'],
        ['foobar e2e test', 'admitted'],
      ] as const) {
        const attested = image(`policy-controller/demo-${expected.split(' ')[0]}-${name}`);
        const file = world.lab.file('predicate-file-custom');
        writeFileSync(file, said);
        await sign(world.lab, attested, { with: { identity: serviceAccount }, predicate: { type: 'custom', file } });
        await world.assertOutcome(() => job(attested.reference), expected);
      }
    });

    test('cip-keyless-with-trustroot-with-attestations, and a TrustRoot with its own keys', async () => {
      const attested = image('policy-controller/demo-own-keys');
      const file = world.lab.file('predicate-file-own-keys');
      writeFileSync(file, 'foobar e2e test');
      await sign(world.lab, attested, { with: { identity: serviceAccount }, predicate: { type: 'custom', file } });
      await apply(text('e2e/cip-keyless-with-trustroot-with-attestations.yaml'));
      await world.assertOutcome(() => job(attested.reference), 'my-sigstore-keys');
      await apply(filled('trustroots/e2e/bring-your-own-keys.yaml', keysOf(world.lab.sigstore.trustedRootJson)));
      await world.assertOutcome(() => job(attested.reference), 'admitted');
    });

    test('cip-match-resource-label', async () => {
      const signed = image('policy-controller/demo-match');
      await sign(world.lab, signed, { with: { key: world.lab.privateKey('p256') } });
      const policy = text('e2e/cip-match-resource-label.yaml');
      await apply(withKey(policy, world.lab.publicKeyPem('other')));
      await world.assertOutcome(() => run(signed.reference, '-l=match=match'), 'SIGNATURE_INVALID');
      await world.assertOutcome(() => run(signed.reference, '-l=test=staging'), 'NO_MATCHING_POLICY');
      await apply(withKey(policy, world.lab.publicKeyPem('p256')));
      await world.assertOutcome(() => run(signed.reference, '-l=match=match'), 'admitted');
    });
  });
});

/** As `yq '.spec.authorities[0].key.data |= load_str("cosign.pub")'` in its scripts. */
function withKey(yaml: string, pem: string): string {
  const indented = pem
    .trim()
    .split('\n')
    .map((line) => `        ${line}`);
  return yaml.replace(/ *-----BEGIN PUBLIC KEY-----[^]*?-----END PUBLIC KEY-----/, indented.join('\n'));
}

function secretOf(pem: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cip-secret', namespace: 'countersign-system' },
    stringData: { 'cosign.pub': pem },
  });
}

/** What its script takes from a running Sigstore. */
function keysOf(trustedRootJson: string): Readonly<Record<string, string>> {
  // Made by the lab itself.
  const root = JSON.parse(trustedRootJson) as {
    readonly certificateAuthorities: readonly { readonly certChain: { readonly certificates: readonly Raw[] } }[];
    readonly tlogs: readonly { readonly publicKey: Raw }[];
    readonly ctlogs: readonly { readonly publicKey: Raw }[];
  };
  return {
    FULCIO_CERT_CHAIN: pemOf('CERTIFICATE', root.certificateAuthorities[0]?.certChain.certificates[0]),
    REKOR_PUBLIC_KEY: pemOf('PUBLIC KEY', root.tlogs[0]?.publicKey),
    CTFE_PUBLIC_KEY: pemOf('PUBLIC KEY', root.ctlogs[0]?.publicKey),
  };
}

interface Raw {
  readonly rawBytes: string;
}

/** Base64 of the PEM. */
function pemOf(label: string, raw: Raw | undefined): string {
  const lines = raw?.rawBytes.match(/.{1,64}/g) ?? [];
  return Buffer.from([`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')).toString(
    'base64',
  );
}

/** By our webhook, or by the schema that both have. */
function refuses(said: string, name: string): boolean {
  const lines = said.split('\n').filter((line) => line.includes(name));
  return lines.some((line) => /denied the request: |is invalid: /.test(line));
}
