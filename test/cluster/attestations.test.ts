/** Attestations of the real cosign, and code of policies in all three languages, judged at the API server. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCosign, must, type Cosign } from '../differential/cosign.ts';
import { hasCluster } from './access.ts';
import type { ApiObject } from './gate/api.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { unsignedImage } from './gate/images.ts';
import { refusal } from './gate/refusal.ts';
import { pod, podSpec } from './gate/workloads.ts';
import { until } from './processes.ts';

const cosignIn = await findCosign();

interface Attested {
  readonly type: string;
  readonly predicate: object;
  readonly format?: 'legacy' | 'bundle';
  readonly key?: 'ours' | 'theirs';
}

interface Case {
  readonly name: string;
  readonly attest: readonly Attested[];
  /** In `attestations` of one authority with our key; empty: a signature is asked for. */
  readonly demands: readonly object[];
  /** More of the policy's spec. */
  readonly spec?: object;
  /** More of the Pod's. */
  readonly pod?: object;
  readonly labels?: Readonly<Record<string, string>>;
  /** The beginning of the refusal, or undefined. */
  readonly refused?: RegExp;
}

const review = 'https://example.com/review/v1';
const reviewed = (approved: boolean, format: 'legacy' | 'bundle' = 'legacy'): Attested => ({
  type: review,
  predicate: { approved, by: 'qa', findings: [{ severity: 'low' }, { severity: approved ? 'low' : 'high' }] },
  format,
});
const scanned: Attested = {
  type: 'vuln',
  predicate: {
    invocation: { parameters: null, uri: 'https://ci.example', event_id: '1', 'builder.id': 'ci' },
    scanner: { uri: 'pkg:scan', version: '1', db: { uri: '', version: '' }, result: { findings: 0 } },
    metadata: { scanStartedOn: '2026-01-01T00:00:00Z', scanFinishedOn: '2026-01-01T00:00:01Z' },
  },
};

const demand = (type: string, data: string, predicateType = review): object => ({
  name: 'reviewed',
  predicateType,
  policy: { type, data },
});
const cue = demand('cue', `predicateType: "${review}"\npredicate: approved: true`);
const rego = demand(
  'rego',
  'package sigstore\n\nisCompliant[response] {\n  high := [f | f := input.predicate.findings[_]; f.severity == "high"]\n' +
    '  response := {"result": count(high) == 0, "error": sprintf("%d high findings", [count(high)]), "warning": ""}\n}',
);
const cel = demand('cel', 'predicate.findings.all(f, f.severity != "high") && predicate.approved');
const anything = { name: 'any', predicateType: review };
const overObject = (type: string, data: string, more: object): object => ({ policy: { type, data, ...more } });

const noHostNetwork = overObject('rego', 'package sigstore\n\nisCompliant { not input.spec.hostNetwork }', {
  includeSpec: true,
});

