import selfsigned from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { lintPolicy } from '../../src/policy/lint.ts';
import { parseClusterImagePolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import { byKey, deny, issuer, keyless, pass, policyDocument, specWith, subject } from './kit.ts';

function lint(members: object): readonly string[] {
  const parsed = parseClusterImagePolicy(policyDocument(specWith({ authorities: [byKey], ...members })));
  if (!parsed.ok) throw new Error(parsed.failure.join('\n'));
  return lintPolicy(parsed.value);
}

const { cert } = await selfsigned.generate([{ name: 'commonName', value: 'Example CA' }]);
const ownCa = (members: object) =>
  lint({ authorities: [{ keyless: { ...keyless.keyless, 'ca-cert': { data: cert }, ...members } }] });
const glob = (source: string) => lint({ images: [{ glob: source }] });
const identity = (members: object) => lint({ authorities: [{ keyless: { identities: [members] } }] });
const rule = (members: object) => lint({ match: [members] });

describe('says nothing about', () => {
  test.each<[string, readonly string[]]>([
    ['everything', glob('**')],
    ['Docker Hub in short', [...glob('*'), ...glob('*/*')]],
    ['a registry', glob('ghcr.io/**')],
    ['capitals that may be in a tag', glob('ghcr.io/org/**V1')],
    ['an organisation', glob('ghcr.io/org/**')],
    ['one repository', glob('ghcr.io/org/app@*')],
    ['one digest', glob(`ghcr.io/org/app@sha256:${'0'.repeat(64)}`)],
    ['a registry with a port', glob('localhost:5000/**')],
    ['a registry of stars', glob('*.example.org/**')],
    ['one segment of any name', glob('ghcr.io/org/*')],
    ["certificates of one's own without certificate log", ownCa({ insecureIgnoreSCT: true })],
    ['exact identities', lint({ authorities: [keyless] })],
    ['anchored patterns', identity({ issuer, subjectRegExp: '^https://github\\.com/org/.+$' })],
    ['a rule for Pods', rule({ version: 'v1', resource: 'pods' })],
    ['a rule for Deployments', rule({ group: 'apps', version: '*', resource: 'deployments' })],
    ['a rule for Tekton', rule({ group: 'tekton.dev', version: 'v1', resource: 'taskruns' })],
    ['a static refusal of everything', lint({ images: [{ glob: '**' }], authorities: [deny] })],
    ['a static pass for one repository', lint({ images: [{ glob: 'ghcr.io/org/app@*' }], authorities: [pass] })],
  ])('%s', (_title, warnings) => {
    expect(warnings).toEqual([]);
  });
});

const at = 'spec.images[0].glob';
const hub = "names begin with their registry, Docker Hub's is index.docker.io";

describe('warns of', () => {
  test.each<[string, readonly string[], string]>([
    [
      'an exact name',
      glob('ghcr.io/org/app'),
      `${at} "ghcr.io/org/app" never matches: names end with a tag or digest; write ghcr.io/org/app@* for this repository alone`,
    ],
    ['an exact name below stars', glob('ghcr.io/**/app'), 'never matches: names end with a tag or digest'],
    [
      'an organisation with capitals',
      glob('ghcr.io/MyOrg/**'),
      `${at} "ghcr.io/MyOrg/**" never matches: registries and repositories are named in lower case, whatever the organisation is called`,
    ],
    ['a short name', glob('nginx'), `never matches: ${hub}; write index.docker.io/library/nginx@*`],
    ['a short name with a star', glob('nginx*'), `never matches: ${hub}; write index.docker.io/library/nginx*`],
    ['a short name with a tag', glob('nginx:1.27'), `never matches: ${hub}; write index.docker.io/library/nginx:1.27`],
    ['an organisation of Docker Hub', glob('bitnami/*'), `never matches: ${hub}; write index.docker.io/bitnami/*`],
    [
      'the alias of Docker Hub',
      glob('docker.io/library/nginx**'),
      `never matches: ${hub}; write index.docker.io/library/nginx**`,
    ],
    [
      'the alias of Docker Hub in short',
      glob('docker.io/nginx'),
      `never matches: ${hub}; write index.docker.io/library/nginx@*`,
    ],
    ['all of the alias of Docker Hub', glob('docker.io/**'), `never matches: ${hub}; write index.docker.io/**`],
    [
      'tag and digest together',
      glob(`ghcr.io/org/app:v1@sha256:${'0'.repeat(64)}`),
      'never matches: an image is looked for by its tag or by its digest, not by both at once',
    ],
    [
      'tag and any digest together',
      glob('ghcr.io/org/app:v1@*'),
      'never matches: an image is looked for by its tag or by its digest',
    ],
    ['half a digest', glob('ghcr.io/org/app@sha256:0000'), 'never matches: what follows "@" is not'],
    [
      'a prefix',
      glob('ghcr.io/org/app*'),
      `${at} "ghcr.io/org/app*" also matches ghcr.io/org/app-anything; write ghcr.io/org/app@* for this repository, ghcr.io/org/app/** for what is below it`,
    ],
    ['a tag', glob('ghcr.io/org/app:v1'), 'selects by tag, a name that whoever deploys chooses'],
    ['a beginning of tags', glob('ghcr.io/org/app:v*'), 'selects by tag'],
    [
      'a static pass for a registry',
      lint({ images: [{ glob: 'ghcr.io/**' }], authorities: [pass] }),
      'spec.authorities[0].static: "ghcr.io/**" admits everything there without a signature',
    ],
    [
      'a static pass for everything',
      lint({ images: [{ glob: '**' }], authorities: [pass] }),
      '"**" admits everything there without a signature',
    ],
    [
      'a star at the end of a subject',
      identity({ issuer, subject: 'https://github.com/org/*' }),
      'spec.authorities[0].keyless.identities[0].subject: "https://github.com/org/*" is everything below that address here, and nothing in other tools; name the workflow with subjectRegExp: ^https://github\\.com/org/…$',
    ],
    [
      'a star inside a subject',
      identity({ issuer, subject: 'https://github.com/*/app' }),
      'spec.authorities[0].keyless.identities[0].subject: "*" is no wildcard here, the text is compared as it stands; use subjectRegExp',
    ],
    [
      'a star in an exact issuer',
      identity({ issuer: '*', subject }),
      'issuer: "*" is no wildcard here, the text is compared as it stands; use issuerRegExp',
    ],
    [
      'a pattern without anchors',
      identity({ issuer, subjectRegExp: 'org/app' }),
      'subjectRegExp: matches anywhere in the text; put it between ^ and $',
    ],
    [
      'a pattern without its end',
      identity({ issuer, subjectRegExp: '^https://github\\.com/org/app' }),
      'put it between ^ and $',
    ],
    [
      'a dot that is any character',
      identity({ issuer, subjectRegExp: '^https://github.com/org/.*$' }),
      'subjectRegExp: an unescaped dot matches any character; write \\.',
    ],
    [
      'certificates in no log',
      lint({ authorities: [{ keyless: { ...keyless.keyless, insecureIgnoreSCT: true } }] }),
      'spec.authorities[0].keyless.insecureIgnoreSCT: certificates need not be in a public log',
    ],
    [
      "certificates of one's own with a certificate log",
      ownCa({}),
      'spec.authorities[0].keyless.ca-cert: these certificates come with no certificate log, so nothing passes without insecureIgnoreSCT',
    ],
    [
      'one name for two authorities',
      lint({
        authorities: [
          { ...byKey, name: 'a' },
          { ...keyless, name: 'a' },
        ],
      }),
      'spec.authorities: the name "a" is used more than once',
    ],
    ['a rule without resource', rule({ group: 'apps' }), 'spec.match[0]: without resource it matches nothing'],
    [
      'a rule without version',
      rule({ resource: 'pods' }),
      'spec.match[0]: without version it matches nothing; write version: "*"',
    ],
    [
      'a rule without its group',
      rule({ version: 'v1', resource: 'deployments' }),
      'spec.match[0]: deployments are of group "apps", so it matches nothing; write group: apps',
    ],
    [
      'a rule with another group',
      rule({ group: 'apps', version: 'v1', resource: 'pods' }),
      'spec.match[0]: pods are of group "", so it matches nothing; write group: ""',
    ],
  ])('%s', (_title, warnings, expected) => {
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(expected);
  });
});

const at0 = 'spec.authorities[0]';
const uri = 'https://slsa.dev/provenance/v1';
const attesting = (...attestations: readonly object[]) => lint({ authorities: [{ ...byKey, attestations }] });
const coded = (type: string, data: string) => lint({ policy: { type, data } });
const trusting = (members: object, around: object = {}) =>
  lint({ authorities: [{ keyless: { ...keyless.keyless, ...members }, ...around }] });
const deprecated = 'deprecated value, please use RFC 3986 conformant values';

describe('says nothing about attestations, code and logs', () => {
  test.each<[string, readonly string[]]>([
    ['an attestation with code', attesting({ name: 'a', predicateType: uri, policy: { type: 'cel', data: 'has(x)' } })],
    ['CUE that demands fields', coded('cue', 'predicate: _\nx: [for n, _ in predicate if n == "x" {n}] & [_]')],
    ['Rego', coded('rego', 'package sigstore\nisCompliant { input.x == 1 }')],
    ['code that is elsewhere', lint({ policy: { type: 'cue', configMapRef: { name: 'c', key: 'k' } } })],
    ['root and log of one TrustRoot', trusting({ trustRootRef: 'r' }, { ctlog: { trustRootRef: 'r' } })],
    ['a timestamp of the same TrustRoot', trusting({ trustRootRef: 'r' }, { rfc3161timestamp: { trustRootRef: 'r' } })],
    ["Sigstore's own log", trusting({}, { ctlog: { url: 'https://rekor.sigstore.dev' } })],
    ['a pattern with alternatives in brackets', identity({ issuer, subjectRegExp: '^https://(?:a|b)\\.example/[|]$' })],
    ['a pattern that begins with flags', identity({ issuer, subjectRegExp: '(?i)^me@example\\.example$' })],
  ])('%s', (_title, warnings) => {
    expect(warnings).toEqual([]);
  });
});

describe('warns of attestations, code and logs:', () => {
  test.each<[string, readonly string[], string]>([
    [
      'a short type',
      attesting({ name: 'a', predicateType: 'vuln', policy: { type: 'cel', data: 'has(x)' } }),
      `invalid value: vuln: ${at0}.attestations.predicateType\n${deprecated}`,
    ],
    ['no code', attesting({ name: 'a', predicateType: uri }), `${at0}.attestations[0]: without policy any attestation`],
    ['CUE with a mark that cosign does not heed', coded('cue', 'predicate!: x!: 1'), 'with name!: as well'],
    ['CUE that demands nothing', coded('cue', '// predicate: x\n'), 'spec.policy: it demands nothing'],
    [
      'CUE that passes without fields',
      coded('cue', 'predicate: builder: id: "x"'),
      'CUE passes where a field is missing, with name!: as well',
    ],
    ['Rego of another package', coded('rego', 'package main\nisCompliant { true }'), 'without "package sigstore"'],
    ['Rego without its rule', coded('rego', 'package sigstore\nallow { true }'), 'without a rule "isCompliant"'],
    [
      'Rego that passes',
      coded('rego', 'package sigstore\ndefault isCompliant = true'),
      'what no rule speaks of passes',
    ],
    [
      'Rego with a network',
      coded('rego', 'package sigstore\nisCompliant { http.send({}) }'),
      'code has no network here',
    ],
    ['CEL that says yes', coded('cel', ' true '), 'it says yes to everything'],
    ['a root without log', trusting({ trustRootRef: 'r' }), 'write ctlog.trustRootRef to demand it in any case'],
    [
      'two roots',
      trusting({ trustRootRef: 'r' }, { ctlog: { trustRootRef: 's' } }),
      'certificates are of TrustRoot "r" and proofs of time of "s"',
    ],
    [
      'a key with timestamps alone',
      lint({ authorities: [{ ...byKey, rfc3161timestamp: { trustRootRef: 'r' } }] }),
      `${at0}.rfc3161timestamp: without ctlog no log is demanded`,
    ],
    ['a log without name', lint({ authorities: [{ ...byKey, ctlog: {} }] }), "Sigstore's public one is demanded"],
    [
      'a log that nobody knows',
      lint({ authorities: [{ ...byKey, ctlog: { url: 'https://rekor.example' } }] }),
      'so nothing passes; write trustRootRef',
    ],
    [
      'a log without TLS',
      lint({ authorities: [{ ...byKey, ctlog: { url: 'http://rekor.example', trustRootRef: 'r' } }] }),
      'it is asked without TLS',
    ],
    [
      'a log for bundles',
      lint({ authorities: [{ ...byKey, signatureFormat: 'bundle', ctlog: { url: 'https://a.sigstore.dev' } }] }),
      'bundles bring their proof along',
    ],
    [
      'anybody',
      identity({ issuer, subjectRegExp: '^.*$' }),
      `${at0}.keyless.identities[0].subjectRegExp: it is anybody`,
    ],
    ['anchors of one alternative each', identity({ issuer, subjectRegExp: '^a|b$' }), 'put it between ^ and $'],
    ['an escaped anchor', identity({ issuer, subjectRegExp: '^a\\$' }), 'put it between ^ and $'],
    [
      'a static pass beside a key',
      lint({ authorities: [pass, byKey] }),
      `${at0}.static: it passes whatever the others say`,
    ],
  ])('%s', (_title, warnings, expected) => {
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(expected);
  });
});
