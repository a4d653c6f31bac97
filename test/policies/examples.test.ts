import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultImages } from '../../src/agents/model.ts';
import { readPolicies } from '../../src/adapters/policies/directory.ts';
import { createPolicyLanguages } from '../../src/adapters/policy-languages/create.ts';
import { embeddedPublicTrustRoot } from '../../src/adapters/sigstore/public-trust-root.ts';
import { runProgram } from '../../src/cli/program.ts';
import { parseImageReference } from '../../src/kernel/image-reference.ts';
import { ok, type Result } from '../../src/kernel/result.ts';
import type { AttestationCheck, SignatureFact, Signer } from '../../src/policy/facts.ts';
import { actionRules } from '../../src/policy/action-rules.ts';
import { attestationInput } from '../../src/policy/attestation-input.ts';
import type { Evaluation } from '../../src/policy/evaluation.ts';
import { failure } from '../../src/kernel/failure.ts';
import { judge, policiesToEvaluate } from '../../src/policy/judge.ts';
import { policyInput } from '../../src/policy/policy-input.ts';
import { predicateUri } from '../../src/policy/predicate-types.ts';
import type { PolicySnapshot } from '../../src/policy/model.ts';
import { plan } from '../../src/policy/plan.ts';
import type { ImageVerdict } from '../../src/policy/verdict.ts';
import type { EvaluationRequest } from '../../src/ports/policy-languages.ts';
import { trustMaterialOf } from '../../src/verification/trust-material.ts';

const folder = new URL('../../policies', import.meta.url).pathname;
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function readExamples(): Promise<PolicySnapshot> {
  const publicTrustRoot = embeddedPublicTrustRoot();
  const read = await readPolicies({ paths: [folder], noMatch: 'deny', publicTrustRoot, log: silent });
  if (!read.ok) throw new Error(JSON.stringify(read.failure));
  return read.value;
}

const snapshot = await readExamples();
const digest = `sha256:${'1a'.repeat(32)}`;
const pod = { group: '', version: 'v1', resource: 'pods', namespace: 'default', labels: {} };

function planOf(name: string) {
  const image = parseImageReference(`${name}@${digest}`);
  if (!image.ok || image.value.digest === undefined) throw new Error(`${name} is no image name`);
  return plan(snapshot, { ...image.value, digest: image.value.digest }, pod);
}

/** The verdict when the image bears one proven signature of this signer, or none at all. */
function verdictOf(name: string, signer?: Signer): ImageVerdict {
  const planned = planOf(name);
  const facts: readonly SignatureFact[] =
    signer === undefined ? [] : [{ verified: true, format: 'bundle', type: 'signature', signer, annotations: {} }];
  const evidence = new Map(planned.questions.map(({ id }) => [id, ok(facts)]));
  return judge(planned, { fields: ['spec.containers[0].image'], text: name }, 'deny', evidence);
}

const github = 'https://token.actions.githubusercontent.com';
const byKey: Signer = { kind: 'key', fingerprint: '00' };
const by = (subject: string, issuer = github): Signer => ({
  kind: 'certificate',
  issuer,
  subjects: [subject],
  extensions: {},
});
const workflow = (path: string) => by(`https://github.com/${path}`);

test('every file lints clean', async () => {
  const output: string[] = [];
  const terminal = {
    out: (text: string) => void output.push(text),
    err: (text: string) => void output.push(text),
    colour: false,
  };
  const flags = files.flatMap((name) => ['-f', join(folder, name)]);
  expect(await runProgram(['policy', 'lint', ...flags, '--output', 'json'], terminal)).toBe(0);
  const reports = JSON.parse(output.join('')) as readonly { errors: unknown; warnings: unknown }[];
  expect(reports.length).toBeGreaterThanOrEqual(files.length);
  for (const report of reports) expect(report).toMatchObject({ errors: [], warnings: [] });
});