const cases: readonly Case[] = [
  { name: 'cue-legacy', attest: [reviewed(true)], demands: [cue] },
  { name: 'cue-bundle', attest: [reviewed(true, 'bundle')], demands: [cue] },
  {
    name: 'cue-no',
    attest: [reviewed(false)],
    demands: [cue],
    refused: /^POLICY_UNSATISFIED: failed policy .*failed evaluating cue policy for reviewed: .*conflicting values/,
  },
  {
    name: 'cue-bundle-no',
    attest: [reviewed(false, 'bundle')],
    demands: [cue],
    refused: /^POLICY_UNSATISFIED: .*failed evaluating cue policy for reviewed/,
  },
  { name: 'rego', attest: [reviewed(true)], demands: [rego] },
  {
    name: 'rego-no',
    attest: [reviewed(false, 'bundle')],
    demands: [rego],
    refused: /^POLICY_UNSATISFIED: .*failed evaluating rego policy for type reviewed: .*1 high findings/,
  },
  { name: 'cel', attest: [reviewed(true, 'bundle')], demands: [cel] },
  {
    name: 'cel-no',
    attest: [reviewed(false)],
    demands: [cel],
    refused: /^POLICY_UNSATISFIED: .*cel policy for reviewed/,
  },
  { name: 'short-name', attest: [scanned], demands: [{ name: 'scan', predicateType: 'vuln' }] },
  {
    name: 'short-name-code',
    attest: [scanned],
    demands: [demand('cue', 'predicate: scanner: result: findings: <1', 'vuln')],
  },
  {
    name: 'several',
    attest: [scanned, reviewed(false), reviewed(true, 'bundle')],
    demands: [cue, { name: 'scan', predicateType: 'vuln' }],
  },
  {
    name: 'one-is-missing',
    attest: [reviewed(true)],
    demands: [cue, { name: 'scan', predicateType: 'vuln' }],
    refused: /^ATTESTATION_MISSING: .*no matching attestations with type vuln, checked the following predicateTypes/,
  },
  { name: 'nothing', attest: [], demands: [anything], refused: /^ATTESTATION_MISSING: / },
  {
    name: 'another-type',
    attest: [scanned],
    demands: [anything],
    refused:
      /^ATTESTATION_MISSING: .*checked the following predicateTypes: "https:\/\/cosign.sigstore.dev\/attestation\/vuln/,
  },
  {
    name: 'another-key',
    attest: [{ ...reviewed(true), key: 'theirs' }],
    demands: [anything],
    refused: /^[A-Z_]+: failed policy/,
  },
  {
    name: 'another-key-bundle',
    attest: [{ ...reviewed(true, 'bundle'), key: 'theirs' }],
    demands: [anything],
    refused: /^[A-Z_]+: failed policy/,
  },
  { name: 'no-signature', attest: [reviewed(true)], demands: [], refused: /^SIGNATURE_MISSING: / },
  {
    name: 'spec-cue',
    attest: [reviewed(true)],
    demands: [anything],
    spec: overObject('cue', 'authorityMatches: by: attestations: any: [{predicateType: string, ...}, ...]', {}),
  },
  {
    name: 'spec-cue-no',
    attest: [reviewed(true)],
    demands: [anything],
    spec: overObject('cue', 'authorityMatches: by: attestations: any: [{predicateType: "other"}]', {}),
    refused: /^POLICY_UNSATISFIED: .*failed evaluating cue policy for ClusterImagePolicy/,
  },
  { name: 'host-network', attest: [reviewed(true)], demands: [anything], spec: noHostNetwork },
  {
    name: 'host-network-no',
    attest: [reviewed(true)],
    demands: [anything],
    spec: noHostNetwork,
    pod: { hostNetwork: true },
    refused: /^POLICY_UNSATISFIED: .*failed evaluating rego policy for type ClusterImagePolicy/,
  },
  {
    name: 'labels',
    attest: [reviewed(true)],
    demands: [anything],
    spec: overObject('cel', 'metadata.labels.team == "a" && typemeta.kind == "Pod"', {
      includeObjectMeta: true,
      includeTypeMeta: true,
    }),
    labels: { team: 'a' },
  },
  {
    name: 'labels-no',
    attest: [reviewed(true)],
    demands: [anything],
    spec: overObject('cel', 'metadata.labels.team == "a"', { includeObjectMeta: true }),
    labels: { team: 'b' },
    refused: /^POLICY_UNSATISFIED: .*cel policy for ClusterImagePolicy/,
  },
  {
    name: 'config-file',
    attest: [reviewed(true)],
    demands: [anything],
    spec: overObject('cue', 'config: "linux/amd64": config: Entrypoint: ["/bin/true"]', { fetchConfigFile: true }),
  },
  {
    name: 'config-file-no',
    attest: [reviewed(true)],
    demands: [anything],
    spec: overObject('cue', 'config: "linux/amd64": config: Entrypoint: ["/bin/sh"]', { fetchConfigFile: true }),
    refused: /^POLICY_UNSATISFIED: /,
  },
  {
    name: 'config-map',
    attest: [reviewed(true)],
    demands: [{ ...anything, policy: { type: 'cue', configMapRef: { name: 'review-policy', key: 'policy' } } }],
  },
  {
    name: 'config-map-no',
    attest: [reviewed(false)],
    demands: [{ ...anything, policy: { type: 'cue', configMapRef: { name: 'review-policy', key: 'policy' } } }],
    refused: /^POLICY_UNSATISFIED: /,
  },
  {
    name: 'network',
    attest: [reviewed(true)],
    demands: [
      demand('rego', 'package sigstore\n\nisCompliant { http.send({"method": "get", "url": "http://127.0.0.1"}) }'),
    ],
    refused: /^POLICY_UNSATISFIED: .*undefined function http.send/,
  },
  {
    name: 'loop',
    attest: [reviewed(true)],
    demands: [
      demand(
        'rego',
        'package sigstore\n\nisCompliant { count([1 | numbers.range(1, 100000)[_] > 0; numbers.range(1, 100000)[_] > 0]) > 0 }',
      ),
    ],
    refused: /^POLICY_LIMIT_EXCEEDED: /,
  },
  {
    name: 'after-the-loop',
    attest: [reviewed(true)],
    demands: [rego],
  },
];

