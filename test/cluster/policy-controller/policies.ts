/** ClusterImagePolicies as people write them, and images that each of them judges. */
import type { ApiObject } from '../gate/api.ts';
import type { KeyName } from '../../differential/keys.ts';
import { release } from '../../differential/lab.ts';
import { reviewType, type ImageName } from './images.ts';

export interface Setting {
  readonly host: string;
  readonly rekorUrl: string;
  publicKey(name: KeyName): string;
}

export interface PolicyCase {
  /** Also of the folder with its images. */
  readonly name: string;
  readonly spec: (setting: Setting) => object;
  readonly images: readonly ImageName[];
  /** Other kinds than Pods. */
  readonly kinds?: readonly string[];
  /** Of the object. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Globs after the host; otherwise everything in the folder. */
  readonly globs?: readonly string[];
  /** Images are named by tag, not by digest. */
  readonly tagged?: true;
  /** Policy-controller takes it out of force. */
  readonly broken?: true;
}

export function policyObject({ name, spec, globs = [`/${name}/**`] }: PolicyCase, setting: Setting): ApiObject {
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { images: globs.map((glob) => ({ glob: `${setting.host}${glob}` })), ...spec(setting) },
  };
}

const byKey = (setting: Setting, more: object = {}, key: KeyName = 'p256'): object => ({
  name: 'release-key',
  key: { data: setting.publicKey(key) },
  ...more,
});
const identities = [{ issuer: release.issuer, subject: release.subject }];
const fulcio = { url: 'https://fulcio.sigstore.dev', trustRootRef: 'lab' };
const byIdentity = (more: object = {}, keyless: object = {}): object => ({
  name: 'release',
  keyless: { ...fulcio, identities, ...keyless },
  ctlog: { trustRootRef: 'lab' },
  ...more,
});
const pass = { name: 'anybody', static: { action: 'pass' } };
const only = (authority: object): object => ({ authorities: [authority] });

const customType = 'https://cosign.sigstore.dev/attestation/v1';
const attestation = (name: string, predicateType: string, policy?: object): object =>
  policy === undefined ? { name, predicateType } : { name, predicateType, policy };
const cue = (data: string): object => ({ type: 'cue', data });
const rego = (data: string): object => ({ type: 'rego', data: `package sigstore\n${data}` });

const cueCustom = cue(
  'predicateType: "https://cosign.sigstore.dev/attestation/v1"\npredicate: Data: "foobar e2e test"',
);
const regoCustom = rego('default isCompliant = false\nisCompliant { input.predicate.Data == "foobar e2e test" }');
const cueVulnerabilities = cue(`import "time"
before: time.Parse(time.RFC3339, "2022-04-15T17:10:27Z")
after: time.Parse(time.RFC3339, "2022-03-09T17:10:27Z")
predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1"
predicate: {
  scanner: uri: "fakescanner.example.com/cosign-testing"
  metadata: {
    scanStartedOn: <before
    scanStartedOn: >after
  }
}`);

const allKinds = ['Pod', 'ReplicaSet', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];

