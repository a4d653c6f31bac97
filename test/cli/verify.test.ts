import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBench, type DemoImage } from '../../src/demo/images/bench.ts';
import { demoPolicies } from '../../src/demo/images/demo-policies.ts';
import { keyBundle, keyLegacy, twoSignaturesOneGood, unsigned, wrongKey } from '../../src/demo/images/key-images.ts';
import { keylessBundle, wrongIdentity } from '../../src/demo/images/keyless-images.ts';
import { reset, status } from '../../src/demo/registry/faults.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { startSigstore, type Sigstore } from '../../src/demo/sigstore/sigstore.ts';
import { json, run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'verify-'));
const policies = join(folder, 'policies');
const root = join(folder, 'root.json');
const keyFile = join(folder, 'cosign.pub');
let registry: DemoRegistry;
let sigstore: Sigstore;
let images: Readonly<Record<'unsigned' | 'legacy' | 'bundle' | 'two' | 'wrongKey' | 'keyless' | 'stranger', DemoImage>>;
let identity: readonly string[];

beforeAll(async () => {
  registry = await startRegistry();
  sigstore = await startSigstore();
  const bench = createBench(registry, sigstore);
  images = {
    unsigned: unsigned(bench),
    legacy: keyLegacy(bench),
    bundle: keyBundle(bench),
    two: twoSignaturesOneGood(bench),
    wrongKey: wrongKey(bench),
    keyless: await keylessBundle(bench),
    stranger: await wrongIdentity(bench),
  };
  writeFileSync(keyFile, bench.key.publicKeyPem);
  mkdirSync(policies);
  for (const { name, text } of demoPolicies(bench)) writeFileSync(join(policies, name), text);
  writeFileSync(root, bench.sigstore.trustedRootJson);
  const { issuer, subject } = bench.identity;
  identity = ['--certificate-identity', subject, '--certificate-oidc-issuer', issuer];
});

beforeEach(() => registry.reset());

afterAll(async () => {
  await Promise.all([registry.close(), sigstore.close()]);
  rmSync(folder, { recursive: true });
});

const verify = (image: string, ...args: readonly string[]): ReturnType<typeof run> => {
  return run('verify', image, '--insecure-registry', registry.host, ...args);
};

const digest = /^sha256:[0-9a-f]{64}$/;
const fingerprint = expect.stringMatching(/^[0-9a-f]{64}$/);

describe('an image that is signed as it should be', () => {
  test.each(['legacy', 'bundle'] as const)('with a key, in the format %s, is 0', async (format) => {
    const image = images[format];
    const ran = await verify(image.reference, '--key', keyFile, '-o', 'json');
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 0, err: '' });
    expect(json(ran)).toEqual({
      image: expect.stringContaining(image.digest),
      digest: image.digest,
      verdict: 'verified',
      policies: ['command-line'],
      signatures: [
        expect.objectContaining({ format, type: 'signature', verified: true, signer: { key: fingerprint } }),
      ],
      reasons: [],
    });
  });

  test('by an identity is 0, and tells identity, log and time', async () => {
    const ran = await verify(images.keyless.reference, ...identity, '--trusted-root', root, '-o', 'json');
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 0, err: '' });
    expect(json(ran)).toMatchObject({
      verdict: 'verified',
      signatures: [
        {
          format: 'bundle',
          verified: true,
          signer: { issuer: identity[3], subject: identity[1] },
          log: { url: expect.any(String), index: expect.any(String) },
          time: expect.stringMatching(/^\d{4}-/),
        },
      ],
    });
  });

  test('by an identity that fits regular expressions is 0', async () => {
    const patterns = [
      '--certificate-identity-regexp',
      '^https://github\\.com/acme/',
      '--certificate-oidc-issuer-regexp',
      '^https://',
    ];
    expect(await verify(images.keyless.reference, ...patterns, '--trusted-root', root)).toMatchObject({ code: 0 });
  });

  test('under policies is 0, and names them', async () => {
    for (const image of [images.legacy, images.bundle, images.keyless]) {
      const ran = await verify(image.reference, '--policies', policies, '-o', 'json');
      expect({ code: ran.code, err: ran.err }).toEqual({ code: 0, err: '' });
      expect(json(ran)).toMatchObject({ verdict: 'verified', policies: [`demo-${image.under}`] });
    }
  });

  test('among signatures that are not, tells all of them', async () => {
    const ran = await verify(images.two.reference, '--key', keyFile, '-o', 'json');
    expect(ran.code).toBe(0);
    expect(json(ran)).toMatchObject({ verdict: 'verified', signatures: [{ verified: false }, { verified: true }] });
  });

  test('may be named by its digest', async () => {
    const [name = ''] = images.legacy.reference.split(/:1\.0$/);
    expect(await verify(`${name}@${images.legacy.digest}`, '--key', keyFile)).toMatchObject({ code: 0 });
  });

  test('is said to people in a few lines', async () => {
    const { out } = await verify(images.legacy.reference, '--key', keyFile);
    expect(out).toMatch(
      /^verified {2}127\.0\.0\.1:\d+\/key\/legacy:1\.0@sha256:[0-9a-f]{64}\n {2}✓ legacy signature: key [0-9a-f]{16}…\n$/,
    );
  });
});

