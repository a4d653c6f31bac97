/**
 * What sigstore policy-controller does with a request, behaviour by behaviour, and what we do. Where the two differ the row
 * names the difference; a difference that no row has is not one. Reading policies is in test/policy/policy-controller-rows.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readSettings } from '../../src/adapters/policies/settings.ts';
import { failure } from '../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { Evaluation } from '../../src/policy/evaluation.ts';
import type { SignatureFact } from '../../src/policy/facts.ts';
import type { ClusterImagePolicy, NoMatchPolicy } from '../../src/policy/model.ts';
import { selectTrust } from '../../src/policy/trust-selection.ts';
import { differences } from '../policy/known-differences.ts';
import { byKey, deny, keyless, pass, policyOf, publicKey, publicRoot, snapshotOf, trustRoot } from '../policy/kit.ts';
import {
  Bench,
  deployments,
  digestFor,
  patched,
  pinned,
  podOf,
  pods,
  reviewOf,
  type Response,
  type Sent,
} from './bench.ts';
import { kindsOfPods } from './places.ts';

interface Asked {
  readonly policies?: readonly ClusterImagePolicy[];
  readonly noMatch?: NoMatchPolicy;
  readonly object?: unknown;
  readonly of?: Sent;
  readonly changes?: Readonly<Record<string, unknown>>;
  readonly facts?: Result<readonly SignatureFact[]>;
  readonly evaluation?: Evaluation;
  readonly tag?: 'missing' | 'registry away';
}

/** section: behaviour, what we make of it, and the difference. */
type Row = readonly [
  section: string,
  behaviour: string,
  run: () => Promise<unknown>,
  outcome: unknown,
  differs?: string | undefined,
];

const image = pinned('ghcr.io/org/app', 'v1');
const signature: SignatureFact = {
  verified: true,
  format: 'legacy',
  type: 'signature',
  signer: { kind: 'key', fingerprint: '00' },
  annotations: {},
};
const attestation = (...demands: readonly number[]): SignatureFact => ({
  ...signature,
  type: 'attestation',
  predicateType: 'https://cosign.sigstore.dev/attestation/v1',
  checks: demands.map((demand) => ({ demand })),
});
const refused: SignatureFact = {
  ...signature,
  type: 'attestation',
  checks: [
    { demand: 0, refusal: failure('POLICY_UNSATISFIED', 'failed evaluating cue policy for reviewed: first') },
    { demand: 0, refusal: failure('POLICY_UNSATISFIED', 'failed evaluating cue policy for reviewed: second') },
  ],
};

/** A policy for every image, unless `members` say otherwise. */
function policy(authorities: readonly unknown[], members: object = {}, name = 'p'): ClusterImagePolicy {
  return policyOf({ images: [{ glob: '**' }], authorities, ...members }, name);
}

const attests = (...names: readonly string[]) => ({
  ...byKey,
  attestations: names.map((name) => ({ name, predicateType: 'https://cosign.sigstore.dev/attestation/v1' })),
});
const code = { policy: { type: 'cue', data: 'authorityMatches: {}' } };

async function review(
  phase: 'mutate' | 'validate',
  asked: Asked,
): Promise<{ readonly response: Response; readonly bench: Bench }> {
  const { policies = [policy([byKey])], noMatch = 'deny', object = podOf(image), of = pods, changes, tag } = asked;
  const evaluated = async () => ok(asked.evaluation ?? ({ result: 'pass', message: '' } as const));
  const bench = new Bench({
    policies: snapshotOf(policies, noMatch),
    facts: () => asked.facts ?? ok([signature]),
    ...(tag !== undefined && {
      resolve: () =>
        fail(failure(tag === 'missing' ? 'IMAGE_NOT_FOUND' : 'REGISTRY_UNREACHABLE', `the registry says: ${tag}`)),
    }),
  });
  const reviewing = new Bench({
    policies: snapshotOf(policies, noMatch),
    ports: { evidence: { ...bench.evidence(), evaluate: evaluated } },
  });
  const { response } = await reviewing.review(phase, reviewOf(object, of, changes));
  return { response, bench };
}

/** admitted, or the codes of the refusal; with the codes of warnings behind. */
async function verdict(asked: Asked): Promise<string> {
  const { response } = await review('validate', asked);
  const said = response.allowed
    ? 'admitted'
    : (response.status?.details.causes.map(({ reason }) => reason).join(' ') ?? 'refused without a reason');
  const warned = (response.warnings ?? []).map((text) => text.split(':', 1)[0]).join(' ');
  return warned === '' ? said : `${said}, warned of ${warned}`;
}