test('all of them together are ready, and no image is under two of them', () => {
  expect(snapshot.policies.map(({ name }) => name)).toEqual([
    'ghcr-example',
    'key-based',
    'kubeopencode',
    'kubernaut-actions',
    'kubetask',
    'own-sigstore',
    'provenance',
    'reviewed',
    'scanned',
    'static-fail',
    'static-pass',
    'tekton',
    'two-of-three',
    'warn-first',
  ]);
  for (const policy of snapshot.policies) expect(policy.notReady).toEqual([]);
});

describe('each decides as its comment says', () => {
  const release = 'example/app/.github/workflows/release.yaml@refs/tags/v1';
  const shop = 'example/shop/.github/workflows/release.yaml@refs/tags/v1';
  const builds = 'https://builds.example.org/release';
  const actions = 'ghcr.io/kubernaut/actions/restart:v1';
  const app = 'ghcr.io/example/app:v1';
  const ofAgents = 'kubeopencode/kubeopencode/.github/workflows/release.yaml@refs/tags/v0.1.0';
  const ofKubeTask = 'kubetask-io/kubetask/.github/workflows/images.yaml@refs/heads/main';
  const gemini = 'quay.io/zhaoxue/kubetask-agent-gemini:latest';
  const openCodeImages = ['', '-agent-opencode', '-agent-devbox', '-agent-attach'].map(
    (name) => `quay.io/kubeopencode/kubeopencode${name}:latest`,
  );

  test.each<[string, string, string, Signer | undefined, string]>([
    [
      'kubernaut-actions',
      'a workflow on a branch',
      actions,
      workflow('kubernaut/actions/.github/workflows/publish.yml@refs/heads/main'),
      'admit',
    ],
    [
      'kubernaut-actions',
      'a workflow on a tag',
      actions,
      workflow('kubernaut/other/.github/workflows/w.yaml@refs/tags/v1.2'),
      'admit',
    ],
    [
      'kubernaut-actions',
      'a folder below',
      'ghcr.io/kubernaut/actions/a/b',
      workflow('kubernaut/a/.github/workflows/w.yaml@refs/heads/x'),
      'admit',
    ],
    [
      'kubernaut-actions',
      'a pull request',
      actions,
      workflow('kubernaut/actions/.github/workflows/publish.yml@refs/pull/7/merge'),
      'IDENTITY_MISMATCH',
    ],
    [
      'kubernaut-actions',
      'another organisation',
      actions,
      workflow('evil/actions/.github/workflows/publish.yml@refs/heads/main'),
      'IDENTITY_MISMATCH',
    ],
    [
      'kubernaut-actions',
      'an organisation that begins alike',
      actions,
      workflow('kubernaut-evil/a/.github/workflows/w.yml@refs/heads/main'),
      'IDENTITY_MISMATCH',
    ],
    [
      'kubernaut-actions',
      'a host that looks alike',
      actions,
      by('https://github-com/kubernaut/a/.github/workflows/w.yml@refs/heads/main'),
      'IDENTITY_MISMATCH',
    ],
    [
      'kubernaut-actions',
      'a subject with the wanted one inside',
      actions,
      by('https://evil/?https://github.com/kubernaut/a/.github/workflows/w.yml@refs/heads/main'),
      'IDENTITY_MISMATCH',
    ],
    [
      'kubernaut-actions',
      'another issuer',
      actions,
      by('https://github.com/kubernaut/a/.github/workflows/w.yml@refs/heads/main', 'https://evil'),
      'IDENTITY_MISMATCH',
    ],
    ['kubernaut-actions', 'a star for a subject', actions, by('https://github.com/kubernaut/*'), 'IDENTITY_MISMATCH'],
    ['kubernaut-actions', 'no signature', actions, undefined, 'SIGNATURE_MISSING'],
    ['ghcr-example', 'the release workflow on a tag', app, workflow(release), 'admit'],
    ['ghcr-example', 'the same in another repository', app, workflow(release.replace('/app/', '/lib/')), 'admit'],
    [
      'ghcr-example',
      'the release workflow on a branch',
      app,
      workflow(release.replace('tags/v1', 'heads/main')),
      'IDENTITY_MISMATCH',
    ],
    ['ghcr-example', 'another workflow', app, workflow(release.replace('release', 'test')), 'IDENTITY_MISMATCH'],
    ['ghcr-example', 'another owner', app, workflow(release.replace('example', 'examples')), 'IDENTITY_MISMATCH'],
    ['ghcr-example', 'no signature', app, undefined, 'SIGNATURE_MISSING'],
    ['key-based', 'the key', 'registry.example.org/team/app', byKey, 'admit'],
    ['key-based', 'an identity', 'registry.example.org/team/app', workflow(release), 'KEY_MISMATCH'],
    ['key-based', 'no signature', 'registry.example.org/team/app', undefined, 'SIGNATURE_MISSING'],
    [
      'own-sigstore',
      'the build service',
      'registry.example.org/internal/a/b',
      by(builds, 'https://login.example.org'),
      'admit',
    ],
    [
      'own-sigstore',
      'the build service by another issuer',
      'registry.example.org/internal/a/b',
      by(builds),
      'IDENTITY_MISMATCH',
    ],
    ['own-sigstore', 'no signature', 'registry.example.org/internal/a/b', undefined, 'SIGNATURE_MISSING'],
    ['warn-first', 'the release workflow', 'registry.example.org/shop/cart', workflow(shop), 'admit'],
    ['warn-first', 'no signature', 'registry.example.org/shop/cart', undefined, 'warn SIGNATURE_MISSING'],
    ...openCodeImages.map((image): [string, string, string, Signer, string] => [
      'kubeopencode',
      `a workflow on a tag, ${image}`,
      image,
      workflow(ofAgents),
      'admit',
    ]),
    ...openCodeImages.map((image): [string, string, string, undefined, string] => [
      'kubeopencode',
      `no signature, ${image}`,
      image,
      undefined,
      'SIGNATURE_MISSING',
    ]),
    ['kubeopencode', 'the other project', `${openCodeImages[0]}`, workflow(ofKubeTask), 'IDENTITY_MISMATCH'],
    [
      'kubeopencode',
      'a workflow on another branch',
      `${openCodeImages[1]}`,
      workflow(ofAgents.replace('tags/v0.1.0', 'heads/x')),
      'IDENTITY_MISMATCH',
    ],
    ['kubetask', 'a workflow on main', gemini, workflow(ofKubeTask), 'admit'],
    ['kubetask', 'an image of tools', 'quay.io/kubetask/kubetask-tools:v1', workflow(ofKubeTask), 'admit'],
    ['kubetask', 'the other project', gemini, workflow(ofAgents), 'IDENTITY_MISMATCH'],
    ['kubetask', 'no signature', gemini, undefined, 'SIGNATURE_MISSING'],
    ['static-pass', 'no signature', 'registry.k8s.io/pause:3.10', undefined, 'admit'],
    ['static-fail', 'no signature', 'nginx', undefined, 'STATIC_FAIL'],
    ['static-fail', 'a signature by anybody', 'docker.io/bitnami/redis:7', byKey, 'STATIC_FAIL'],
  ])('%s: %s', (policy, _title, image, signer, expected) => {
    const { policies, violations, warnings } = verdictOf(image, signer);
    expect(policies).toEqual([policy]);
    const said = [...violations.map(({ code }) => code), ...warnings.map(({ code }) => `warn ${code}`)];
    expect(said.join() || 'admit').toBe(expected);
  });

  test.each([
    'ghcr.io/examples/app',
    'ghcr.io/kubernaut/other',
    'registry.k8s.io/pause-evil',
    'registry.example.org/teams/a',
    'quay.io/a/b',
    'quay.io/kubeopencode/other',
    'quay.io/zhaoxue/other',
  ])('nothing is said of %s, so it is refused', (image) => {
    expect(verdictOf(image, byKey)).toMatchObject({ policies: [], violations: [{ code: 'NO_MATCHING_POLICY' }] });
  });

  test('static answers need no look at the registry', () => {
    expect(planOf('registry.k8s.io/pause:3.10').questions).toEqual([]);
    expect(planOf('nginx').questions).toEqual([]);
  });

  test('own-sigstore demands its own log and timestamps, and its trust root can be used', () => {
    const [question] = planOf('registry.example.org/internal/app').questions;
    expect(question?.trust).toMatchObject({
      kind: 'certificate',
      sct: 'required',
      root: { name: 'own-sigstore' },
      log: { demand: 'required', root: { name: 'own-sigstore' } },
      timestamps: { name: 'own-sigstore' },
    });
    const root = snapshot.trustRoots.get('own-sigstore');
    if (root === undefined) throw new Error('there is no such trust root');
    const material = trustMaterialOf(root);
    expect(material).toMatchObject({
      certificateAuthorities: [{}],
      timestampAuthorities: [{}],
      tlogs: [{}],
      ctlogs: [{}],
    });
  });
});

