/**
 * Ratify: cosign Verifiers with their trust policies, the Policy that joins verifiers, key providers, and the Gatekeeper
 * constraint that decides what becomes of a refusal. An image that no scope covers is refused there.
 */
import { quoted } from '../../kernel/failure.ts';
import { all, impossible, objectName, policyOf, type Demand } from '../demand.ts';
import { widened, withHub } from '../globs.ts';
import { Notebook, type Json, type Reading, type SourceObject } from '../model.ts';
import { isThere, listAt, memberOf, nameOf, recordAt, textAt, textsAt, titleOf } from '../read-json.ts';
import { scopedDemand, type Providers, type Scoped } from './trust-policy.ts';

const kind = (object: SourceObject): string => (textAt(object.value, 'kind') ?? '').replace(/^Namespaced/, '');

export function isRatify({ value }: SourceObject): boolean {
  const apiVersion = textAt(value, 'apiVersion') ?? '';
  return (
    /^config\.ratify\.(?:deislabs\.io|dev)\//.test(apiVersion) ||
    (apiVersion.startsWith('constraints.gatekeeper.sh/') && textAt(value, 'kind') === 'RatifyVerification')
  );
}

const sbomWayOut = 'demand an attestation in its place: attestations in docs/write-a-policy.md';

export function readRatify(objects: readonly SourceObject[]): Reading {
  const about = new Notebook('Ratify');
  const verifiers = objects.filter((object) => kind(object) === 'Verifier');
  const constraints = objects.filter((object) => kind(object) === 'RatifyVerification').map(({ value }) => value);
  const mode = modeOf(constraints, about);
  const rest = restDemand(objects, verifiers, about);
  noteRest(objects, about);
  const parts = verifiers.filter(isCosign).map((object) => verifierParts(object, providersIn(objects)));
  const executors = objects.filter((object) => kind(object) === 'Executor').map(executorParts);
  const scoped = [...parts, ...executors];
  noteOverlaps(scoped, about);
  const written = scoped.flatMap(({ notebook, policies }) =>
    policies.map(({ name, scopes, demand }) =>
      policyOf(notebook.source, {
        name: objectName('ratify', notebook.source.replace(/^\S+ /, ''), name),
        images: [...new Set(scopes.flatMap(scopeGlobs))],
        demand: scopes.some(isTagged) ? taggedScope(notebook) : all([demand, ...rest]),
        mode,
      }),
    ),
  );
  const notes = [...about.notes, ...scoped.flatMap(({ notebook }) => notebook.notes)];
  const commands = namespaceCommands(constraints);
  return { written, notes, commands, unmatched: mode === 'warn' ? 'warn' : 'deny', everyNamespace: true };
}

interface VerifierParts {
  readonly notebook: Notebook;
  readonly policies: readonly Scoped[];
}

function isCosign({ value }: SourceObject): boolean {
  const spec = recordAt(value, 'spec');
  return (textAt(spec, 'type') ?? textAt(spec, 'name')) === 'cosign';
}

function verifierParts({ value }: SourceObject, providers: Providers): VerifierParts {
  const notebook = new Notebook(titleOf(value));
  const parameters = recordAt(value, 'spec', 'parameters') ?? {};
  if (isThere(parameters, 'trustPolicies')) {
    const policies = listAt(parameters, 'trustPolicies') ?? [undefined];
    return { notebook, policies: policies.map((policy) => scopedDemand(policy, providers, notebook)) };
  }
  // Before trust policies: one key in a file of the container, or whoever has signed.
  const file = textAt(parameters, 'key');
  const why =
    file === undefined
      ? 'without trust policies and key it accepts a signature of anybody'
      : `the key is in the file ${quoted(file, 100)} of Ratify`;
  const wayOut =
    file === undefined
      ? 'write into keyless.identities who may sign'
      : 'put the PEM text of the public key into key.data of this policy';
  return { notebook, policies: [{ name: 'default', scopes: ['*'], demand: impossible(notebook, why, wayOut) }] };
}

/** v2: of its verifiers nothing is documented that could be read. */
function executorParts({ value }: SourceObject): VerifierParts {
  const notebook = new Notebook(titleOf(value));
  const scopes = textsAt(recordAt(value, 'spec'), 'scopes');
  const demand = impossible(
    notebook,
    'verifiers of an Executor are not known here',
    'write the policy by hand: docs/write-a-policy.md',
  );
  return { notebook, policies: [{ name: 'executor', scopes: scopes.length === 0 ? ['*'] : scopes, demand }] };
}

function providersIn(objects: readonly SourceObject[]): Providers {
  const found = objects.filter((object) => kind(object) === 'KeyManagementProvider').map(({ value }) => value);
  return new Map(
    found.flatMap((value): [string, Json][] => {
      const namespace = textAt(memberOf(value, 'metadata'), 'namespace');
      const name = nameOf(value);
      return [[name, value], ...(namespace === undefined ? [] : [[`${namespace}/${name}`, value] as [string, Json]])];
    }),
  );
}