async function message(asked: Asked): Promise<string> {
  const { response } = await review('validate', asked);
  return (response.status?.message ?? response.warnings?.join('\n') ?? '').replace(/ \[request [^\]]*\]/, '');
}

/** The images as they are stored. */
async function mutated(asked: Asked): Promise<unknown> {
  const { response } = await review('mutate', asked);
  return response.allowed ? imagesIn(patched(asked.object ?? podOf(image), response.patch)) : 'refused';
}

function imagesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(imagesIn);
  return Object.entries(asRecord(value) ?? {}).flatMap(([key, member]) =>
    (key === 'image' || key === 'reference') && typeof member === 'string' ? [member] : imagesIn(member),
  );
}

const questions = async (asked: Asked): Promise<number> => (await review('validate', asked)).bench.asked.length;
const refusedBySignature = { facts: ok([]) };
const template = (spec: object, metadata: object = {}) => ({ metadata, spec: { template: { spec } } });
const containers = { containers: [{ name: 'c', image }] };
const update = (object: object, oldObject: object): Asked => ({ object, changes: { operation: 'UPDATE', oldObject } });
const other = pinned('ghcr.io/org/other');

const evaluation: readonly Row[] = [
  ['1.6', 'no policy matches, no-match is deny', () => verdict({ policies: [] }), 'NO_MATCHING_POLICY'],
  [
    '1.6',
    'no policy matches, no-match is warn',
    () => verdict({ policies: [], noMatch: 'warn' }),
    'admitted, warned of NO_MATCHING_POLICY',
  ],
  ['1.6', 'no policy matches, no-match is allow', () => verdict({ policies: [], noMatch: 'allow' }), 'admitted'],
  [
    '1.6',
    'two policies match and one fails',
    () => verdict({ policies: [policy([pass]), policy([deny], {}, 'q')] }),
    'STATIC_FAIL',
  ],
  [
    '1.6',
    'two policies match and pass',
    () => verdict({ policies: [policy([pass]), policy([byKey], {}, 'q')] }),
    'admitted',
  ],
  ['1.6', 'one of two authorities passes', () => verdict({ policies: [policy([deny, byKey])] }), 'admitted'],
  [
    '1.6',
    'the errors of the other authorities are gone then',
    () => message({ policies: [policy([deny, byKey])] }),
    '',
  ],
  [
    '1.6',
    'no authority passes',
    () => verdict({ policies: [policy([deny, byKey])], ...refusedBySignature }),
    'STATIC_FAIL',
  ],
  [
    '1.6',
    'match: the resource is compared exactly',
    () =>
      verdict({ policies: [policy([pass], { match: [{ resource: 'deployments', group: 'apps', version: 'v1' }] })] }),
    'NO_MATCHING_POLICY',
  ],
  [
    '1.6',
    'match: resource, group and version fit',
    () => verdict({ policies: [policy([pass], { match: [{ resource: 'pods', version: 'v1' }] })] }),
    'admitted',
  ],
  [
    '1.6',
    'match: any version',
    () => verdict({ policies: [policy([pass], { match: [{ resource: 'pods', version: '*' }] })] }),
    'admitted',
  ],
  [
    '1.6',
    'match: another version',
    () => verdict({ policies: [policy([pass], { match: [{ resource: 'pods', version: 'v2' }] })] }),
    'NO_MATCHING_POLICY',
  ],
  [
    '1.6',
    'match: another group',
    () => verdict({ policies: [policy([pass], { match: [{ resource: 'pods', group: 'apps', version: 'v1' }] })] }),
    'NO_MATCHING_POLICY',
  ],
  [
    '1.6',
    'match: entries are alternatives',
    () =>
      verdict({
        policies: [
          policy([pass], {
            match: [
              { resource: 'jobs', group: 'batch', version: 'v1' },
              { resource: 'pods', version: 'v1' },
            ],
          }),
        ],
      }),
    'admitted',
  ],
  [
    '1.6',
    'match: without a resource nothing is matched',
    () => verdict({ policies: [policy([pass], { match: [{ version: 'v1' }] })] }),
    'NO_MATCHING_POLICY',
  ],
  ['1.6', 'match: no entry is every kind', () => verdict({ policies: [policy([pass], { match: [] })] }), 'admitted'],
  [
    '1.6',
    'match: labels are those of the object that is sent',
    () =>
      verdict({
        policies: [
          policy([pass], {
            match: [{ resource: 'deployments', group: 'apps', version: 'v1', selector: { matchLabels: { a: 'b' } } }],
          }),
        ],
        object: template(containers, { labels: { a: 'b' } }),
        of: deployments,
      }),
    'admitted',
  ],
  [
    '1.6',
    'match: labels of the template do not count',
    () =>
      verdict({
        policies: [
          policy([pass], {
            match: [{ resource: 'deployments', group: 'apps', version: 'v1', selector: { matchLabels: { a: 'b' } } }],
          }),
        ],
        object: { spec: { template: { metadata: { labels: { a: 'b' } }, spec: containers } } },
        of: deployments,
      }),
    'NO_MATCHING_POLICY',
  ],
  [
    '1.6',
    'static pass, nothing is signed',
    () => verdict({ policies: [policy([pass])], ...refusedBySignature }),
    'admitted',
  ],
  ['1.6', 'static pass asks no registry', () => questions({ policies: [policy([pass])] }), 0],
  ['1.6', 'static fail', () => verdict({ policies: [policy([deny])] }), 'STATIC_FAIL'],
  [
    '1.6',
    'attestations: the signature of the image is not looked at',
    () => verdict({ policies: [policy([attests('a')])], facts: ok([attestation(0)]) }),
    'admitted',
  ],
  [
    '1.6',
    'attestations: a signature is none',
    () => verdict({ policies: [policy([attests('a')])] }),
    'ATTESTATION_MISSING',
  ],
  [
    '1.6',
    'attestations: all that are listed are demanded',
    () => verdict({ policies: [policy([attests('a', 'b')])], facts: ok([attestation(0)]) }),
    'ATTESTATION_MISSING',
  ],
  [
    '1.6',
    'attestations: each by an attestation of its own',
    () => verdict({ policies: [policy([attests('a', 'b')])], facts: ok([attestation(0), attestation(1)]) }),
    'admitted',
  ],
  [
    '1.6',
    'attestations: one passes, another is refused by the code',
    () => verdict({ policies: [policy([attests('a')])], facts: ok([refused, attestation(0)]) }),
    'admitted',
  ],
  [
    '1.6',
    'attestations: the first error of the code is kept',
    () => message({ policies: [policy([attests('a')])], facts: ok([refused]) }),
    `POLICY_UNSATISFIED: failed policy p: failed evaluating cue policy for reviewed: first: spec.containers[0].image "${image}"`,
  ],
  [
    '1.6',
    'policy: is not evaluated when no authority passes',
    () =>
      verdict({
        policies: [policy([byKey], code)],
        ...refusedBySignature,
        evaluation: { result: 'pass', message: '' },
      }),
    'SIGNATURE_MISSING',
  ],
  ['1.6', 'policy: passes', () => verdict({ policies: [policy([byKey], code)] }), 'admitted'],
  [
    '1.6',
    'policy: fails',
    () => verdict({ policies: [policy([byKey], code)], evaluation: { result: 'fail', message: 'no' } }),
    'POLICY_UNSATISFIED',
  ],
  [
    '1.6',
    'policy: is told of static authorities that pass',
    () => verdict({ policies: [policy([pass], code)], evaluation: { result: 'fail', message: 'no' } }),
    'POLICY_UNSATISFIED',
  ],
  [
    '1.6',
    'policy: a warning of Rego is a refusal',
    () => verdict({ policies: [policy([pass], code)], evaluation: { result: 'warn', message: 'warning: old' } }),
    'POLICY_UNSATISFIED',
  ],
  [
    '1.6',
    'mode warn: a warning of Rego is a warning',
    () =>
      verdict({
        policies: [policy([pass], { ...code, mode: 'warn' })],
        evaluation: { result: 'warn', message: 'warning: old' },
      }),
    'admitted, warned of POLICY_UNSATISFIED',
  ],
  [
    '1.6',
    'mode warn: an unsigned image',
    () => verdict({ policies: [policy([byKey], { mode: 'warn' })], ...refusedBySignature }),
    'admitted, warned of SIGNATURE_MISSING',
  ],
  [
    '1.6',
    'mode warn beside enforce',
    () => verdict({ policies: [policy([byKey], { mode: 'warn' }), policy([deny], {}, 'q')], ...refusedBySignature }),
    'STATIC_FAIL, warned of SIGNATURE_MISSING',
  ],
  [
    '1.6',
    'mode warn: what is no reference is refused',
    () => verdict({ policies: [policy([byKey], { mode: 'warn' })], object: podOf('in@valid') }),
    'IMAGE_REFERENCE_INVALID',
  ],
  [
    '1.6',
    'mode warn: no match is refused',
    () => verdict({ policies: [policy([pass], { mode: 'warn', images: [{ glob: 'quay.io/**' }] })] }),
    'NO_MATCHING_POLICY',
  ],
  [
    '1.6',
    'mode warn: a tag',
    () => verdict({ policies: [policy([byKey], { mode: 'warn' })], object: podOf('ghcr.io/org/app:v1') }),
    'admitted, warned of IMAGE_NOT_PINNED',
    'warn-softens-everything',
  ],
  [
    '1.5',
    'a glob with a tag',
    () => verdict({ policies: [policy([pass], { images: [{ glob: 'ghcr.io/org/app:v1' }] })] }),
    'admitted',
    'tag-globs',
  ],
  [
    '1.5',
    'an exact name without tag or digest matches nothing',
    () => verdict({ policies: [policy([pass], { images: [{ glob: 'ghcr.io/org/app' }] })] }),
    'NO_MATCHING_POLICY',
  ],
  [
    '1.5',
    'the precise form',
    () => verdict({ policies: [policy([pass], { images: [{ glob: 'ghcr.io/org/app@*' }] })] }),
    'admitted',
  ],
  [
    '1.5',
    'a name that only begins alike',
    () => verdict({ policies: [policy([pass], { images: [{ glob: 'ghcr.io/org/ap*' }] })] }),
    'admitted',
  ],
  [
    '1.5',
    'an unqualified name matches nothing of Docker Hub',
    () =>
      verdict({
        policies: [policy([pass], { images: [{ glob: 'nginx*' }] })],
        object: podOf(pinned('index.docker.io/library/nginx')),
      }),
    'NO_MATCHING_POLICY',
  ],
];