describe('attestations and code decide as their comments say', () => {
  const languages = createPolicyLanguages();
  afterAll(() => languages.close());

  interface Attested {
    readonly type: string;
    readonly predicate: unknown;
  }

  /** The verdict when all of these are proven, of the wanted signer. */
  async function attestedVerdict(name: string, attested: readonly Attested[]): Promise<string> {
    const planned = planOf(name);
    const [question] = planned.questions;
    if (question?.kind !== 'attestations') throw new Error(`${name} is not asked for attestations`);
    const signer = question.trust.kind === 'key' ? byKey : releaseWorkflow;
    const facts: SignatureFact[] = [];
    for (const { type, predicate } of attested) {
      const checks: AttestationCheck[] = [];
      for (const [demand, wanted] of question.wanted.entries()) {
        if (predicateUri(wanted.predicateType) !== type) continue;
        const statement = { _type: 'https://in-toto.io/Statement/v0.1', predicateType: type, subject: [], predicate };
        const input = attestationInput(JSON.stringify(statement), wanted.predicateType);
        if (!input.ok || wanted.policy === undefined) throw new Error(`${name}: ${wanted.name} has no code or input`);
        const { result, message } = await evaluated({ name: wanted.name, code: wanted.policy, input: input.value });
        checks.push({ demand, ...(result !== 'pass' && { refusal: failure('POLICY_UNSATISFIED', message) }) });
      }
      const common = { verified: true, format: 'bundle', type: 'attestation', annotations: {} } as const;
      facts.push({ ...common, signer, predicateType: type, checks });
    }
    const where = { fields: ['spec.containers[0].image'], text: name };
    return codesOf(judge(planned, where, 'deny', new Map([[question.id, ok(facts)]])));
  }

  async function evaluated(request: EvaluationRequest): Promise<Evaluation> {
    const evaluation = await languages.evaluate(request, AbortSignal.timeout(30_000));
    if (!evaluation.ok) throw new Error(JSON.stringify(evaluation.failure));
    return evaluation.value;
  }

  const codesOf = ({ violations }: ImageVerdict): string => violations.map(({ code }) => code).join() || 'admit';
  const releaseWorkflow = workflow('acme/app/.github/workflows/release.yaml@refs/tags/v1');

  const slsa = (builder: unknown, repository: unknown): Attested => ({
    type: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: { buildType: 'b', externalParameters: { workflow: { ref: 'refs/tags/v1', repository } } },
      runDetails: { builder: { id: builder } },
    },
  });
  const hosted = 'https://github.com/actions/runner/github-hosted';
  const acme = 'https://github.com/acme/app';
  const built = slsa(hosted, acme);
  const spdx = 'https://spdx.dev/Document';
  const sbom: Attested = { type: spdx, predicate: { SPDXID: 'x', packages: [{ name: 'a' }] } };

  const agoDays = (days: number): string => new Date(Date.now() - days * 24 * 3_600_000).toISOString();
  const scan = (scanFinishedOn: unknown): Attested => ({
    type: 'https://cosign.sigstore.dev/attestation/vuln/v1',
    predicate: { scanner: { uri: 's' }, metadata: { scanStartedOn: agoDays(9), scanFinishedOn } },
  });
  const review = (predicate: unknown): Attested => ({ type: 'https://example.org/review/v1', predicate });
  const low = { id: 'R-1', severity: 'low' };

  const [ofAcme, scanned, reviewed] = [
    'ghcr.io/acme/app',
    'registry.example.org/scanned/a',
    'registry.example.org/reviewed/a',
  ];
  const no = 'POLICY_UNSATISFIED';

  test.each<[string, string, readonly Attested[], string]>([
    [ofAcme, 'provenance and SBOM', [built, sbom], 'admit'],
    [ofAcme, 'a good one beside a bad one', [slsa('self-hosted', acme), built, sbom], 'admit'],
    [ofAcme, 'no SBOM', [built], 'ATTESTATION_MISSING'],
    [ofAcme, 'no provenance', [sbom], 'ATTESTATION_MISSING'],
    [ofAcme, 'nothing', [], 'ATTESTATION_MISSING'],
    [ofAcme, 'an SBOM without packages', [built, { type: spdx, predicate: { packages: [] } }], no],
    [ofAcme, 'an SBOM that says nothing', [built, { type: spdx, predicate: {} }], no],
    [ofAcme, 'an SBOM that is nothing', [built, { type: spdx, predicate: null }], no],
    [ofAcme, 'a machine of its own', [slsa('https://github.com/actions/runner/self-hosted', acme), sbom], no],
    [ofAcme, 'no machine', [slsa(undefined, acme), sbom], no],
    [ofAcme, 'another owner', [slsa(hosted, 'https://github.com/evil/app'), sbom], no],
    [ofAcme, 'an owner that begins alike', [slsa(hosted, 'https://github.com/acme-evil/app'), sbom], no],
    [ofAcme, 'no repository', [slsa(hosted, undefined), sbom], no],
    [ofAcme, 'an empty provenance', [{ ...built, predicate: {} }, sbom], no],
    [scanned, 'a scan of today', [scan(agoDays(0))], 'admit'],
    [scanned, 'a scan of last week beside one of today', [scan(agoDays(8)), scan(agoDays(0.5))], 'admit'],
    [scanned, 'six days', [scan(agoDays(6))], 'admit'],
    [scanned, 'eight days', [scan(agoDays(8))], no],
    [scanned, 'a day in the future', [scan(agoDays(-1))], no],
    [scanned, 'no time', [scan(undefined)], no],
    [scanned, 'no time that can be read', [scan('yesterday')], no],
    [scanned, 'nothing', [], 'ATTESTATION_MISSING'],
    [reviewed, 'approved', [review({ approved: true, findings: [] })], 'admit'],
    [reviewed, 'approved with a low finding', [review({ approved: true, findings: [low] })], 'admit'],
    [reviewed, 'not approved', [review({ approved: false, findings: [] })], no],
    [reviewed, 'approved in a text', [review({ approved: 'true', findings: [] })], no],
    [reviewed, 'a high finding', [review({ approved: true, findings: [low, { id: 'R-2', severity: 'high' }] })], no],
    [reviewed, 'no findings written down', [review({ approved: true })], no],
    [reviewed, 'an empty review', [review({})], no],
    [reviewed, 'a scan instead', [scan(agoDays(0))], 'ATTESTATION_MISSING'],
  ])('%s: %s', async (name, _title, attested, expected) => {
    expect(await attestedVerdict(name, attested)).toBe(expected);
  });

  const teams = ['security', 'quality', 'release'];
  test.each<[readonly string[], string]>([
    [teams, 'admit'],
    [['security', 'quality'], 'admit'],
    [['quality', 'release'], 'admit'],
    [['security', 'release'], 'admit'],
    [['security'], no],
    [['quality'], no],
    [['release'], no],
    [[], 'SIGNATURE_MISSING'],
  ])('two of three, and %j have signed', async (signers, expected) => {
    const name = 'registry.example.org/critical/a';
    const planned = planOf(name);
    const [one, ...others] = planned.policies;
    if (one?.policy.policy === undefined || others.length > 0) throw new Error(`${name} is under no policy with code`);
    const signed: SignatureFact = {
      verified: true,
      format: 'legacy',
      type: 'signature',
      signer: byKey,
      annotations: {},
    };
    const evidence = new Map(
      one.checks.flatMap((check) =>
        check.kind === 'question'
          ? [[check.question.id, ok(signers.includes(check.authority.name) ? [signed] : [])]]
          : [],
      ),
    );
    expect(evidence.size).toBe(teams.length);
    const evaluations = new Map<string, Result<Evaluation>>();
    for (const { policy, checks } of policiesToEvaluate(planned, evidence)) {
      if (policy.policy === undefined) continue;
      const input = policyInput({ checks }, policy.policy, evidence, { content: {} });
      evaluations.set(
        policy.name,
        ok(await evaluated({ name: 'ClusterImagePolicy', code: policy.policy.code, input })),
      );
    }
    const where = { fields: ['spec.containers[0].image'], text: name };
    expect(codesOf(judge(planned, where, 'deny', evidence, evaluations))).toBe(expected);
  });
});

