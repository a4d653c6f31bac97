/** What policy code is asked about: statements of attestations, inputs of object policies, and text that is odd. */
const statement = (predicateType: string, predicate: unknown): string =>
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType,
    subject: [{ name: 'registry.example/shop', digest: { sha256: 'a'.repeat(64) } }],
    predicate,
  });

const vulnerabilities = {
  invocation: { parameters: null, uri: 'https://ci.example/scan/7', event_id: '', 'builder.id': '' },
  scanner: {
    uri: 'pkg:github/example/scanner@1',
    version: '1.2.3',
    db: { uri: '', version: '' },
    result: {
      Results: [
        { Severity: 'HIGH', ID: 'CVE-2026-1' },
        { Severity: 'LOW', ID: 'CVE-2026-2' },
      ],
    },
  },
  metadata: { scanStartedOn: '2022-04-12T00:00:00Z', scanFinishedOn: '2022-04-12T00:10:00Z' },
};

const provenance = {
  buildDefinition: { buildType: 'https://build.example/v1', externalParameters: { ref: 'refs/heads/main' } },
  runDetails: { builder: { id: 'https://build.example/hosted' }, metadata: { invocationId: '42' } },
};

const container = (name: string, more: object = {}): object => ({ name, image: `registry.example/${name}:1`, ...more });
const secured = { securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false } };

function pod(spec: object, matches: object = { keyatt: { signatures: [{ id: '1' }], attestations: {} } }): string {
  return JSON.stringify({
    authorityMatches: matches,
    spec,
    metadata: { name: 'web', namespace: 'shop', labels: { team: 'shop' }, annotations: { 'a.example/b': 'c' } },
    typemeta: { kind: 'Pod', apiVersion: 'v1' },
    config: { 'linux/amd64': { architecture: 'amd64', config: { User: '65532', Env: ['PATH=/bin'] } } },
  });
}

const bothMatches = {
  keyatt: { signatures: [{ id: 'a' }], attestations: { one: [{ id: 'b' }] } },
  keysignature: { signatures: [{ id: 'c' }] },
  keylessatt: { attestations: { one: [{ id: 'd' }], two: [{ id: 'e' }] } },
  keylesssignature: { signatures: [{ id: 'f', subject: 'https://ci.example', issuer: 'https://issuer.example' }] },
};

export const inputs: Readonly<Record<string, string>> = {
  custom: statement('https://cosign.sigstore.dev/attestation/v1', {
    Data: 'foobar key e2e test',
    Timestamp: '2022-04-12T00:00:00Z',
  }),
  vulnerabilities: statement('https://cosign.sigstore.dev/attestation/vuln/v1', vulnerabilities),
  provenance: statement('https://slsa.dev/provenance/v1', provenance),
  sbom: statement('https://spdx.dev/Document', { spdxVersion: 'SPDX-2.3', packages: [{ name: 'zlib' }, {}] }),
  plainPod: pod({ containers: [container('web')], serviceAccountName: 'default' }),
  securedPod: pod(
    { hostNetwork: false, containers: [container('web', secured), container('log', secured)] },
    bothMatches,
  ),
  privilegedPod: pod({
    hostNetwork: true,
    hostPID: true,
    volumes: [{ name: 'host', hostPath: { path: '/' } }],
    initContainers: [
      container('init', { securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } }),
    ],
    containers: [container('web', { ports: [{ hostPort: 80, containerPort: 80 }] })],
  }),
  deployment: pod({ replicas: 2, template: { spec: { containers: [container('web', secured)] } } }, bothMatches),
  numbers: '{"a":1,"b":1.0,"c":12345678901234567890123,"d":1e3,"e":-0,"f":0.1,"list":[3,1,2],"big":9007199254740993}',
  text: '{"a":"x","text":"grün \\u0000 \\ud83d\\ude00 <&>","list":["b","a"],"nothing":null,"empty":{},"yes":true}',
  repeated: '{"a":1,"a":2}',
  empty: '{}',
  list: '[1,2,3]',
  string: '"text"',
  nothing: 'null',
  broken: '{"a":',
  trailing: '{"a":1} {"a":2}',
  noText: '',
};