const rooted = { keyless: { ...keyless.keyless, trustRootRef: 'mine' } };
const roots = [publicRoot, trustRoot('mine', ['https://rekor.mine']), trustRoot('tsa')];

/** Which roots an authority uses: certificates, log, timestamps. */
async function trustOf(authority: object): Promise<unknown> {
  const snapshot = snapshotOf([policy([authority])], 'deny', roots);
  const [compiled] = snapshot.policies[0]?.authorities ?? [];
  if (compiled === undefined || compiled.kind === 'static') throw new Error('no such authority');
  const selected = selectTrust(compiled, snapshot);
  if (!selected.ok) return selected.problem;
  const { trust } = selected;
  const log = trust.log.demand === 'required' ? trust.log.root.name : 'ignored';
  const ask = trust.log.demand === 'required' && trust.log.lookUp !== undefined ? ' or asked for' : '';
  const by = trust.kind === 'key' ? 'key' : `${trust.root.name}, sct ${trust.sct}`;
  return `${by}; log ${log}${ask}; timestamps ${trust.timestamps?.name ?? 'none'}`;
}

const rekor = 'https://rekor.sigstore.dev';
const trust: readonly Row[] = [
  ['1.7', 'keyless', () => trustOf(keyless), '(public-good), sct required; log (public-good); timestamps none'],
  [
    '1.7',
    'keyless with a log',
    () => trustOf({ ...keyless, ctlog: { url: rekor } }),
    '(public-good), sct required; log (public-good) or asked for; timestamps none',
  ],
  [
    '1.7',
    'keyless of a TrustRoot without a log',
    () => trustOf({ keyless: { ...keyless.keyless, trustRootRef: 'tsa' } }),
    'tsa, sct required; log ignored; timestamps none',
  ],
  [
    '1.7',
    'keyless of a TrustRoot with a log, and no ctlog',
    () => trustOf(rooted),
    'mine, sct required; log mine; timestamps none',
    'log-of-trust-root',
  ],
  [
    '1.7',
    'the log of a TrustRoot',
    () => trustOf({ ...rooted, ctlog: { trustRootRef: 'mine' } }),
    'mine, sct required; log mine; timestamps none',
  ],
  [
    '1.7',
    'insecureIgnoreSCT',
    () => trustOf({ keyless: { ...keyless.keyless, insecureIgnoreSCT: true } }),
    '(public-good), sct ignored; log (public-good); timestamps none',
  ],
  ['1.7', 'a key', () => trustOf(byKey), 'key; log ignored; timestamps none'],
  [
    '1.7',
    'a key with a log',
    () => trustOf({ ...byKey, ctlog: { url: rekor } }),
    'key; log (public-good) or asked for; timestamps none',
  ],
  [
    '1.7',
    'a key with the log of a TrustRoot',
    () => trustOf({ ...byKey, ctlog: { trustRootRef: 'mine' } }),
    'key; log mine; timestamps none',
  ],
  [
    '1.7',
    'timestamps instead of the log',
    () => trustOf({ ...keyless, rfc3161timestamp: { trustRootRef: 'tsa' } }),
    '(public-good), sct required; log ignored; timestamps tsa',
  ],
  [
    '1.7',
    'timestamps beside a log',
    () => trustOf({ ...keyless, ctlog: { url: rekor }, rfc3161timestamp: { trustRootRef: 'tsa' } }),
    '(public-good), sct required; log (public-good) or asked for; timestamps tsa',
    'log-beside-timestamp',
  ],
  [
    '1.7',
    'a key with timestamps',
    () => trustOf({ ...byKey, rfc3161timestamp: { trustRootRef: 'tsa' } }),
    'key; log ignored; timestamps tsa',
    'timestamp-required',
  ],
];