describe.runIf(hasCluster && cosignIn !== undefined)('attestations and code of policies', () => {
  let gate: Gate;
  const folder = mkdtempSync(join(tmpdir(), 'countersign-attestations-'));
  const applied: ApiObject[] = [];
  const images = new Map<string, string>();

  beforeAll(async () => {
    gate = await startGate();
    await gate.api.remove(gate.policy);
    const cosign = cosignIn?.(folder);
    if (cosign === undefined) return;
    const publicKey = await makeKeys(cosign, folder);
    await keep({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'review-policy', namespace: 'countersign-system' },
      data: { policy: 'predicate: approved: true', other: 'predicate: approved: false' },
    });
    for (const one of cases) {
      images.set(one.name, await attestedImage(cosign, one));
      await keep(policyOf(one, publicKey));
    }
    const admitted = async (): Promise<boolean> =>
      trial('cue-legacy').then(
        () => true,
        () => false,
      );
    if (!(await until(admitted, 20_000))) throw new Error((await refusal(trial('cue-legacy'))).sentence);
  }, 180_000);
  afterAll(async () => {
    for (const object of applied) await gate.api.remove(object);
    await gate?.close();
    rmSync(folder, { recursive: true });
  });

  async function keep(object: ApiObject): Promise<void> {
    await gate.api.apply(object);
    applied.push(object);
  }

  async function attestedImage(cosign: Cosign, { name, attest }: Case): Promise<string> {
    const { tagged, digest } = unsignedImage(gate.registry, `acme/${name}`);
    for (const [index, { type, predicate, format, key = 'ours' }] of attest.entries()) {
      const file = join(folder, `${name}-${index}.json`);
      writeFileSync(file, JSON.stringify(predicate));
      const unlogged = ['--use-signing-config=false', '--tlog-upload=false'];
      const how = ['--key', join(folder, `${key}.key`), ...unlogged, `--new-bundle-format=${format === 'bundle'}`];
      const what = ['--predicate', file, '--type', type];
      await must(cosign, ['attest', ...how, ...what, `${gate.registry.host}/acme/${name}@${digest}`]);
    }
    return tagged;
  }

  function policyOf({ name, demands, spec = {} }: Case, publicKey: string): ApiObject {
    return {
      apiVersion: 'policy.sigstore.dev/v1beta1',
      kind: 'ClusterImagePolicy',
      metadata: { name: `attested-${name}` },
      spec: {
        images: [{ glob: `${gate.registry.host}/acme/${name}:*` }],
        authorities: [{ name: 'by', key: { data: publicKey }, ...(demands.length > 0 && { attestations: demands }) }],
        ...spec,
      },
    };
  }

  function trial(name: string): Promise<unknown> {
    const { pod: more = {}, labels = {} } = cases.find((one) => one.name === name) ?? {};
    const made = pod(gate.namespace, 'trial', { ...podSpec(images.get(name) ?? ''), ...more });
    return gate.api.create({ ...made, metadata: { ...made.metadata, labels } }, { dryRun: true });
  }

  test.each(cases.filter(({ refused }) => refused === undefined))('admit: $name', async ({ name }) => {
    await expect(trial(name)).resolves.toBeDefined();
  });

  test.each(cases.flatMap(({ name, refused }) => (refused === undefined ? [] : [{ name, refused }])))(
    'refuse: $name',
    async ({ name, refused }) => {
      const { code, sentence } = await refusal(trial(name));
      expect(sentence).toMatch(refused);
      expect(code).toBe(403);
    },
  );

  test('a bomb delays nobody else', async () => {
    const [bomb, ...others] = await Promise.all([
      refusal(trial('loop')),
      ...['rego', 'cue-legacy', 'cel'].map((name) => trial(name)),
    ]);
    expect(bomb.sentence).toMatch(/^POLICY_LIMIT_EXCEEDED: /);
    expect(others).toHaveLength(3);
  });

  test('another text in the ConfigMap is in force at once, and its loss takes nothing away', async () => {
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'review-policy', namespace: 'countersign-system' },
    };
    await gate.api.apply({ ...map, data: { policy: 'predicate: approved: false' } });
    const turned = async (): Promise<boolean> =>
      trial('config-map-no').then(
        () => true,
        () => false,
      );
    expect(await until(turned, 20_000)).toBe(true);
    expect((await refusal(trial('config-map'))).sentence).toMatch(/^POLICY_UNSATISFIED: /);
    await gate.api.remove(map);
    // Longer than it takes to notice.
    await sleep(5_000);
    expect((await refusal(trial('config-map'))).sentence).toMatch(/^POLICY_UNSATISFIED: /);
    await expect(trial('config-map-no')).resolves.toBeDefined();
  });
});

/** Gives the public key of `ours`. */
async function makeKeys(cosign: Cosign, folder: string): Promise<string> {
  let ours = '';
  for (const name of ['theirs', 'ours']) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = join(folder, `${name}.pem`);
    writeFileSync(pem, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await must(cosign, ['import-key-pair', '--key', pem, '--output-key-prefix', join(folder, name)]);
    ours = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }
  return ours;
}
