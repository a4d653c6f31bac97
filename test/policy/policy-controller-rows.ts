/**
 * Documents that walk through everything policy-controller checks when a policy is written. What it says of each is recorded
 * in test/fixtures/policy-controller/validation.json, by its own code: node test/fixtures/record-policy-controller.ts
 */
import type { Difference } from './known-differences.ts';

export interface Row {
  readonly title: string;
  readonly version?: 'v1alpha1' | 'v1beta1';
  readonly spec: unknown;
  /** What we say where it is not what policy-controller says, and which difference that is. Empty: nothing is wrong. */
  readonly ours?: { readonly says: string; readonly difference: Difference['id'] };
}

const ecKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW+NwUXa+t9eEjTo19zfzh78tihSf
02jaclO6p8Qbd711LXZnHgT8qXkNVmcxLX7E5zHL2It9hDNCyhspMWXpWA==
-----END PUBLIC KEY-----
`;
const rsaKey = `-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAwHSsYmBRSUV8FH/axVHe2G4KyuLC64vJ6L7reYcRULUwxjep5WMK
ZGsqqaunOm1pgwTnM/hJ+lz4Re1idlTizGAjc9zjEZ+mB1yBBii59jbkYxK1lfF/
BOAAGOFuRIlQLx9BubBmGSkLyOahDlbBp/778QJFqJvvCXOJwnzwkztdbNrQLXNy
FdMsU6RtA8I3pkW+ouK7UIDQWkJgT2MgGfC+KFa2YTzhJfTuNyN2w1fZ9XYKqv23
ElCJOWJs/fX4/vyVtewxe3OmZQeysYbpJNslrkdgPwW/0jR4gyhU7SnHl9zpHjFr
FLuok054OmwhZ5aLP39V3Acv9YxyBbeOiQIDAQAB
-----END RSA PUBLIC KEY-----
`;

const images = [{ glob: 'ghcr.io/org/**' }];
const pass = { static: { action: 'pass' } };
const byKey = { key: { data: ecKey } };
const issuer = 'https://issuer.example';
const subject = 'me@example.org';
const identities = [{ issuer, subject }];
const sha256sum = '5d'.repeat(32);

const policy = (members: object) => ({ images, authorities: [pass], ...members });
const authority = (...authorities: readonly unknown[]) => ({ images, authorities });
const keyless = (members: object) => authority({ keyless: { identities, ...members } });
const identity = (members: object) => authority({ keyless: { identities: [members] } });
const attesting = (...attestations: readonly unknown[]) => authority({ ...byKey, attestations });
const attested = (code: object) =>
  attesting({ name: 'a', predicateType: 'https://slsa.dev/provenance/v1', policy: code });
const source = (...entries: readonly unknown[]) => authority({ ...byKey, source: entries });
const cue = { type: 'cue', data: 'x: 1' };

const globs = [
  '[', 'a[', '[]', '[a]', '[a-z]*', '\\', 'a\\*', '.+', '$FOO*', '?', 'a b', '{a,b}', '+', '"', '**[', 'ghcr.io/**',
  '*', '*/*', 'repo@sha256:*', 'localhost:5000/a', '-', 'UPPER/**',
]; // prettier-ignore
const patterns = [
  '*', '(', ')', '[', '[a', 'a**', 'a{1001}', 'a{2,1}', '\\', '(?!a)', '(?<=a)', '\\1', '\\pX', '[z-a]', '[[:foo:]]', '(?z)',
  '+', '?', '(?P<n', '.*', '^https://github\\.com/org/.+$', '(?i)org', '\\z', 'a|b',
]; // prettier-ignore
const kms = [
  'awskms://', 'awskms:///', 'awskms:///1234', 'awskms:///1234abcd-12ab-34cd-56ef-1234567890ab', 'awskms:///alias/Example',
  'awskms://localhost:4566/alias/Example', 'awskms://localhost:4566/1234abcd-12ab-34cd-56ef-1234567890ab',
  'awskms:///arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  'awskms:///arn:aws:kms:us-east-2:111122223333:alias/Example',
  'awskms://localhost:4566/arn:aws:kms:us-east-2:111122223333:alias/Example',
  'awskms://localhost/arn:aws:kms:us-east-2:111122223333:alias/Example',
  'awskms://a:b:c/arn:aws:kms:us-east-2:111122223333:alias/Example',
  'awskms://[::1]:4566/arn:aws:kms:us-east-2:111122223333:alias/Example',
  'awskms://[::1/arn:aws:kms:us-east-2:111122223333:alias/Example',
  'awskms://[::1]/arn:aws:kms:us-east-2:111122223333:alias/Example',
  'awskms://arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  'awskms://alias/Example', 'awskms:///arn:aws:kms:us-east-2:1111:alias/Example', 'awskms:///arn:aws:s3:::bucket/x',
  'gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k', 'azurekms://vault.vault.azure.net/key', 'hashivault://key',
  'kms://x', 'https://kms.example', 'AWSKMS:///x', '',
]; // prettier-ignore
const locations = [
  'ghcr.io', 'ghcr.io/org/signatures', 'localhost:5000', 'localhost:5000/a', 'example.com/a', 'foo/bar', 'signatures', 'ghcr.io/Org',
  'ghcr.io/org:v1', 'docker.io/nginx', 'index.docker.io/library/nginx', 'ghcr.io/', 'a b', '[::1]:5000/ab', 'ghcr.io:x/ab',
]; // prettier-ignore
const predicateTypes = [
  'custom', 'slsaprovenance', 'spdx', 'spdxjson', 'cyclonedx', 'link', 'vuln', 'slsaprovenance1', 'openvex', 'mine', '/a',
  'https://slsa.dev/provenance/v1', 'urn:x', 'cosign.sigstore.dev/attestation/v1', 'https://a b', 'https://a/%zz', ':x', '',
]; // prettier-ignore
const addresses = [
  'https://example.org/p.cue', 'http://example.org/p.cue', 'HTTPS://example.org', 'ftp://example.org', 'https:example.org', 'example.org', '', 'https:///p',
]; // prettier-ignore

const problemOfKey = (text: string, problem: string) => ({
  says: `invalid value: ${text}: spec.authorities[0].key.data\n${problem}`,
  difference: 'strict-keys',
});

export const rows: readonly Row[] = [
  ...globs.map((glob) => ({ title: `glob ${glob}`, spec: policy({ images: [{ glob }] }) })),
  ...patterns.map((issuerRegExp) => ({
    title: `issuerRegExp ${issuerRegExp}`,
    spec: identity({ issuerRegExp, subject }),
  })),
  ...patterns
    .slice(0, 6)
    .map((subjectRegExp) => ({ title: `subjectRegExp ${subjectRegExp}`, spec: identity({ issuer, subjectRegExp }) })),
  ...kms.map((uri) => ({ title: `key of ${uri}`, spec: authority({ key: { kms: uri } }) })),
  ...locations.map((oci) => ({ title: `signatures in ${oci}`, spec: source({ oci }) })),
  ...predicateTypes.map((predicateType) => ({
    title: `predicate type ${predicateType}`,
    spec: attesting({ name: 'a', predicateType }),
  })),
  ...addresses.map((url) => ({
    title: `remote policy at ${url}`,
    spec: attested({ type: 'cue', remote: { url, sha256sum } }),
  })),
  // images, mode, match
  { title: 'no images', spec: { authorities: [pass] } },
  { title: 'an empty list of images', spec: policy({ images: [] }) },
  { title: 'an image without glob', spec: policy({ images: [{}, ...images, {}] }) },
  { title: 'nothing at all', spec: {} },
  { title: 'nothing at all, v1beta1', version: 'v1beta1', spec: {} },
  { title: 'no authorities', spec: { images } },
  { title: 'an empty list of authorities', spec: { images, authorities: [] } },
  ...['enforce', 'warn', '', 'audit', 'Warn'].map((mode) => ({ title: `mode ${mode}`, spec: policy({ mode }) })),
  ...['pods', 'replicasets', 'deployments', 'statefulsets', 'daemonsets', 'jobs', 'cronjobs', 'services', 'Pod'].map(
    (resource) => ({ title: `match ${resource}`, spec: policy({ match: [{ resource, version: 'v1' }] }) }),
  ),
  { title: 'a selector alone', spec: policy({ match: [{ selector: { matchLabels: { a: 'b' } } }] }) },
  { title: 'a selector beside a version', spec: policy({ match: [{ version: 'v1', selector: {} }] }) },
  { title: 'a selector beside a group', spec: policy({ match: [{ group: 'apps', selector: {} }] }) },
  { title: 'a rule that says nothing', spec: policy({ match: [{}] }) },
  {
    title: 'a selector without operator',
    spec: policy({ match: [{ resource: 'pods', selector: { matchExpressions: [{ key: 'a' }] } }] }),
    ours: {
      says: 'invalid value: undefined: spec.match[0].selector.matchExpressions[0].operator\nexpected In, NotIn, Exists, DoesNotExist',
      difference: 'checked-when-written',
    },
  },
  // authorities
  { title: 'an authority of no kind', spec: authority({}) },
  { title: 'an authority of no kind with a name', spec: authority({ name: 'a' }) },
  { title: 'key and keyless', spec: authority({ ...byKey, keyless: { identities } }) },
  { title: 'key and static', spec: authority({ ...byKey, ...pass }) },
  { title: 'keyless and static', spec: authority({ keyless: { identities }, ...pass }) },
  { title: 'all three', spec: authority({ ...byKey, keyless: {}, ...pass }) },
  { title: 'two kinds, and what else is wrong is not told', spec: authority({ key: {}, keyless: {} }) },
  { title: 'a timestamp alone', spec: authority({ rfc3161timestamp: { trustRootRef: 'r' } }) },
  { title: 'two authorities of one name', spec: authority({ ...pass, name: 'a' }, { ...byKey, name: 'a' }) },
  { title: 'two broken authorities', spec: authority({}, { static: { action: 'no' } }, {}) },
  // static
  { title: 'static without action', spec: authority({ static: {} }) },
  { title: 'another static action', spec: authority({ static: { action: 'Pass' } }) },
  { title: 'static fail with a message', spec: authority({ static: { action: 'fail', message: 'not here' } }) },
  {
    title: 'static with attestations',
    spec: authority({ ...pass, attestations: [{ name: 'a', predicateType: 'urn:x' }] }),
  },
  { title: 'static with a source', spec: authority({ ...pass, source: [{ oci: 'ghcr.io' }] }) },
  { title: 'static with ctlog', spec: authority({ ...pass, ctlog: { url: 'https://rekor.example' } }) },
  { title: 'static with rfc3161timestamp', spec: authority({ ...pass, rfc3161timestamp: { trustRootRef: 'r' } }) },
  { title: 'static with empty lists', spec: authority({ ...pass, attestations: [], source: [] }) },
  {
    title: 'static with everything',
    spec: authority({
      static: {},
      attestations: [{ name: 'a', predicateType: 'urn:x' }],
      source: [{}, {}],
      ctlog: {},
      rfc3161timestamp: { trustRootRef: 'r' },
    }),
  },
  // key
  { title: 'a key from nowhere', spec: authority({ key: {} }) },
  { title: 'a key', spec: authority(byKey) },
  { title: 'a key and kms', spec: authority({ key: { data: ecKey, kms: 'gcpkms://x' } }) },
  { title: 'a key and a Secret', spec: authority({ key: { data: ecKey, secretRef: { name: 's' } } }) },
  { title: 'kms and a Secret', spec: authority({ key: { kms: 'gcpkms://x', secretRef: { name: 's' } } }) },
  {
    title: 'a key, kms and a Secret',
    spec: authority({ key: { data: ecKey, kms: 'gcpkms://x', secretRef: { name: 's' } } }),
  },
  {
    title: 'a text that is no key',
    spec: authority({ key: { data: '---some key data----' } }),
    ours: problemOfKey('---some key data----', 'expected a PEM block "PUBLIC KEY"'),
  },
  { title: 'an RSA key in PKCS #1', spec: authority({ key: { data: rsaKey } }) },
  { title: 'two keys', spec: authority({ key: { data: ecKey + ecKey } }) },
  {
    title: 'text before a key',
    spec: authority({ key: { data: `mine\n${ecKey}` } }),
    ours: {
      says: 'key.data\nthere is text around the PEM blocks "PUBLIC KEY"; only those may be here',
      difference: 'strict-keys',
    },
  },
  ...['sha224', 'sha256', 'sha384', 'sha512', ' SHA512 ', 'md5', 'sha1', 'sha-256'].map((hashAlgorithm) => ({
    title: `hash ${hashAlgorithm}`,
    spec: authority({ key: { data: ecKey, hashAlgorithm } }),
  })),
  { title: 'a Secret', spec: authority({ key: { secretRef: { name: 's' } } }) },
  {
    title: 'a Secret of the own namespace',
    spec: authority({ key: { secretRef: { name: 's', namespace: 'cosign-system' } } }),
  },
  { title: 'a Secret of another namespace', spec: authority({ key: { secretRef: { name: 's', namespace: 'x' } } }) },
  {
    title: 'a Secret without name',
    spec: authority({ key: { secretRef: {} } }),
    ours: { says: 'missing field(s): spec.authorities[0].key.secretRef.name', difference: 'checked-when-written' },
  },
  // keyless
  { title: 'keyless', spec: keyless({}) },
  { title: 'keyless, v1beta1', version: 'v1beta1', spec: keyless({}) },
  { title: 'keyless without identities', spec: authority({ keyless: {} }) },
  { title: 'keyless with an empty list of identities', spec: keyless({ identities: [] }) },
  { title: 'keyless with url', spec: keyless({ url: 'https://fulcio.example' }) },
  {
    title: 'keyless with url and ca-cert',
    spec: keyless({ url: 'https://fulcio.example', 'ca-cert': { secretRef: { name: 's' } } }),
  },
  { title: 'keyless with an empty ca-cert', spec: keyless({ 'ca-cert': {} }) },
  { title: 'keyless with ca-cert in a Secret', spec: keyless({ 'ca-cert': { secretRef: { name: 's' } } }) },
  {
    title: 'keyless with ca-cert in another namespace',
    spec: keyless({ 'ca-cert': { secretRef: { name: 's', namespace: 'x' } } }),
  },
  { title: 'keyless with ca-cert in kms', spec: keyless({ 'ca-cert': { kms: 'x://y' } }) },
  {
    title: 'keyless with a public key for ca-cert',
    spec: keyless({ 'ca-cert': { data: ecKey } }),
    ours: { says: 'keyless.ca-cert.data\nexpected PEM certificates, root last', difference: 'ca-cert-used' },
  },
  { title: 'keyless with a trust root', spec: keyless({ trustRootRef: 'r' }) },
  { title: 'keyless without SCT', spec: keyless({ insecureIgnoreSCT: true }) },
  { title: 'an empty identity', spec: identity({}) },
  { title: 'an identity without issuer', spec: identity({ subject }) },
  { title: 'an identity without subject', spec: identity({ issuer }) },
  { title: 'an issuer twice', spec: identity({ issuer, issuerRegExp: '.*', subject }) },
  { title: 'a subject twice', spec: identity({ issuer, subject, subjectRegExp: '.*' }) },
  { title: 'issuer and subject twice', spec: identity({ issuer, issuerRegExp: '.*', subject, subjectRegExp: '(' }) },
  { title: 'the second of two identities', spec: keyless({ identities: [...identities, {}] }) },
  // around
  { title: 'ctlog of a trust root', spec: authority({ ...byKey, ctlog: { trustRootRef: 'r' } }) },
  { title: 'ctlog of nobody', spec: authority({ ...byKey, ctlog: {} }) },
  { title: 'rfc3161timestamp', spec: authority({ ...byKey, rfc3161timestamp: { trustRootRef: 'r' } }) },
  {
    title: 'rfc3161timestamp of nobody',
    spec: authority({ ...byKey, rfc3161timestamp: {} }),
    ours: {
      says: 'missing field(s): spec.authorities[0].rfc3161timestamp.trustRootRef',
      difference: 'timestamp-required',
    },
  },
  ...['', 'legacy', 'bundle'].map((signatureFormat) => ({
    title: `signatureFormat ${signatureFormat}`,
    spec: authority({ ...byKey, signatureFormat }),
  })),
  {
    title: 'another signatureFormat',
    spec: authority({ ...byKey, signatureFormat: 'Bundle' }),
    ours: {
      says: 'invalid value: Bundle: spec.authorities[0].signatureFormat\nexpected legacy or bundle, or nothing for any format',
      difference: 'checked-when-written',
    },
  },
  { title: 'two sources', spec: source({ oci: 'ghcr.io' }, { oci: 'not/valid' }) },
  { title: 'a source that says nothing', spec: source({}) },
  { title: 'a tag prefix', spec: source({ tagPrefix: 'v1-' }) },
  {
    title: 'a tag prefix that is no beginning of a tag',
    spec: source({ tagPrefix: 'a/b' }),
    ours: {
      says: 'invalid value: a/b: spec.authorities[0].source[0].tagPrefix\nexpected the beginning of a tag',
      difference: 'checked-when-written',
    },
  },
  { title: 'pull secrets', spec: source({ oci: 'ghcr.io', signaturePullSecrets: [{ name: 's' }] }) },
  { title: 'a pull secret without name', spec: source({ signaturePullSecrets: [{ name: 's' }, {}] }) },
  {
    title: 'two pull secrets without name, and a bad place',
    spec: source({ oci: 'foo/bar', signaturePullSecrets: [{}, {}] }),
    ours: {
      says: [
        'invalid value: foo/bar: spec.authorities[0].source[0].oci\nregistries must be valid RFC 3986 URI authorities: foo/bar',
        'missing field(s): spec.authorities[0].source[0].signaturePullSecrets[0].name, spec.authorities[0].source[0].signaturePullSecrets[1].name',
      ].join('\n'),
      difference: 'paths-of-errors',
    },
  },
  {
    title: 'signatures at an address with a scheme',
    spec: source({ oci: 'https://ghcr.io' }),
    ours: {
      says: 'the repository has an empty, "." or ".." path segment: /ghcr.io',
      difference: 'checked-when-written',
    },
  },
  // attestations
  { title: 'an attestation that is empty', spec: attesting({}) },
  { title: 'an attestation without name', spec: attesting({ predicateType: 'urn:x' }) },
  {
    title: 'two attestations, one without name, one without type',
    spec: attesting({ predicateType: 'urn:x' }, { name: 'a' }),
  },
  {
    title: 'two attestations of a short type',
    spec: attesting({ name: 'a', predicateType: 'vuln' }, { name: 'b', predicateType: 'vuln' }),
  },
  {
    title: 'attestations of a short type under two authorities',
    spec: authority(
      { ...byKey, attestations: [{ name: 'a', predicateType: 'vuln' }] },
      { ...byKey, attestations: [{ name: 'a', predicateType: 'vuln' }] },
    ),
  },
  { title: 'a warning beside an error', spec: attesting({ name: 'a', predicateType: 'vuln' }, { name: 'b' }) },
  { title: 'code in CUE', spec: attested(cue) },
  { title: 'code in Rego', spec: attested({ type: 'rego', data: 'package sigstore' }) },
  {
    title: 'code in another language',
    spec: attested({ type: 'not-cue', data: 'x' }),
    ours: {
      says: 'invalid value: not-cue: spec.authorities[0].attestations.policy.type\nonly [cue,rego,cel] are supported at the moment',
      difference: 'cel',
    },
  },
  { title: 'code in CEL', spec: attested({ type: 'cel', data: 'true' }), ours: { says: '', difference: 'cel' } },
  {
    title: 'code without language',
    spec: attested({ data: 'x' }),
    ours: {
      says: 'invalid value: : spec.authorities[0].attestations.policy.type\nonly [cue,rego,cel] are supported at the moment',
      difference: 'cel',
    },
  },
  { title: 'code from nowhere', spec: attested({ type: 'cue' }) },
  { title: 'code from two places', spec: attested({ ...cue, configMapRef: { name: 'c', key: 'k' } }) },
  {
    title: 'code from two other places',
    spec: attested({ ...cue, remote: { url: 'https://example.org', sha256sum } }),
  },
  {
    title: 'code from three places',
    spec: attested({
      ...cue,
      configMapRef: { name: 'c', key: 'k' },
      remote: { url: 'https://example.org', sha256sum },
    }),
  },
  { title: 'code in a ConfigMap', spec: attested({ type: 'cue', configMapRef: { name: 'c', key: 'k' } }) },
  {
    title: 'code in a ConfigMap of another namespace',
    spec: attested({ type: 'cue', configMapRef: { name: 'c', namespace: 'x', key: 'k' } }),
  },
  { title: 'code in a ConfigMap without name', spec: attested({ type: 'cue', configMapRef: { key: 'k' } }) },
  { title: 'code in a ConfigMap without key', spec: attested({ type: 'cue', configMapRef: { name: 'c' } }) },
  { title: 'remote code without hash', spec: attested({ type: 'cue', remote: { url: 'https://example.org' } }) },
  { title: 'remote code that is empty', spec: attested({ type: 'cue', remote: {} }) },
  {
    title: 'remote code with a hash that is none',
    spec: attested({ type: 'cue', remote: { url: 'https://example.org', sha256sum: 'abc' } }),
    ours: {
      says: 'invalid value: abc: spec.authorities[0].attestations.policy.remote.sha256sum\nexpected 64 lower-case hexadecimal digits',
      difference: 'checked-when-written',
    },
  },
  ...['fetchConfigFile', 'includeSpec', 'includeObjectMeta', 'includeTypeMeta'].flatMap((flag) => [
    { title: `${flag} of an attestation`, spec: attested({ ...cue, [flag]: true }) },
    { title: `${flag} false of an attestation`, spec: attested({ ...cue, [flag]: false }) },
    { title: `${flag} of the policy`, spec: policy({ policy: { ...cue, [flag]: true } }) },
  ]),
  {
    title: 'all flags of an attestation',
    spec: attested({
      ...cue,
      fetchConfigFile: true,
      includeSpec: true,
      includeObjectMeta: true,
      includeTypeMeta: true,
    }),
  },
  // the policy over the whole: policy-controller leaves "policy" out of its paths
  { title: 'code over the whole', spec: policy({ policy: cue }) },
  {
    title: 'code over the whole in another language',
    spec: policy({ policy: { type: 'x', data: 'y' } }),
    ours: {
      says: 'invalid value: x: spec.policy.type\nonly [cue,rego,cel] are supported at the moment',
      difference: 'paths-of-errors',
    },
  },
  {
    title: 'code over the whole from nowhere',
    spec: policy({ policy: { type: 'cue' } }),
    ours: {
      says: 'missing field(s): spec.policy.configMapRef, spec.policy.data, spec.policy.remote',
      difference: 'paths-of-errors',
    },
  },
  {
    title: 'code over the whole from two places',
    spec: policy({ policy: { ...cue, configMapRef: { name: 'c', key: 'k' } } }),
    ours: {
      says: 'expected exactly one, got both: spec.policy.configMapRef, spec.policy.data, spec.policy.remote',
      difference: 'paths-of-errors',
    },
  },
  {
    title: 'remote code over the whole, by http',
    spec: policy({ policy: { type: 'cue', remote: { url: 'http://example.org' } } }),
    ours: {
      says: [
        'invalid value: http://example.org: spec.policy.remote.url\nurl valid is invalid. host and https scheme are expected',
        'missing field(s): spec.policy.remote.sha256sum',
      ].join('\n'),
      difference: 'paths-of-errors',
    },
  },
  // all at once
  {
    title: 'several mistakes at once, sorted and merged',
    spec: {
      images: [{}, { glob: '?' }, {}],
      authorities: [{}, { static: { action: 'no' } }, { key: {} }, { keyless: { identities: [{}] } }],
      mode: 'no',
      match: [{ resource: 'x' }],
    },
  },
  {
    title: 'several mistakes at once, v1beta1',
    version: 'v1beta1',
    spec: {
      images: [{ glob: '[' }],
      authorities: [{ key: { kms: 'x' } }, { key: { data: ecKey, hashAlgorithm: 'x' } }],
      mode: 'no',
    },
  },
];
