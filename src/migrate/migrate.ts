/** Objects of all products in; ours, notes and commands out. What would not be read by our own parser is not written. */
import { quoted } from '../kernel/failure.ts';
import { compileGlob } from '../kernel/glob.ts';
import { parseClusterImagePolicy } from '../policy/parse-cluster-image-policy.ts';
import { parseTrustRoot } from '../policy/parse-trust-root.ts';
import { isConnaisseur, readConnaisseur } from './connaisseur/read.ts';
import { objectName, refusal, uniqueName } from './demand.ts';
import { readClusterPolicy } from './kyverno/cluster-policy.ts';
import { readImageValidatingPolicy } from './kyverno/image-validating-policy.ts';
import type { Json, Migration, Note, Reading, SourceObject, Unmatched, Written } from './model.ts';
import { isPolicyController, readPolicyController, secretsNamedBy } from './policy-controller/read.ts';
import { isRatify, readRatify } from './ratify/read.ts';
import { isThere, listAt, nameOf, recordAt, textAt, titleOf } from './read-json.ts';

/** Undefined: none of the objects is configuration of a product that is known. */
export function migrate(
  objects: readonly SourceObject[],
  { withSecrets }: { readonly withSecrets: boolean } = { withSecrets: false },
): Migration | undefined {
  const readings = [
    policyController(objects.filter(isPolicyController)),
    ...objects.filter(({ value }) => isConnaisseur(value)).map(readConnaisseur),
    kyverno(objects),
    ratify(objects.filter(isRatify)),
  ].filter((reading) => reading !== undefined);
  if (readings.length === 0) return undefined;
  const names = new Set<string>();
  const checked = readings.flatMap(({ written }) => written).map((one) => checkedObject(renamed(one, names)));
  const settings = settingsOf(readings, objects);
  return {
    objects: [
      ...checked.flatMap(({ written }) => written),
      ...settings.written,
      ...(withSecrets ? secretsOf(objects) : []),
    ],
    notes: [...readings.flatMap(({ notes }) => notes), ...checked.flatMap(({ notes }) => notes), ...settings.notes],
    commands: [...new Set(readings.flatMap(({ commands }) => commands))],
  };
}

function policyController(objects: readonly SourceObject[]): Reading | undefined {
  return objects.length === 0 ? undefined : readPolicyController(objects);
}

function ratify(objects: readonly SourceObject[]): Reading | undefined {
  return objects.length === 0 ? undefined : readRatify(objects);
}

const newKinds = /^(?:Namespaced)?Image(?:Validating|Verification)Policy$/;

function kyverno(objects: readonly SourceObject[]): Reading | undefined {
  const reads = objects.flatMap((object) => {
    const [apiVersion = '', kind = ''] = ['apiVersion', 'kind'].map((member) => textAt(object.value, member));
    if (apiVersion.startsWith('policies.kyverno.io/') && newKinds.test(kind))
      return [readImageValidatingPolicy(object)];
    const isRules = apiVersion.startsWith('kyverno.io/') && (kind === 'ClusterPolicy' || kind === 'Policy');
    return isRules && verifiesImages(object.value) ? [readClusterPolicy(object)] : [];
  });
  if (reads.length === 0) return undefined;
  return {
    written: reads.flatMap(({ written }) => written),
    notes: reads.flatMap(({ notes }) => notes),
    commands: ['kubectl label namespaces --all policy.sigstore.dev/include=true # but not kube-system and the like'],
    unmatched: 'allow',
    everyNamespace: true,
  };
}

/** Those of policy-controller's namespace that policies name, and no others. */
function secretsOf(objects: readonly SourceObject[]): readonly Written[] {
  const policies = objects.filter(({ value }) => textAt(value, 'kind') === 'ClusterImagePolicy');
  const named = new Set(policies.flatMap(({ value }) => secretsNamedBy(value)));
  return objects.flatMap(({ value }) => {
    const { name, namespace } = recordAt(value, 'metadata') ?? {};
    const isOne = value['apiVersion'] === 'v1' && value['kind'] === 'Secret' && namespace === 'cosign-system';
    if (!isOne || typeof name !== 'string' || !named.has(name)) return [];
    const { data, stringData, type } = value;
    const metadata = { name, namespace: 'countersign-system' };
    const object = { apiVersion: 'v1', kind: 'Secret', metadata, data, stringData, type };
    return [{ source: titleOf(value), object }];
  });
}

