/** `verifyImages` rules of ClusterPolicy and Policy (kyverno.io). An image that matches none of them is admitted there. */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { all, authority, impossible, objectName, policyOf, type Demand } from '../demand.ts';
import { widened, withHub } from '../globs.ts';
import { Notebook, type Json, type Note, type SourceObject, type Written } from '../model.ts';
import { isThere, listAt, memberOf, nameOf, recordAt, strangerIn, textAt, textsAt, titleOf } from '../read-json.ts';
import { attestorsDemand, oldAttestor, type AttestorContext } from './attestors.ts';
import { conditionsAsCel } from './conditions.ts';

export interface Read {
  readonly written: readonly Written[];
  readonly notes: readonly Note[];
}

export function readClusterPolicy({ value }: SourceObject): Read {
  const title = titleOf(value);
  const spec = recordAt(value, 'spec') ?? {};
  const about = new Notebook(title);
  const rules = listAt(spec, 'rules');
  if (rules === undefined) about.lost('spec.rules is no list', 'correct it and run this again');
  const reads = (rules ?? []).map((rule, index) => readRule(rule, index, { value, spec, title }, about));
  return {
    written: reads.flatMap(({ written }) => written),
    notes: [...about.notes, ...reads.flatMap(({ notes }) => notes)],
  };
}

interface Policy {
  readonly value: Json;
  readonly spec: Json;
  readonly title: string;
}

function readRule(rule: unknown, index: number, policy: Policy, about: Notebook): Read {
  const name = textAt(rule, 'name') ?? `rule-${index}`;
  if (!isThere(rule, 'verifyImages')) {
    about.info(`rule ${quoted(name, 64)} verifies no images`, 'leave it with Kyverno');
    return { written: [], notes: [] };
  }
  const notebook = new Notebook(`${policy.title}, rule ${quoted(name, 64)}`);
  const checks = listAt(rule, 'verifyImages') ?? [memberOf(rule, 'verifyImages')];
  noteScope(rule, policy, notebook);
  const written = checks.map((check, at) => {
    const suffix = checks.length > 1 ? [String(at)] : [];
    const object = objectName('kyverno', nameOf(policy.value), name, ...suffix);
    return readCheck(check, rule, policy, { name: object, notebook });
  });
  return { written, notes: notebook.notes };
}

/** Which objects a rule is about: here a policy is about images, wherever they are. */
function noteScope(rule: unknown, { value, spec }: Policy, notebook: Notebook): void {
  const stricter = 'the policy here also refuses where that rule did not look';
  const exempt = 'leave these namespaces without the label policy.sigstore.dev/include, or write spec.match by hand';
  if (textAt(value, 'kind') === 'Policy') notebook.lost(`it held in one namespace only; ${stricter}`, exempt);
  for (const member of ['exclude', 'preconditions', 'celPreconditions'])
    if (isThere(rule, member)) notebook.lost(`${member} is not carried over; ${stricter}`, exempt);
  const match = memberOf(rule, 'match');
  const filters = [match, ...textlessFilters(match)];
  const resources = filters.map((filter) => recordAt(filter, 'resources') ?? {});
  const limits = ['namespaces', 'names', 'name', 'selector', 'namespaceSelector', 'annotations', 'operations'];
  const narrow = limits.filter((member) => resources.some((resource) => isThere(resource, member)));
  const who = ['subjects', 'roles', 'clusterRoles'].filter((member) =>
    filters.some((filter) => isThere(filter, member)),
  );
  if (narrow.length + who.length > 0)
    notebook.lost(`match by ${[...narrow, ...who].join(', ')} is not carried over; ${stricter}`, exempt);
  const kinds = [...new Set(resources.flatMap((resource) => textsAt(resource, 'kinds')))];
  notebook.info(`it was about ${quoted(kinds.join(', ') || 'no kind', 100)}; here every kind with images is looked at`);
  if (isThere(rule, 'imageExtractors'))
    notebook.lost(
      'imageExtractors: images in custom resources are not looked at here',
      'keep the rule for these kinds',
    );
  if (isThere(spec, 'failurePolicy') && textAt(spec, 'failurePolicy') === 'Ignore')
    notebook.info('failurePolicy Ignore: here the webhook refuses when it is away', 'docs/failure-modes.md');
}

function textlessFilters(match: unknown): readonly unknown[] {
  return [...(listAt(match, 'any') ?? []), ...(listAt(match, 'all') ?? [])];
}

const ignored = [
  'mutateDigest',
  'verifyDigest',
  'required',
  'useCache',
  'failureAction',
  'failureActionOverrides',
  'cosignOCI11',
];
const old = ['image', 'key', 'issuer', 'subject', 'roots'];
const known = [
  ...ignored,
  ...old,
  'type',
  'imageReferences',
  'skipImageReferences',
  'attestors',
  'attestations',
  'repository',
  'imageRegistryCredentials',
];

interface Target {
  readonly name: string;
  readonly notebook: Notebook;
}

function readCheck(check: unknown, rule: unknown, policy: Policy, { name, notebook }: Target): Written {
  const images = imagesOf(check, notebook);
  const demand = demandOf(check, notebook);
  noteRest(check, notebook);
  return policyOf(notebook.source, { name, images, demand, mode: modeOf(check, rule, policy) });
}

function imagesOf(check: unknown, notebook: Notebook): readonly string[] {
  const patterns = [...textsAt(check, 'imageReferences'), ...textsAt(check, 'image')];
  const translated = patterns.map((pattern) => withHub(widened(pattern)));
  for (const [index, { exact }] of translated.entries())
    if (!exact)
      notebook.warning(
        `the pattern "${quoted(patterns[index] ?? '', 100)}" became a wider one`,
        'narrow the glob by hand',
      );
  const globs = translated.flatMap(({ globs: some }) => some);
  if (globs.length > 0) return [...new Set(globs)];
  notebook.lost('it names no images that can be read; every image is meant here', 'write spec.images by hand');
  return ['**'];
}