const twoPlaces = {
  metadata: {},
  spec: {
    containers: [
      { name: 'a', image },
      { name: 'b', image },
    ],
  },
};
const cronJobs: Sent = { group: 'batch', version: 'v1', resource: 'cronjobs', kind: 'CronJob' };

const wording: readonly Row[] = [
  [
    '1.8',
    'failed policy, with the field of a Pod',
    () => message({ policies: [policy([byKey])], ...refusedBySignature }),
    `SIGNATURE_MISSING: failed policy p: no signatures found: spec.containers[0].image "${image}"`,
    'refusal-text',
  ],
  [
    '1.8',
    'the field of a Deployment',
    () => message({ policies: [policy([deny])], object: template(containers), of: deployments }),
    `STATIC_FAIL: failed policy p: disallowed by static policy: not here: spec.template.spec.containers[0].image "${image}"`,
    'refusal-text',
  ],
  [
    '1.8',
    'the field of a CronJob',
    () =>
      message({ policies: [policy([deny])], object: { spec: { jobTemplate: template(containers) } }, of: cronJobs }),
    `STATIC_FAIL: failed policy p: disallowed by static policy: not here: spec.jobTemplate.spec.template.spec.containers[0].image "${image}"`,
    'refusal-text',
  ],
  [
    '1.8',
    'one entry for several slots',
    () => message({ policies: [policy([deny])], object: twoPlaces }),
    `STATIC_FAIL: failed policy p: disallowed by static policy: not here: spec.containers[0].image, spec.containers[1].image "${image}"`,
    'refusal-text',
  ],
  [
    '1.8',
    'the reasons of both authorities',
    () => message({ policies: [policy([byKey, deny])], ...refusedBySignature }),
    `STATIC_FAIL: failed policy p: authority-0: no signatures found; authority-1: disallowed by static policy: not here: spec.containers[0].image "${image}"`,
    'sorted-reasons',
  ],
  ['1.8', 'no policy', () => verdict({ policies: [] }), 'NO_MATCHING_POLICY'],
  ['1.8', 'a tag that is not pinned', () => verdict({ object: podOf('ghcr.io/org/app:v1') }), 'IMAGE_NOT_PINNED'],
  [
    '1.8',
    'a tag of a registry that is away',
    () => message({ object: podOf('ghcr.io/org/app:v1'), tag: 'registry away' }),
    'REGISTRY_UNREACHABLE: failed policy p: the registry says: registry away: spec.containers[0].image "ghcr.io/org/app:v1"',
    'cause-of-unpinned',
  ],
  [
    '1.8',
    'a tag that is not there',
    () => verdict({ object: podOf('ghcr.io/org/app:v1'), tag: 'missing' }),
    'IMAGE_NOT_FOUND',
    'cause-of-unpinned',
  ],
  ['1.8', 'what is no reference', () => verdict({ object: podOf('in@valid') }), 'IMAGE_REFERENCE_INVALID'],
  [
    '1.8',
    'volumes',
    () =>
      message({
        policies: [policy([deny])],
        object: { spec: { volumes: [{ name: 'v', image: { reference: image } }] } },
      }),
    `STATIC_FAIL: failed policy p: disallowed by static policy: not here: spec.volumes[0].image.reference "${image}"`,
    'more-places',
  ],
  [
    '1.8',
    'static without a message',
    () => message({ policies: [policy([{ static: { action: 'fail' } }])] }),
    `STATIC_FAIL: failed policy p: disallowed by static policy: spec.containers[0].image "${image}"`,
  ],
  [
    '1.8',
    'no attestation',
    () => message({ policies: [policy([attests('a')])], facts: ok([]) }),
    `ATTESTATION_MISSING: failed policy p: no matching attestations with type https://cosign.sigstore.dev/attestation/v1: none was found: spec.containers[0].image "${image}"`,
  ],
  [
    '1.8',
    'an attestation of another type',
    () => message({ policies: [policy([attests('a')])], facts: ok([{ ...attestation(), predicateType: 'x' }]) }),
    `ATTESTATION_MISSING: failed policy p: no matching attestations with type https://cosign.sigstore.dev/attestation/v1, checked the following predicateTypes: "x": spec.containers[0].image "${image}"`,
  ],
  [
    '1.8',
    'many images: none is lost',
    () => verdict({ policies: [policy([deny])], object: podOf(image, other) }),
    'STATIC_FAIL STATIC_FAIL',
  ],
];