const signatures: readonly PolicyCase[] = [
  {
    name: 'key',
    spec: (at) => only(byKey(at)),
    images: ['unsigned', 'key', 'key-stranger', 'key-bundle', 'key-both', 'key-annotated', 'key-logged', 'custom'],
  },
  { name: 'key-kinds', spec: (at) => only(byKey(at)), images: ['key', 'key-stranger'], kinds: allKinds },
  { name: 'key-tagged', spec: (at) => only(byKey(at)), images: ['key', 'unsigned', 'missing'], tagged: true },
  {
    name: 'key-tagged-kinds',
    spec: (at) => only(byKey(at)),
    images: ['key'],
    kinds: ['Deployment', 'Job', 'CronJob'],
    tagged: true,
  },
  { name: 'key-index', spec: (at) => only(byKey(at)), images: ['index', 'index-unsigned'] },
  {
    name: 'key-secret',
    spec: () => only({ key: { secretRef: { name: 'lab-key' } } }),
    images: ['key', 'key-stranger'],
  },
  { name: 'key-rsa', spec: (at) => only(byKey(at, {}, 'rsa')), images: ['key-rsa', 'key'] },
  {
    name: 'key-sha384',
    spec: (at) => only({ key: { data: at.publicKey('p384'), hashAlgorithm: 'sha384' } }),
    images: ['key-p384', 'key'],
  },
  { name: 'key-p384-usual', spec: (at) => only(byKey(at, {}, 'p384')), images: ['key-p384'] },
  {
    name: 'key-in-log',
    spec: (at) => only(byKey(at, { ctlog: { url: at.rekorUrl, trustRootRef: 'lab' } })),
    images: ['key-logged', 'key'],
  },
  {
    name: 'key-with-timestamp',
    spec: (at) => only(byKey(at, { rfc3161timestamp: { trustRootRef: 'lab' } })),
    images: ['key-timestamped', 'key', 'key-stranger'],
  },
  {
    name: 'two-keys',
    spec: (at) => ({ authorities: [byKey(at, { name: 'first' }, 'rsa'), byKey(at, { name: 'second' })] }),
    images: ['key', 'key-rsa', 'key-stranger'],
  },
  {
    name: 'keyless',
    spec: () => only(byIdentity()),
    images: ['keyless', 'keyless-stranger', 'key', 'keyless-unlogged'],
  },
  { name: 'keyless-late', spec: () => only(byIdentity()), images: ['keyless-expired', 'keyless-bundle'] },
  {
    name: 'keyless-pattern',
    spec: () =>
      only(
        byIdentity(
          {},
          { identities: [{ issuerRegExp: 'githubusercontent', subjectRegExp: '^https://github.com/acme/' }] },
        ),
      ),
    images: ['keyless', 'keyless-stranger'],
  },
  {
    name: 'keyless-case',
    spec: () =>
      only(
        byIdentity(
          {},
          { identities: [{ issuer: release.issuer, subjectRegExp: '(?i)^HTTPS://GITHUB.COM/ACME/.*main$' }] },
        ),
      ),
    images: ['keyless', 'keyless-stranger'],
  },
  {
    name: 'keyless-other-issuer',
    spec: () => only(byIdentity({}, { identities: [{ issuer: 'https://issuer.example', subject: release.subject }] })),
    images: ['keyless'],
  },
  {
    name: 'keyless-two-identities',
    spec: () =>
      only(byIdentity({}, { identities: [{ issuer: 'https://issuer.example', subject: 'nobody' }, ...identities] })),
    images: ['keyless', 'keyless-stranger'],
  },
  { name: 'keyless-no-sct', spec: () => only(byIdentity({}, { insecureIgnoreSCT: true })), images: ['keyless'] },
  {
    name: 'keyless-no-log',
    spec: () => only({ name: 'release', keyless: { ...fulcio, identities } }),
    images: ['keyless', 'keyless-unlogged', 'keyless-stranger'],
  },
  {
    name: 'keyless-timestamp',
    spec: () =>
      only({ name: 'release', keyless: { ...fulcio, identities }, rfc3161timestamp: { trustRootRef: 'lab' } }),
    images: ['keyless-timestamped', 'keyless', 'keyless-unlogged'],
  },
  {
    name: 'key-or-keyless',
    spec: (at) => ({ authorities: [byKey(at), byIdentity()] }),
    images: ['key', 'keyless', 'key-and-keyless', 'unsigned', 'key-stranger'],
  },
  { name: 'static-pass', spec: () => only(pass), images: ['unsigned', 'missing'] },
  {
    name: 'static-fail',
    spec: () => only({ static: { action: 'fail', message: 'not in this cluster' } }),
    images: ['unsigned', 'key'],
  },
  {
    name: 'static-fail-or-key',
    spec: (at) => ({ authorities: [{ static: { action: 'fail' } }, byKey(at)] }),
    images: ['key', 'unsigned'],
  },
  {
    name: 'source-oci',
    spec: (at) => only(byKey(at, { source: [{ oci: `${at.host}/elsewhere/signatures` }] })),
    images: ['key', 'key-stranger'],
  },
  {
    name: 'source-prefix',
    spec: (at) => only(byKey(at, { source: [{ tagPrefix: 'release-' }] })),
    images: ['key', 'key-stranger'],
  },
  { name: 'warn', spec: (at) => ({ mode: 'warn', ...only(byKey(at)) }), images: ['key', 'unsigned', 'key-stranger'] },
  { name: 'static-pass-tagged', spec: () => only(pass), images: ['unsigned', 'missing'], tagged: true },
  {
    name: 'warn-tagged',
    spec: (at) => ({ mode: 'warn', ...only(byKey(at)) }),
    images: ['key', 'missing'],
    tagged: true,
  },
  {
    name: 'key-in-log-with-timestamp',
    spec: (at) =>
      only(byKey(at, { ctlog: { url: at.rekorUrl, trustRootRef: 'lab' }, rfc3161timestamp: { trustRootRef: 'lab' } })),
    images: ['key-timestamped'],
  },
  {
    name: 'both-a',
    spec: (at) => only(byKey(at)),
    globs: ['/both-a/**'],
    images: ['key', 'keyless', 'key-and-keyless'],
  },
  { name: 'both-b', spec: () => only(byIdentity()), globs: ['/both-a/**'], images: [] },
  { name: 'broken-a', spec: () => only(pass), globs: ['/broken-a/**'], images: ['unsigned'] },
  {
    name: 'broken-b',
    spec: () => only({ key: { secretRef: { name: 'nowhere' } } }),
    globs: ['/broken-a/**'],
    images: [],
    broken: true,
  },
  {
    name: 'warn-static',
    spec: () => ({ mode: 'warn', ...only({ static: { action: 'fail', message: 'soon' } }) }),
    images: ['unsigned'],
  },
];

