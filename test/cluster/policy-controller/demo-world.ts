/**
 * What the examples and end-to-end tests of policy-controller take for granted, on this machine: the public Sigstore, the
 * registries ghcr.io and registry.local, and images that are signed as each policy asks. The trusted root of a local
 * Sigstore stands for the public one, and a local registry is the mirror of those that the policies name.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { TokenRequest } from '../../../src/demo/sigstore/identity-token.ts';
import { must } from '../../differential/cosign.ts';
import { startLab, type Lab, type LabImage } from '../../differential/lab.ts';
import { clusterFacts } from '../access.ts';
import { optedIn, startGate, type Gate } from '../gate/gate.ts';
import { registerPolicies } from '../gate/installation.ts';
import { until } from '../processes.ts';
import { manifest } from './upstream-manifests.ts';

export interface Kubectl {
  readonly code: number | null;
  /** Both of its outputs. */
  readonly said: string;
}

export interface DemoWorld {
  readonly lab: Lab;
  readonly gate: Gate;
  readonly kubectl: (args: readonly string[], input?: string) => Promise<Kubectl>;
  /** `kubectl run`, as a dry run. */
  run(image: string, ...flags: readonly string[]): Promise<Kubectl>;
  /** `kubectl create job`, as a dry run. */
  job(image: string): Promise<Kubectl>;
  /** Waits for it: policies take a moment to be in force. Expected is "admitted", or a part of the refusal. */
  assertOutcome(attempt: () => Promise<Kubectl>, expected: string): Promise<void>;
  close(): Promise<void>;
}

export const github: TokenRequest = {
  issuer: 'https://token.actions.githubusercontent.com',
  subject: 'https://github.com/sigstore/policy-controller/.github/workflows/policy-tester-examples.yml@refs/heads/main',
};
export const serviceAccount: TokenRequest = {
  issuer: 'https://kubernetes.default.svc.cluster.local',
  subject: 'https://kubernetes.io/namespaces/default/serviceaccounts/default',
};

export async function startDemoWorld(): Promise<DemoWorld> {
  const stops: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const lab = await startLab();
    if (lab === undefined) throw new Error('there is no cosign to sign with');
    stops.push(() => lab.close());
    const registries = lab.file('registries.yaml');
    writeFileSync(registries, mirrors(lab.registry.host));
    const publicRoot = lab.file('public-root.json');
    writeFileSync(publicRoot, publicGood(lab.sigstore.trustedRootJson));
    const flags = [`--trusted-root=${publicRoot}`, `--registry-config=${registries}`];
    const gate = await startGate({}, [...flags, `--insecure-registry=${lab.registry.host}`]);
    stops.push(() => gate.close());
    const registered = await registerPolicies(gate.api, gate.webhook.url, gate.webhook.caBundle);
    stops.push(() => registered.remove());
    const namespace = ['-n', await gate.api.namespace(optedIn)];
    return {
      lab,
      gate,
      kubectl,
      run: (image, ...flags) =>
        kubectl(['run', ...namespace, 'demo', `--image=${image}`, '--dry-run=server', ...flags]),
      job: (image) => kubectl(['create', ...namespace, 'job', 'demo', `--image=${image}`, '--dry-run=server']),
      assertOutcome,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function assertOutcome(attempt: () => Promise<Kubectl>, expected: string): Promise<void> {
  let last: Kubectl = { code: null, said: '' };
  await until(async () => {
    last = await attempt();
    return expected === 'admitted' ? last.code === 0 : last.code !== 0 && last.said.includes(expected);
  }, 20_000);
  expect(last).toEqual(
    expected === 'admitted'
      ? { code: 0, said: expect.not.stringContaining('Warning') }
      : { code: 1, said: expect.stringContaining(expected) },
  );
}

/** Its logs under the names by which policies call them. */
function publicGood(trustedRootJson: string): string {
  // Made by the lab itself.
  const root = JSON.parse(trustedRootJson) as { readonly tlogs: readonly object[] };
  const urls = ['https://rekor.sigstore.dev', 'http://rekor.rekor-system.svc'];
  const tlogs = urls.flatMap((baseUrl) => root.tlogs.map((log) => ({ ...log, baseUrl })));
  return JSON.stringify({ ...root, tlogs });
}

/** What policies call ghcr.io and registry.local:5000 is the registry of the lab. */
function mirrors(host: string): string {
  const entry = (name: string): string =>
    `  - host: ${name}\n    mirrors:\n      - {host: '${host}', resolveTags: true}\n`;
  return `registries:\n${['ghcr.io', 'registry.local:5000'].map(entry).join('')}`;
}

function kubectl(args: readonly string[], input = ''): Promise<Kubectl> {
  const facts = clusterFacts();
  const child = spawn(facts.kubectl, [`--kubeconfig=${facts.kubeconfig}`, ...args], { timeout: 30_000 });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, said: Buffer.concat(said).toString() }));
  });
}

/** `cosign sign` and `cosign attest` with what the local Sigstore gives, in the format that policy-controller reads. */
export interface Signing {
  readonly with: { readonly key: string } | { readonly identity: TokenRequest };
  readonly predicate?: { readonly type: string; readonly file: string };
}

export async function sign(lab: Lab, image: LabImage, signing: Signing): Promise<void> {
  const { fulcioUrl, rekorUrl } = lab.sigstore;
  const how = ['--use-signing-config=false', '--new-bundle-format=false', '--rekor-url', rekorUrl];
  const trust = ['--trusted-root', lab.file('root.json')];
  const who =
    'key' in signing.with
      ? ['--key', signing.with.key]
      : ['--fulcio-url', fulcioUrl, '--identity-token', token(lab, signing.with.identity)];
  const { predicate } = signing;
  const what = predicate === undefined ? ['sign'] : ['attest', '--type', predicate.type, '--predicate', predicate.file];
  await must(lab.cosign, [...what, ...how, ...trust, ...who, image.reference]);
}

function token(lab: Lab, identity: TokenRequest): string {
  const file = lab.file(`demo-${identity.issuer.length}.token`);
  writeFileSync(file, lab.sigstore.identityToken(identity));
  return file;
}

/** The key that policy-controller publishes with its examples. */
export const exampleKey = manifest('examples/keys/cosign.key');