/** What other verifiers demand, as the Policy joins them. */
function restDemand(
  objects: readonly SourceObject[],
  verifiers: readonly SourceObject[],
  about: Notebook,
): readonly Demand[] {
  const policy = objects.find((object) => kind(object) === 'Policy')?.value;
  const spec = recordAt(policy, 'spec');
  const parameters = recordAt(spec, 'parameters');
  const demands: Demand[] = [];
  const rego = textAt(parameters, 'policy');
  if (rego !== undefined && !isUsualRego(rego))
    demands.push(
      impossible(about, 'a Policy in Rego joins the verifiers', 'write what it demands into spec.policy by hand'),
    );
  const others = verifiers.filter((verifier) => !isCosign(verifier));
  const rules = recordAt(parameters, 'artifactVerificationPolicies');
  const isAny = rules !== undefined && Object.values(rules).every((rule) => rule === 'any');
  for (const { value } of others) {
    const what = `${titleOf(value)} is not of cosign`;
    if (isAny) about.lost(`${what}: a signature of cosign alone satisfies here`, sbomWayOut);
    else demands.push(impossible(about, what, sbomWayOut));
  }
  if (!isAny && verifiers.some(isCosign))
    about.lost(
      'every signature of an image had to verify; here one that does is enough',
      'nothing to do, unless a signature by somebody else is to keep an image out',
    );
  return demands;
}

/** The one of its chart: every report must be a success. */
function isUsualRego(text: string): boolean {
  const lines = text.split('\n').map((line) => line.replace(/#.*$/, '').trim());
  return usualRego.has(lines.filter((line) => line !== '').join(' '));
}

const head = 'package ratify.policy default valid := false valid { not failed_verify(input) }';
const failed =
  'failed_verify(reports) { [path, value] := walk(reports) value == false path[count(path) - 1] == "isSuccess" }';
const none =
  'failed_verify(reports) { [path, value] := walk(reports) path[count(path) - 1] == "verifierReports" count(value) == 0 }';
const usualRego = new Set([`${head} ${failed}`, `${head} ${failed} ${none}`]);

function modeOf(constraints: readonly Json[], about: Notebook): 'enforce' | 'warn' {
  const actions = constraints.map((constraint) => textAt(recordAt(constraint, 'spec'), 'enforcementAction') ?? 'deny');
  if (constraints.length === 0)
    about.info('no Gatekeeper constraint was given: its enforcementAction is taken for deny');
  return actions.length > 0 && actions.every((action) => action === 'warn' || action === 'dryrun') ? 'warn' : 'enforce';
}

function noteRest(objects: readonly SourceObject[], about: Notebook): void {
  for (const object of objects) {
    const what = kind(object);
    if (what === 'CertificateStore')
      about.lost(`${titleOf(object.value)}: certificates of Notation are not known here`, 'sign with cosign');
    const store = recordAt(object.value, 'spec', 'parameters');
    if (what === 'Store' && (isThere(store, 'authProvider') || store?.['useHttp'] === true))
      about.lost(
        `${titleOf(object.value)}: how it reaches registries is not carried over`,
        'docs/registries.md: pull secrets, identities of nodes, --registry-config',
      );
  }
}

function scopeGlobs(scope: string): readonly string[] {
  if (scope === '*') return ['**'];
  return withHub(widened(scope)).globs.map((glob) => glob.replaceAll(/\*+/g, '**'));
}

/** `repo:v*`: Ratify looks at the digest when there is one, and so does not see this tag. */
function isTagged(scope: string): boolean {
  return scope.slice(scope.lastIndexOf('/') + 1).includes(':') && !scope.includes('@');
}

function taggedScope(notebook: Notebook): Demand {
  return impossible(
    notebook,
    'a scope that names a tag does not mean the same here',
    'write spec.images by hand, without a tag',
  );
}

function noteOverlaps(scoped: readonly VerifierParts[], about: Notebook): void {
  const policies = scoped.flatMap(({ policies: some }) => some);
  if (policies.length > 1 && policies.some(({ scopes }) => scopes.includes('*')))
    about.lost(
      'the trust policy with scope "*" was for images that no other one covers; here it is demanded of these as well',
      'narrow its spec.images by hand',
    );
}

function namespaceCommands(constraints: readonly Json[]): readonly string[] {
  const label = 'policy.sigstore.dev/include=true';
  const names = constraints.map((constraint) => textsAt(recordAt(constraint, 'spec', 'match'), 'namespaces'));
  const isKnown =
    names.length > 0 && names.every((some) => some.length > 0 && some.every((name) => /^[a-z0-9-]+$/.test(name)));
  if (isKnown) return [...new Set(names.flat())].map((name) => `kubectl label namespace ${name} ${label}`);
  return [
    `kubectl label namespaces --all ${label} # but not those that the constraints leave out, kube-system and the like`,
  ];
}