test.each(Object.values(defaultImages))('agents.yaml keeps Pods of %s restricted, without a contract', (name) => {
  const image = parseImageReference(`${name}@${digest}`);
  if (!image.ok || image.value.digest === undefined) throw new Error(`${name} is no image name`);
  const place = { image: { ...image.value, digest: image.value.digest }, namespace: 'team', now: new Date() };
  expect(actionRules(snapshot.actionPolicies, place)).toMatchObject({
    policies: ['agents'],
    mode: 'enforce',
    contract: { required: false },
    digests: { require: true, resolve: 'PodsOnly' },
    podSecurity: 'restricted',
  });
});

describe('action-policy.yaml', () => {
  const action = 'ghcr.io/kubernaut/actions/restart:v1';

  function rulesFor(name: string) {
    const image = parseImageReference(`${name}@${digest}`);
    if (!image.ok || image.value.digest === undefined) throw new Error(`${name} is no image name`);
    const place = {
      image: { ...image.value, digest: image.value.digest },
      namespace: 'kubernaut-jobs',
      now: new Date(),
    };
    return actionRules(snapshot.actionPolicies, place);
  }

  test('is for actions, as strict as can be, and leaves templates as they are in Git', () => {
    expect(rulesFor(action)).toMatchObject({
      policies: ['kubernaut-actions'],
      mode: 'enforce',
      contract: { required: true, onConflict: 'Deny' },
      digests: { require: true, resolve: 'PodsOnly' },
      podSecurity: 'restricted',
    });
  });

  test('is for no other image, and makes no unsigned one pass', () => {
    expect(rulesFor('ghcr.io/kubernaut/controller:v1')).toBeUndefined();
    expect(verdictOf(action).violations).not.toEqual([]);
  });

  test.each<['namespaces' | 'targets', string, boolean]>([
    ['namespaces', 'kubernaut-jobs', true],
    ['namespaces', 'kubernaut', false],
    ['namespaces', 'production', false],
    ['targets', 'production', true],
    ['targets', 'team-a', true],
    ['targets', 'kube-system', false],
  ])('of %s says about %s: %s', (lists, name, allowed) => {
    const found = rulesFor(action)?.[lists] ?? [];
    expect(found.every((list) => list.some((glob) => glob.matches(name)))).toBe(allowed);
  });
});