const matching: readonly PolicyCase[] = [
  {
    name: 'match-resource',
    spec: (at) => ({ match: [{ group: 'apps', version: 'v1', resource: 'deployments' }], ...only(byKey(at)) }),
    images: ['unsigned', 'key'],
    kinds: ['Pod', 'Deployment', 'StatefulSet'],
  },
  {
    name: 'match-label',
    spec: (at) => ({
      match: [{ version: '*', resource: 'pods', selector: { matchLabels: { tier: 'front' } } }],
      ...only(byKey(at)),
    }),
    images: ['unsigned', 'key'],
    labels: { tier: 'front' },
  },
  {
    name: 'match-other-label',
    spec: (at) => ({
      match: [
        {
          version: 'v1',
          resource: 'pods',
          selector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['front'] }] },
        },
      ],
      ...only(byKey(at)),
    }),
    images: ['unsigned'],
    labels: { tier: 'front' },
  },
  { name: 'glob-no-tag', spec: (at) => only(byKey(at)), globs: ['/glob-no-tag/*@*'], images: ['key', 'unsigned'] },
  {
    name: 'glob-tag',
    spec: (at) => only(byKey(at)),
    globs: ['/glob-tag/*:v1'],
    images: ['key', 'unsigned'],
    tagged: true,
  },
  {
    name: 'glob-exact',
    spec: (at) => only(byKey(at)),
    globs: ['/glob-exact/key', '/glob-exact/unsigned'],
    images: ['key', 'unsigned'],
  },
  { name: 'glob-one-level', spec: (at) => only(byKey(at)), globs: ['/glob-one-*'], images: ['key', 'unsigned'] },
];