function demandOf(check: unknown, notebook: Notebook): Demand {
  const stranger = strangerIn(check, known, 'verifyImages');
  if (stranger !== undefined) return impossible(notebook, stranger, 'write the policy by hand: docs/write-a-policy.md');
  const type = memberOf(check, 'type') ?? 'Cosign';
  if (type !== 'Cosign' && type !== 'SigstoreBundle')
    return impossible(
      notebook,
      `signatures of type ${quoted(JSON.stringify(type), 32)} are not known here`,
      'sign with cosign as well, and write its key or identity into the policy',
    );
  const repository = textAt(check, 'repository');
  const isBundle = type === 'SigstoreBundle';
  const context = { notebook, isBundle, ...defined('repository', repository) };
  const attestors = isThere(check, 'attestors') ? memberOf(check, 'attestors') : oldAttestor(asRecord(check) ?? {});
  const attestations = isThere(check, 'attestations') ? memberOf(check, 'attestations') : [];
  const demands = [
    ...(attestors === undefined ? [] : [attestorsDemand(attestors, context)]),
    ...attestationDemands(attestations, context),
  ];
  if (demands.length > 0) return all(demands);
  notebook.warning('it demands no signature, only a digest; so does the policy here', 'write attestors into it');
  return authority('digest-only', { static: { action: 'pass' } });
}

function attestationDemands(attestations: unknown, context: AttestorContext): readonly Demand[] {
  if (!Array.isArray(attestations)) return [impossible(context.notebook, 'attestations is no list', 'correct it')];
  return attestations.map((entry: unknown, index) => attestationDemand(entry, `attestations[${index}]`, context));
}

function attestationDemand(entry: unknown, path: string, context: AttestorContext): Demand {
  const { notebook } = context;
  const stranger = strangerIn(entry, ['predicateType', 'type', 'name', 'attestors', 'conditions'], path);
  const predicateType = textAt(entry, 'type') ?? textAt(entry, 'predicateType');
  const problem = stranger ?? (predicateType === undefined ? `${path} has no type` : undefined);
  if (problem !== undefined || predicateType === undefined)
    return impossible(notebook, problem ?? path, 'write the attestation by hand: docs/write-a-policy.md');
  if (!isThere(entry, 'attestors'))
    return impossible(
      notebook,
      `${path} has no attestors: whoever may push could attest anything`,
      'say in its attestors who must have signed it',
    );
  const wanted = { name: path, predicateType };
  if (!isThere(entry, 'conditions')) return attesting(attestorsDemand(memberOf(entry, 'attestors'), context), wanted);
  const conditions = conditionsAsCel(memberOf(entry, 'conditions'));
  if (!conditions.ok)
    return impossible(
      notebook,
      `${path}.conditions cannot be said in CEL: ${conditions.why}`,
      'write attestations[].policy by hand, in CEL, CUE or Rego',
    );
  notebook.lost(
    `${path}.conditions: Kyverno demands them of every attestation of that type by these signers, here one is enough`,
    'remove attestations that do not meet them, or demand it when they are made',
  );
  const policy = { type: 'cel', data: conditions.cel };
  return attesting(attestorsDemand(memberOf(entry, 'attestors'), context), { ...wanted, policy });
}

interface AttestationWanted extends Json {
  readonly name: string;
  readonly predicateType: string;
}

/** The same signers, of an attestation instead of the image. */
export function attesting(demand: Demand, wanted: AttestationWanted): Demand {
  switch (demand.kind) {
    case 'authority':
      return authority(`${wanted.name}.${demand.name}`, { ...demand.authority, attestations: [wanted] });
    case 'at-least':
      return { ...demand, of: demand.of.map((part) => attesting(part, wanted)) };
    case 'impossible':
      return demand;
  }
}

function noteRest(check: unknown, notebook: Notebook): void {
  if (isThere(check, 'imageRegistryCredentials'))
    notebook.lost(
      'imageRegistryCredentials are not carried over',
      'name pull secrets in the workloads, or credentials in --registry-config (docs/registries.md)',
    );
  if (isThere(check, 'skipImageReferences'))
    notebook.lost('skipImageReferences: these images are verified here too', 'narrow spec.images by hand');
  if (memberOf(check, 'mutateDigest') === false)
    notebook.warning(
      'mutateDigest false: here a tag is replaced by its verified digest, not refused',
      'write digests into the workloads: nothing is changed in these',
    );
  if (memberOf(check, 'required') === false)
    notebook.info('required false: here an image that is not verified is refused');
}

/** Kyverno only audits unless it is told to enforce; enforced for some namespaces is enforced for all here. */
function modeOf(check: unknown, rule: unknown, { spec }: Policy): 'enforce' | 'warn' {
  const said =
    textAt(check, 'failureAction') ?? textAt(rule, 'failureAction') ?? textAt(spec, 'validationFailureAction');
  const overrides = [check, spec].flatMap((place) => [
    ...(listAt(place, 'failureActionOverrides') ?? []),
    ...(listAt(place, 'validationFailureActionOverrides') ?? []),
  ]);
  const actions = [said ?? 'Audit', ...overrides.map((override) => textAt(override, 'action') ?? 'Enforce')];
  return actions.every((action) => action.toLowerCase() === 'audit') ? 'warn' : 'enforce';
}