const intercepted: readonly Row[] = kindsOfPods.flatMap(({ group, versions, resource, kind, places }) =>
  versions.flatMap((version): readonly Row[] => {
    const [place = ''] = places;
    const path = place.replace('.containers[0].image', '').split('.');
    const object = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), containers);
    const differs = ['replicationcontrollers', 'podtemplates'].includes(resource) ? 'more-places' : undefined;
    const of = { group, version, resource, kind };
    return [
      [
        '2.1',
        `${kind} ${version}: unsigned`,
        () => verdict({ object, of, ...refusedBySignature }),
        'SIGNATURE_MISSING',
        differs,
      ],
      ['2.1', `${kind} ${version}: signed`, () => verdict({ object, of }), 'admitted'],
    ];
  }),
);

const skips: readonly Row[] = [
  ['2.3', 'DELETE', () => verdict({ ...refusedBySignature, changes: { operation: 'DELETE' } }), 'admitted'],
  [
    '2.3',
    'the status of an object',
    () =>
      verdict({
        ...refusedBySignature,
        changes: { operation: 'UPDATE', subResource: 'status', oldObject: podOf(other) },
      }),
    'admitted',
  ],
  [
    '2.1',
    'scale',
    () =>
      verdict({
        ...refusedBySignature,
        of: deployments,
        object: {},
        changes: { operation: 'UPDATE', subResource: 'scale' },
      }),
    'admitted',
  ],
  [
    '2.3',
    'an object that is being deleted, with another image',
    () =>
      verdict({
        ...refusedBySignature,
        ...update({ ...podOf(image), metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, podOf(other)),
      }),
    'SIGNATURE_MISSING',
    'objects-being-deleted',
  ],
  [
    '2.3',
    'fewer replicas, and the same image',
    () =>
      verdict({
        ...refusedBySignature,
        of: deployments,
        ...update(
          { spec: { replicas: 1, template: { spec: containers } } },
          { spec: { replicas: 2, template: { spec: containers } } },
        ),
      }),
    'admitted',
  ],
  [
    '2.3',
    'fewer replicas, and another image',
    () =>
      verdict({
        ...refusedBySignature,
        of: deployments,
        ...update(
          { spec: { replicas: 1, template: { spec: containers } } },
          { spec: { replicas: 2, template: { spec: { containers: [{ name: 'c', image: other }] } } } },
        ),
      }),
    'SIGNATURE_MISSING',
    'scale-down',
  ],
  [
    '2.3',
    'a label on a running Pod',
    () =>
      verdict({
        ...refusedBySignature,
        ...update({ ...podOf(image), metadata: { labels: { a: 'b' } } }, podOf(image)),
      }),
    'admitted',
    'unchanged-images',
  ],
  [
    '2.3',
    'another image of a running Pod',
    () => verdict({ ...refusedBySignature, ...update(podOf(image), podOf(other)) }),
    'SIGNATURE_MISSING',
  ],
  ['2.3', 'a dry run', () => verdict({ ...refusedBySignature, changes: { dryRun: true } }), 'SIGNATURE_MISSING'],
  [
    '2.1',
    'an ephemeral container',
    () =>
      verdict({
        ...refusedBySignature,
        object: { spec: { ...containers, ephemeralContainers: [{ name: 'e', image: other }] } },
        changes: { operation: 'UPDATE', subResource: 'ephemeralcontainers', oldObject: { spec: containers } },
      }),
    'SIGNATURE_MISSING',
  ],
  [
    '2.1',
    'a kind that nobody knows',
    () => verdict({ of: { group: 'argoproj.io', version: 'v1alpha1', resource: 'rollouts', kind: 'Rollout' } }),
    'REQUEST_UNSUPPORTED',
  ],
];

const tagged = 'ghcr.io/org/app:v1';
const hub = `index.docker.io/library/nginx:latest@${digestFor('index.docker.io/library/nginx')}`;

const mutation: readonly Row[] = [
  ['2.4', 'a tag gets its digest, and stays', () => mutated({ object: podOf(tagged) }), [image]],
  ['2.4', 'a short name is written out', () => mutated({ object: podOf('nginx') }), [hub]],
  ['2.4', 'a digest stays as it is', () => mutated({ object: podOf(other) }), [other]],
  ['2.4', 'init containers', () => mutated({ object: { spec: { initContainers: [{ image: tagged }] } } }), [image]],
  [
    '2.4',
    'image volumes',
    () => mutated({ object: { spec: { volumes: [{ image: { reference: tagged } }] } } }),
    [image],
    'more-places',
  ],
  [
    '2.4',
    'ephemeral containers',
    () =>
      mutated({
        object: { spec: { ephemeralContainers: [{ image: tagged }] } },
        changes: { operation: 'UPDATE', subResource: 'ephemeralcontainers', oldObject: { spec: {} } },
      }),
    [image],
    'ephemeral-containers-pinned',
  ],
  [
    '2.4',
    'top-level objects too',
    () => mutated({ object: template({ containers: [{ image: tagged }] }), of: deployments }),
    [image],
  ],
  [
    '2.4',
    'a ReplicaSet of a Deployment',
    () =>
      mutated({
        object: template({ containers: [{ image: tagged }] }, { ownerReferences: [{ controller: true }] }),
        of: { group: 'apps', version: 'v1', resource: 'replicasets', kind: 'ReplicaSet' },
      }),
    [tagged],
    'tags-below-controllers',
  ],
  [
    '2.4',
    'what cannot be resolved stays, and is explained later',
    () => mutated({ object: podOf(tagged), tag: 'registry away' }),
    [tagged],
  ],
  [
    '2.4',
    'an image that only static authorities decide',
    () => mutated({ policies: [policy([pass])], object: podOf(tagged) }),
    [tagged],
    'static-needs-no-registry',
  ],
  [
    '2.4',
    'an image that no policy matches',
    () => mutated({ policies: [], object: podOf(tagged) }),
    [tagged],
    'static-needs-no-registry',
  ],
  [
    '2.4',
    'such a tag is admitted',
    () => verdict({ policies: [policy([pass])], object: podOf(tagged) }),
    'admitted',
    'static-needs-no-registry',
  ],
  [
    '2.4',
    'no annotation is written',
    async () => (await review('mutate', { object: podOf(tagged) })).response.patch === undefined,
    false,
  ],
];

async function workloads(asked: Asked): Promise<unknown> {
  return (await review('validate', asked)).bench.workloads[0];
}

const credentials: readonly Row[] = [
  [
    '2.5',
    'pull secrets and service account of a Pod',
    () =>
      workloads({ object: { spec: { ...containers, serviceAccountName: 'sa', imagePullSecrets: [{ name: 's' }] } } }),
    { namespace: 'team', serviceAccount: 'sa', pullSecrets: ['s'] },
  ],
  [
    '2.5',
    'those of the template of a Deployment',
    () =>
      workloads({
        of: deployments,
        object: template({ ...containers, serviceAccountName: 'sa', imagePullSecrets: [{ name: 's' }] }),
      }),
    { namespace: 'team', serviceAccount: 'sa', pullSecrets: ['s'] },
  ],
  [
    '2.5',
    'the default service account',
    () => workloads({}),
    { namespace: 'team', serviceAccount: 'default', pullSecrets: [] },
  ],
];

const settings = async (data: object): Promise<unknown> => readSettings({ data }, 'deny').noMatch;
const configuration: readonly Row[] = [
  ['2.6', 'no-match-policy is not set', () => settings({}), 'deny'],
  ['2.6', 'no-match-policy: deny', () => settings({ 'no-match-policy': 'deny' }), 'deny'],
  ['2.6', 'no-match-policy: warn', () => settings({ 'no-match-policy': 'warn' }), 'warn'],
  ['2.6', 'no-match-policy: allow', () => settings({ 'no-match-policy': 'allow' }), 'allow'],
  ['2.6', 'no-match-policy is something else', () => settings({ 'no-match-policy': 'Allow' }), 'deny'],
];

const secretOf = (...entries: readonly (readonly [string, string])[]): ClusterImagePolicy =>
  policyOf({ images: [{ glob: '**' }], authorities: [{ key: { secretRef: { name: 's' } } }] }, 'p', () => ({
    ok: true,
    data: new Map(entries),
  }));
const inlining: readonly Row[] = [
  ['2.7', 'a Secret with one key', () => verdict({ policies: [secretOf(['cosign.pub', publicKey])] }), 'admitted'],
  [
    '2.7',
    'a Secret with two',
    () => verdict({ policies: [secretOf(['a', publicKey], ['b', publicKey])] }),
    'POLICY_NOT_READY',
    'broken-policies-refuse',
  ],
  [
    '2.7',
    'a Secret with none',
    () => verdict({ policies: [secretOf()] }),
    'POLICY_NOT_READY',
    'broken-policies-refuse',
  ],
  [
    '2.7',
    'a Secret with something else',
    () => verdict({ policies: [secretOf(['a', 'no key'])] }),
    'POLICY_NOT_READY',
    'broken-policies-refuse',
  ],
  [
    '2.7',
    'no such Secret, and images without a policy are allowed',
    () =>
      verdict({
        noMatch: 'allow',
        policies: [policyOf({ images: [{ glob: '**' }], authorities: [{ key: { secretRef: { name: 's' } } }] })],
      }),
    'POLICY_NOT_READY',
    'broken-policies-refuse',
  ],
];

const webhooks = parseAllDocuments(
  readFileSync(join(import.meta.dirname, '../../manifests/base/webhooks.yaml'), 'utf8'),
).map((document): Readonly<Record<string, unknown>> => document.toJS());

/** Of the two that judge images: mutating and validating. */
async function ofWebhooks(read: (hook: Readonly<Record<string, unknown>>) => unknown): Promise<unknown> {
  const judging = webhooks.filter((object) => asRecord(object['metadata'])?.['name'] === 'countersign');
  const hooks = judging.flatMap((object) => (Array.isArray(object['webhooks']) ? object['webhooks'] : []));
  return [...new Set(hooks.map((hook: unknown) => JSON.stringify(read(asRecord(hook) ?? {}))))].map(
    (text) => JSON.parse(text) as unknown,
  );
}

const registration: readonly Row[] = [
  ['2.2', 'failurePolicy', () => ofWebhooks((hook) => hook['failurePolicy']), ['Fail']],
  ['2.2', 'timeoutSeconds is at most 25', () => ofWebhooks((hook) => Number(hook['timeoutSeconds']) <= 25), [true]],
  [
    '2.2',
    'opted in by policy.sigstore.dev/include',
    () => ofWebhooks((hook) => JSON.stringify(hook['namespaceSelector']).includes('policy.sigstore.dev/include')),
    [true],
  ],
  [
    '2.2',
    'webhooks.knative.dev/exclude is a way out',
    () => ofWebhooks((hook) => JSON.stringify(hook).includes('knative')),
    [false],
    'exclude-label',
  ],
];

const rows = [
  evaluation,
  trust,
  wording,
  intercepted,
  skips,
  mutation,
  credentials,
  configuration,
  inlining,
  registration,
].flat();

describe('a request as policy-controller knows it', () => {
  test.each(rows.map(([section, behaviour, run, outcome]) => ({ section, behaviour, run, outcome })))(
    '$section $behaviour',
    async ({ run, outcome }) => {
      expect(await run()).toStrictEqual(outcome);
    },
  );
});

test('every difference that a row names is a known one', () => {
  const known = new Set(differences.map(({ id }) => id));
  expect(rows.flatMap(([, , , , differs]) => (differs === undefined || known.has(differs) ? [] : [differs]))).toEqual(
    [],
  );
  expect(rows.length).toBeGreaterThan(100);
});