const attestations: readonly PolicyCase[] = [
  {
    name: 'attested',
    spec: (at) => only(byKey(at, { attestations: [attestation('custom', customType)] })),
    images: ['custom', 'custom-other', 'custom-stranger', 'custom-bundle', 'vuln', 'key', 'unsigned'],
  },
  {
    name: 'attested-short',
    spec: (at) => only(byKey(at, { attestations: [attestation('custom', 'custom')] })),
    images: ['custom', 'vuln'],
  },
  {
    name: 'attested-cue',
    spec: (at) => only(byKey(at, { attestations: [attestation('custom', customType, cueCustom)] })),
    images: ['custom', 'custom-other', 'custom-stranger', 'vuln', 'two-custom', 'signed-and-custom'],
  },
  {
    name: 'attested-rego',
    spec: (at) => only(byKey(at, { attestations: [attestation('custom', customType, regoCustom)] })),
    images: ['custom', 'custom-other', 'two-custom'],
  },
  {
    name: 'attested-short-cue',
    spec: (at) => only(byKey(at, { attestations: [attestation('custom', 'custom', cueCustom)] })),
    images: ['custom', 'custom-other'],
  },
  {
    name: 'attested-vuln-cue',
    spec: (at) => only(byKey(at, { attestations: [attestation('scan', 'vuln', cueVulnerabilities)] })),
    images: ['vuln', 'custom'],
  },
  {
    name: 'attested-two',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [
            attestation('custom', customType, cueCustom),
            attestation('scan', 'https://cosign.sigstore.dev/attestation/vuln/v1', cueVulnerabilities),
          ],
        }),
      ),
    images: ['custom-and-vuln', 'custom', 'vuln'],
  },
  {
    name: 'attested-spdx',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [attestation('sbom', 'spdxjson', cue('predicateType: "https://spdx.dev/Document"'))],
        }),
      ),
    images: ['spdx', 'custom'],
  },
  {
    name: 'attested-provenance',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [
            attestation('built', 'slsaprovenance', cue('predicate: builder: id: =~"^https://builder.example/"')),
          ],
        }),
      ),
    images: ['provenance', 'spdx'],
  },
  {
    name: 'attested-review',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [
            attestation(
              'review',
              reviewType,
              cue('import "list"\npredicate: {approved: true, score: >=5, by: list.MinItems(2)}'),
            ),
          ],
        }),
      ),
    images: ['review', 'review-poor', 'custom'],
  },
  {
    name: 'attested-review-rego',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [
            attestation(
              'review',
              reviewType,
              rego(`isCompliant[response] {
  result = input.predicate.score >= 5
  response := {"result": result, "error": sprintf("score is %d", [input.predicate.score])}
}`),
            ),
          ],
        }),
      ),
    images: ['review', 'review-poor'],
  },
  {
    name: 'attested-review-warns',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [
            attestation(
              'review',
              reviewType,
              rego('isCompliant[response] { response := {"result": true, "warning": "soon"} }'),
            ),
          ],
        }),
      ),
    images: ['review'],
  },
  {
    name: 'attested-network',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [
            attestation(
              'review',
              reviewType,
              rego(`isCompliant { http.send({"method": "get", "url": "http://${at.host}/v2/"}).status_code == 200 }`),
            ),
          ],
        }),
      ),
    images: ['review'],
  },
  {
    name: 'attested-open',
    spec: (at) =>
      only(byKey(at, { attestations: [attestation('review', reviewType, cue('predicate: reviewedAt: string'))] })),
    images: ['review'],
  },
  {
    name: 'attested-broken-cue',
    spec: (at) => only(byKey(at, { attestations: [attestation('review', reviewType, cue('predicate: {'))] })),
    images: ['review'],
  },
  {
    name: 'attested-broken-rego',
    spec: (at) => only(byKey(at, { attestations: [attestation('review', reviewType, rego('isCompliant {'))] })),
    images: ['review'],
  },
  {
    name: 'attested-keyless',
    spec: () => only(byIdentity({ attestations: [attestation('custom', customType, cueCustom)] })),
    images: [
      'custom-keyless',
      'custom-keyless-other',
      'custom-keyless-stranger',
      'custom-keyless-bundle',
      'custom',
      'keyless',
    ],
  },
  {
    name: 'attested-keyless-rego',
    spec: () => only(byIdentity({ attestations: [attestation('custom', customType, regoCustom)] })),
    images: ['custom-keyless', 'custom-keyless-other'],
  },
  {
    name: 'attested-keyless-bundle',
    spec: () =>
      only(byIdentity({ signatureFormat: 'bundle', attestations: [attestation('custom', customType, cueCustom)] })),
    images: ['custom-keyless-bundle', 'custom-keyless'],
  },
  {
    name: 'attested-warn',
    spec: (at) => ({
      mode: 'warn',
      ...only(byKey(at, { attestations: [attestation('custom', customType, cueCustom)] })),
    }),
    images: ['custom', 'custom-other'],
  },
  {
    name: 'attested-config-map',
    spec: (at) =>
      only(
        byKey(at, {
          attestations: [
            attestation('custom', customType, { type: 'cue', configMapRef: { name: 'lab-code', key: 'custom' } }),
          ],
        }),
      ),
    images: ['custom', 'custom-other'],
  },
];