/** Also when its rules cannot be read. */
function verifiesImages(policy: Json): boolean {
  const rules = listAt(recordAt(policy, 'spec'), 'rules');
  return rules === undefined || rules.some((rule) => isThere(rule, 'verifyImages'));
}

function renamed({ source, object }: Written, names: Set<string>): Written {
  const kind = textAt(object, 'kind') ?? '';
  const name = uniqueName(`${kind}/${nameOf(object)}`, names).slice(kind.length + 1);
  return { source, object: { ...object, metadata: { ...recordAt(object, 'metadata'), name } } };
}

interface Told {
  readonly written: readonly Written[];
  readonly notes: readonly Note[];
}

/** The law is kept also when our own words would not be read: then the policy refuses, and is read. */
function checkedObject(written: Written): Told {
  const { source, object } = written;
  const isPolicy = textAt(object, 'kind') === 'ClusterImagePolicy';
  const rules = { allowsNoAuthorities: true };
  const parsed = isPolicy ? parseClusterImagePolicy(object, rules) : parseTrustRoot(object);
  if (parsed.ok) return { written: [written], notes: [] };
  const why = quoted(parsed.failure.join('; ').replaceAll('\n', ' '), 500);
  const note: Note = {
    level: 'lost',
    source,
    message: `it would be refused when it is written here: ${why}${isPolicy ? '; a policy that refuses stands in for it' : ''}`,
    wayOut: 'correct it and run this again',
  };
  return { written: isPolicy ? [{ source, object: standIn(object) }] : [], notes: [note] };
}

function standIn(object: Json): Json {
  const globs = (listAt(recordAt(object, 'spec'), 'images') ?? []).flatMap((image) => {
    const glob = textAt(image, 'glob');
    return glob !== undefined && compileGlob(glob).ok ? [{ glob }] : [];
  });
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: objectName(nameOf(object)) },
    spec: {
      images: globs.length === 0 ? [{ glob: '**' }] : globs,
      authorities: [refusal('the policy could not be read')],
    },
  };
}

const strictness: readonly Unmatched[] = ['allow', 'warn', 'deny'];

/** One answer for images that nothing matches: the strictest of what the products give. */
function settingsOf(readings: readonly Reading[], objects: readonly SourceObject[]): Told {
  const said = readings.flatMap(({ unmatched }) => (unmatched === undefined ? [] : [unmatched]));
  if (said.length === 0) return { written: [], notes: [] };
  const strictest = said.reduce((one, other) => (strictness.indexOf(other) > strictness.indexOf(one) ? other : one));
  const source = 'no-match-policy';
  const emptyAllowed = objects.some(
    ({ value }) =>
      isPolicyController({ where: '', value }) && recordAt(value, 'data')?.['fail-on-empty-authorities'] === 'false',
  );
  const data = {
    'no-match-policy': strictest,
    ...(emptyAllowed ? { 'fail-on-empty-authorities': 'false' } : {}),
  };
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'countersign-config', namespace: 'countersign-system' },
    data,
  };
  return { written: [{ source, object }], notes: unmatchedNotes(said, strictest, source) };
}

function unmatchedNotes(said: readonly Unmatched[], strictest: Unmatched, source: string): readonly Note[] {
  if (new Set(said).size > 1) {
    const message = `what was read disagrees about images that nothing matches; ${strictest} is the strictest`;
    return [{ level: 'lost', source, message, wayOut: 'write a policy with static: pass for what is to run unsigned' }];
  }
  if (strictest === 'deny') return [];
  const message = `images that no policy matches are admitted, as they were${strictest === 'warn' ? ', with a warning' : ''}`;
  return [
    { level: 'warning', source, message, wayOut: 'set it to deny once a policy matches every image that is to run' },
  ];
}