describe('an image that is not', () => {
  test.each([
    { name: 'unsigned', image: 'unsigned', code: 'SIGNATURE_MISSING' },
    { name: 'signed by another key', image: 'wrongKey', code: 'SIGNATURE_INVALID' },
  ] as const)('because it is $name is 1, with the reason $code', async ({ image, code }) => {
    const ran = await verify(images[image].reference, '--key', keyFile, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({
      digest: expect.stringMatching(digest),
      verdict: 'refused',
      reasons: [{ code, message: expect.stringMatching(/.+/), policy: 'command-line' }],
    });
    expect((await verify(images[image].reference, '--key', keyFile)).out).toMatch(/^refused {2}/);
  });

  test('because another identity signed it is 1, and tells who did', async () => {
    const ran = await verify(images.stranger.reference, ...identity, '--trusted-root', root, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({
      verdict: 'refused',
      signatures: [{ verified: true, signer: { subject: expect.stringContaining('mallory') } }],
      reasons: [{ code: 'IDENTITY_MISMATCH' }],
    });
  });

  test('because the public-good Sigstore did not give its certificate is 1', async () => {
    const ran = await verify(images.keyless.reference, ...identity, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({ verdict: 'refused', signatures: [{ verified: false }] });
  });

  test('because no policy is about it is 1', async () => {
    const only = join(folder, 'only.yaml');
    const kind = 'apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: { name: only }\n';
    writeFileSync(
      only,
      `${kind}spec: { images: [{ glob: "other.example/**" }], authorities: [{ static: { action: pass } }] }`,
    );
    const ran = await verify(images.legacy.reference, '--policies', only, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({ verdict: 'refused', policies: [], reasons: [{ code: 'NO_MATCHING_POLICY' }] });
  });

  test('because the registry does not have it is 1', async () => {
    const ran = await verify(`${registry.host}/key/nobody:1.0`, '--key', keyFile, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({ verdict: 'refused', signatures: [], reasons: [{ code: 'IMAGE_NOT_FOUND' }] });
  });
});

describe('what could not be decided is 3', () => {
  test('when nobody answers at the registry', async () => {
    // Port 1 of the loopback: nobody is there.
    const ran = await run(
      'verify',
      '127.0.0.1:1/web:1.0',
      '--insecure-registry',
      '127.0.0.1:1',
      '--key',
      keyFile,
      '-o',
      'json',
    );
    expect(ran.code).toBe(3);
    expect(json(ran)).toMatchObject({
      image: '127.0.0.1:1/web:1.0',
      verdict: 'undecided',
      signatures: [],
      reasons: [{ code: 'REGISTRY_UNREACHABLE' }],
    });
  });

  test.each([
    { name: 'resolves the tag, but then closes the connections', where: /referrers|\.sig/, fault: reset() },
    { name: 'answers with errors', where: /./, fault: status(500) },
    { name: 'denies', where: /./, fault: status(403) },
  ])('when the registry $name', async ({ where, fault }) => {
    registry.inject(where, fault);
    const ran = await verify(images.legacy.reference, '--key', keyFile, '-o', 'json');
    expect(ran.code).toBe(3);
    expect(json(ran)).toMatchObject({ verdict: 'undecided', reasons: [{ code: expect.stringMatching(/^REGISTRY_/) }] });
  });

  test('when a registry with TLS is spoken to without it, or the other way round', async () => {
    const ran = await run('verify', images.legacy.reference, '--key', keyFile);
    expect(ran.code).toBe(3);
  });
});

describe('a command line that is wrong is 2', () => {
  const identityOnly = ['--certificate-identity', 'a'];
  const issuerOnly = ['--certificate-oidc-issuer', 'https://a'];
  test.each([
    { args: [], named: '--policies' },
    { args: ['--key', '/nowhere/cosign.pub'], named: '--key' },
    { args: ['--policies', '/nowhere'], named: '/nowhere' },
    { args: identityOnly, named: '--certificate-oidc-issuer' },
    { args: issuerOnly, named: '--certificate-identity' },
    { args: [...identityOnly, ...issuerOnly, '--trusted-root', '/nowhere/root.json'], named: '--trusted-root' },
    { args: [...identityOnly, '--certificate-oidc-issuer-regexp', '('], named: 'issuerRegExp' },
    { args: [...identityOnly, ...issuerOnly, '--key', keyFile], named: '--key' },
    { args: ['--key', keyFile, '--policies', policies], named: '--policies' },
    { args: ['--key', keyFile, '--docker-config', '/nowhere/config.json'], named: '--docker-config' },
    { args: ['--key', keyFile, '--registry-ca', 'nonsense'], named: '--registry-ca' },
    { args: ['--key', join(policies, 'policies.yaml')], named: 'key' },
  ])('$args names $named', async ({ args, named }) => {
    const { code, out, err } = await verify(images.legacy.reference, ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(named);
    expect(err).not.toContain('    at ');
  });

  test.each(['', 'UPPER/x', 'registry.example/web:', 'registry.example/web@sha256:123', 'a b'])(
    'with "%s" for an image',
    async (image) => {
      const { code, out } = await run('verify', '--key', keyFile, '--', image);
      expect({ code, out }).toEqual({ code: 2, out: '' });
    },
  );
});