const wholePolicies: readonly PolicyCase[] = [
  {
    name: 'policy-of-results',
    spec: (at) => ({
      authorities: [byKey(at, { name: 'a' }), byIdentity({ name: 'b' })],
      policy: cue(
        'import "list"\nauthorityMatches: {\n  a: signatures: list.MaxItems(1)\n  b: signatures: list.MaxItems(1)\n}',
      ),
    }),
    images: ['key', 'keyless', 'key-and-keyless', 'unsigned'],
  },
  {
    name: 'policy-of-both',
    spec: (at) => ({
      authorities: [byKey(at, { name: 'a' }), byIdentity({ name: 'b' })],
      policy: rego(
        'default isCompliant = false\nisCompliant { input.authorityMatches.a.signatures[_].id; input.authorityMatches.b.signatures[_].subject }',
      ),
    }),
    images: ['key', 'keyless', 'key-and-keyless'],
  },
  {
    name: 'policy-of-issuer',
    spec: () => ({
      ...only(byIdentity()),
      policy: rego(`isCompliant { input.authorityMatches.release.signatures[_].issuer == "${release.issuer}" }`),
    }),
    images: ['keyless', 'keyless-stranger'],
  },
  {
    name: 'policy-of-attestations',
    spec: (at) => ({
      ...only(byKey(at, { attestations: [attestation('custom', 'custom'), attestation('scan', 'vuln')] })),
      policy: rego(
        'isCompliant { input.authorityMatches["release-key"].attestations.custom[_].predicateType == "custom"; count(input.authorityMatches["release-key"].attestations.scan) == 1 }',
      ),
    }),
    images: ['custom-and-vuln', 'custom'],
  },
  {
    name: 'policy-config',
    spec: () => ({
      ...only(pass),
      policy: { fetchConfigFile: true, ...cue('config: "linux/amd64": config: Entrypoint: ["/bin/true"]') },
    }),
    images: ['unsigned', 'index-unsigned'],
  },
  {
    name: 'policy-config-fails',
    spec: () => ({
      ...only(pass),
      policy: { fetchConfigFile: true, ...cue('config: "linux/amd64": config: Entrypoint: ["/bin/false"]') },
    }),
    images: ['unsigned', 'index-unsigned'],
  },
  {
    name: 'policy-spec',
    spec: () => ({ ...only(pass), policy: { includeSpec: true, ...cue('spec: schedulerName: "nobody"') } }),
    images: ['unsigned'],
    kinds: ['Pod'],
  },
  {
    name: 'policy-spec-fails',
    spec: () => ({
      ...only(pass),
      policy: { includeSpec: true, ...cue('spec: template: spec: schedulerName: "other"') },
    }),
    images: ['unsigned'],
    kinds: ['Pod', 'Deployment', 'Job'],
  },
  {
    name: 'policy-metadata',
    spec: () => ({ ...only(pass), policy: { includeObjectMeta: true, ...cue('metadata: labels: team: "payments"') } }),
    images: ['unsigned'],
    kinds: ['Pod', 'Deployment', 'CronJob'],
    labels: { team: 'payments' },
  },
  {
    name: 'policy-metadata-fails',
    spec: () => ({ ...only(pass), policy: { includeObjectMeta: true, ...cue('metadata: labels: team: "payments"') } }),
    images: ['unsigned'],
    labels: { team: 'others' },
  },
  {
    name: 'policy-type',
    spec: () => ({ ...only(pass), policy: { includeTypeMeta: true, ...cue('typemeta: kind: "Pod"') } }),
    images: ['unsigned'],
    kinds: ['Pod', 'Deployment', 'CronJob'],
  },
  {
    name: 'policy-type-not-pod',
    spec: () => ({ ...only(pass), policy: { includeTypeMeta: true, ...cue('typemeta: kind: "Deployment"') } }),
    images: ['unsigned'],
    kinds: ['Pod', 'Deployment', 'Job'],
  },
  {
    name: 'policy-warn',
    spec: () => ({
      mode: 'warn',
      ...only(pass),
      policy: { includeObjectMeta: true, ...cue('metadata: labels: team: "payments"') },
    }),
    images: ['unsigned'],
    labels: { team: 'others' },
  },
  {
    name: 'policy-not-asked',
    spec: (at) => ({ ...only(byKey(at)), policy: rego('isCompliant { false }') }),
    images: ['key', 'unsigned'],
  },
];

export const policyCases: readonly PolicyCase[] = [...signatures, ...matching, ...attestations, ...wholePolicies];

export const codeOfConfigMap = {
  custom: 'predicateType: "https://cosign.sigstore.dev/attestation/v1"\npredicate: Data: "foobar e2e test"',
};
