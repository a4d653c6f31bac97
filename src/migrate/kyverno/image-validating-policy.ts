/**
 * ImageValidatingPolicy of policies.kyverno.io, namespaced or not, and ImageVerificationPolicy of its first releases. Of the
 * CEL in `validations` the documented forms are read: each of them names attestors and how many must have signed.
 */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { all, atLeast, impossible, objectName, policyOf, type Demand } from '../demand.ts';
import { widened, withUnqualified } from '../globs.ts';
import { identityTexts, keyDemands, keylessDemand, publicLog, secretDemand } from '../key-authority.ts';
import { Notebook, type Json, type SourceObject } from '../model.ts';
import { isThere, listAt, nameOf, noText, recordAt, strangerIn, textAt, textsAt, titleOf } from '../read-json.ts';
import { attesting, type Read } from './cluster-policy.ts';

const byHand = 'write the authority by hand: docs/write-a-policy.md';
const ownRoot = 'write a TrustRoot with these keys and name it in the authority: docs/trust-roots.md';

export function readImageValidatingPolicy({ value }: SourceObject): Read {
  const notebook = new Notebook(titleOf(value));
  const spec = recordAt(value, 'spec') ?? {};
  if (textAt(recordAt(spec, 'evaluation'), 'mode') === 'JSON') {
    notebook.lost('it is about JSON that is no Kubernetes object', 'leave it with Kyverno');
    return { written: [], notes: notebook.notes };
  }
  noteScope(value, spec, notebook);
  const images = imagesOf(spec, notebook);
  const demand = demandOf(spec, notebook);
  const name = objectName('kyverno', nameOf(value));
  const written = [policyOf(notebook.source, { name, images, demand, mode: modeOf(spec) })];
  return { written, notes: notebook.notes };
}

function noteScope(value: Json, spec: Json, notebook: Notebook): void {
  const exempt = 'leave these namespaces without the label policy.sigstore.dev/include, or write spec.match by hand';
  if ((textAt(value, 'kind') ?? '').startsWith('Namespaced'))
    notebook.lost('it held in one namespace only; here it holds in all', exempt);
  const constraints = recordAt(spec, 'matchConstraints');
  const limits = ['namespaceSelector', 'objectSelector', 'excludeResourceRules'].filter((one) =>
    isThere(constraints, one),
  );
  if (isThere(spec, 'matchConditions')) limits.push('matchConditions');
  if (limits.length > 0)
    notebook.lost(
      `${limits.join(', ')} not carried over; the policy here also refuses where that one did not look`,
      exempt,
    );
  if (isThere(spec, 'images'))
    notebook.lost(
      'images: what is extracted from custom resources is not looked at here',
      'keep the policy for these kinds',
    );
  if (isThere(spec, 'credentials'))
    notebook.lost(
      'credentials are not carried over',
      'name pull secrets in the workloads, or credentials in --registry-config (docs/registries.md)',
    );
  if (recordAt(spec, 'validationConfigurations')?.['mutateDigest'] === false)
    notebook.warning(
      'mutateDigest false: here a tag is replaced by its verified digest, not refused',
      'write digests into the workloads: nothing is changed in these',
    );
}

function imagesOf(spec: Json, notebook: Notebook): readonly string[] {
  const rules = listAt(spec, 'matchImageReferences') ?? listAt(spec, 'imageRules') ?? [];
  const globs = rules.flatMap((rule) => {
    const glob = textAt(rule, 'glob');
    if (glob === undefined) {
      notebook.lost('images are chosen by a CEL expression; every image is meant here', 'write spec.images by hand');
      return ['**'];
    }
    const translated = withUnqualified(widened(glob));
    if (!translated.exact)
      notebook.warning(`the glob "${quoted(glob, 100)}" became a wider one`, 'narrow the glob by hand');
    return translated.globs;
  });
  return globs.length === 0 || globs.includes('**') ? ['**'] : [...new Set(globs)];
}

function modeOf(spec: Json): 'enforce' | 'warn' {
  const actions = textsAt(spec, 'validationActions');
  return actions.length > 0 && actions.every((action) => action === 'Audit' || action === 'Warn') ? 'warn' : 'enforce';
}

function demandOf(spec: Json, notebook: Notebook): Demand {
  const validations = listAt(spec, 'validations') ?? listAt(spec, 'verifications') ?? [];
  if (validations.length === 0) return impossible(notebook, 'it has no validations that can be read', byHand);
  const attestors = byName(spec, 'attestors');
  const attestations = byName(spec, 'attestations');
  return all(
    validations.map((validation, index) => {
      const expression = textAt(validation, 'expression') ?? '';
      const call = readExpression(expression);
      if (call === undefined)
        return impossible(notebook, `validations[${index}]: the expression is of no form that is known here`, byHand);
      const demand = atLeast(
        call.count,
        call.attestors.map((name) => attestorDemand(name, attestors.get(name), notebook)),
      );
      return call.attestation === undefined ? demand : attested(demand, call.attestation, attestations, notebook);
    }),
  );
}

function byName(spec: Json, member: string): ReadonlyMap<string, Json> {
  return new Map(
    (listAt(spec, member) ?? []).flatMap((entry): [string, Json][] => {
      const [name, record] = [textAt(entry, 'name'), asRecord(entry)];
      return name === undefined || record === undefined ? [] : [[name, record]];
    }),
  );
}

interface Call {
  readonly attestors: readonly string[];
  readonly attestation?: string;
  readonly count: number;
}

const list = String.raw`images\.[A-Za-z_]\w*`;
const lists = String.raw`(?:${list}|\(?${list}(?:\+${list})*\)?)`;
const named = String.raw`\[(attestors\.\w+(?:,attestors\.\w+)*)\]`;
const verify = String.raw`(?:verifyImageSignatures\((\w+),${named}\)|verifyAttestationSignatures\((\w+),attestations\.(\w+),${named}\))`;
const bound = String.raw`(>=?)(\d{1,3})`;
/** Without spaces. */
const forms = [
  new RegExp(String.raw`^${lists}\.map\((\w+),${verify}\)\.all\((\w+),(\w+)${bound}\)$`),
  new RegExp(String.raw`^${lists}\.map\((\w+),${verify}${bound}\)\.all\((\w+),(\w+)\)$`),
  new RegExp(String.raw`^${lists}\.all\((\w+),${verify}${bound}\)$`),
];

export function readExpression(expression: string): Call | undefined {
  if (expression.length > 4096) return undefined;
  const text = expression.replaceAll(/\s+/g, '');
  const found = forms.map((form) => form.exec(text)).find((match) => match !== null);
  if (found === undefined || found === null) return undefined;
  const [image, signed, signers, attested, attestation, attesters, ...rest] = found.slice(1);
  // The form decides whether names or the bound come first.
  const [sign, number] = rest.includes('>') || rest.includes('>=') ? boundOf(rest) : [];
  const variables = rest.filter((part) => part !== sign && part !== number);
  if (image !== (signed ?? attested) || new Set(variables).size > 1 || sign === undefined) return undefined;
  const attestors = (signers ?? attesters ?? '').split(',').map((name) => name.replace('attestors.', ''));
  const count = Number(number) + Number(sign === '>');
  return { attestors, count, ...defined('attestation', attestation) };
}

function boundOf(rest: readonly (string | undefined)[]): readonly [string | undefined, string | undefined] {
  const at = rest.findIndex((part) => part === '>' || part === '>=');
  return [rest[at], rest[at + 1]];
}

function attested(demand: Demand, name: string, attestations: ReadonlyMap<string, Json>, notebook: Notebook): Demand {
  const found = attestations.get(name);
  const predicateType = textAt(recordAt(found, 'intoto'), 'type');
  if (predicateType === undefined || isThere(found, 'referrer'))
    return impossible(notebook, `the attestation ${quoted(name, 64)} is no in-toto attestation`, byHand);
  return attesting(demand, { name, predicateType });
}

const cosignMembers = ['key', 'keyless', 'source', 'ctlog'];

function attestorDemand(name: string, attestor: Json | undefined, notebook: Notebook): Demand {
  const cosign = recordAt(attestor, 'cosign');
  if (cosign === undefined || isThere(attestor, 'notary'))
    return impossible(
      notebook,
      `the attestor ${quoted(name, 64)} is not of cosign`,
      'sign with cosign as well, and write its key or identity into the policy',
    );
  const log = recordAt(cosign, 'ctlog');
  const problem = cosignProblem(cosign, name);
  if (problem !== undefined) return impossible(notebook, problem, isThere(cosign, 'key') ? byHand : ownRoot);
  const options = { ...logOf(log), ...defined('source', sourceOf(cosign)) };
  const [key, keyless] = [recordAt(cosign, 'key'), recordAt(cosign, 'keyless')];
  if (key !== undefined && keyless === undefined) return keyOf(name, key, options, notebook);
  if (keyless !== undefined && key === undefined) return keylessOf(name, keyless, options, notebook);
  return impossible(notebook, `the attestor ${quoted(name, 64)} is neither key nor keyless`, byHand);
}

function logOf(log: Json | undefined): { readonly logUrl?: string; readonly ignoresSct: boolean } {
  const isIgnored = log?.['insecureIgnoreTlog'] === true;
  const logUrl = isIgnored ? undefined : (textAt(log, 'url') ?? publicLog);
  return { ...defined('logUrl', logUrl), ignoresSct: log?.['insecureIgnoreSCT'] === true };
}

function cosignProblem(cosign: Json, name: string): string | undefined {
  const parts = [
    ['ctlog', ['url', 'insecureIgnoreTlog', 'insecureIgnoreSCT']],
    ['source', ['repository', 'PullSecrets', 'tagPrefix']],
  ] as const;
  const strangers = parts.map(([member, known]) =>
    isThere(cosign, member) ? strangerIn(recordAt(cosign, member), known, `${name}.${member}`) : undefined,
  );
  return strangerIn(cosign, cosignMembers, name) ?? strangers.find((stranger) => stranger !== undefined);
}

function sourceOf(cosign: Json): Json | undefined {
  const source = recordAt(cosign, 'source');
  if (source === undefined || !isThere(cosign, 'source')) return undefined;
  const secrets = listAt(source, 'PullSecrets');
  return {
    ...defined('oci', textAt(source, 'repository')),
    ...defined('tagPrefix', textAt(source, 'tagPrefix')),
    ...defined(
      'signaturePullSecrets',
      secrets?.map((secret) => ({ name: textAt(secret, 'name') ?? '' })),
    ),
  };
}

interface Options {
  readonly logUrl?: string;
  readonly ignoresSct: boolean;
  readonly source?: Json;
}

function keyOf(name: string, key: Json, options: Options, notebook: Notebook): Demand {
  const members = ['data', 'kms', 'hashAlgorithm', 'secretRef'];
  const problem =
    strangerIn(key, members, `${name}.key`) ?? noText(key, ['data', 'kms', 'hashAlgorithm'], `${name}.key`);
  if (problem !== undefined) return impossible(notebook, problem, byHand);
  const all = { ...options, ...defined('hashAlgorithm', textAt(key, 'hashAlgorithm')) };
  const text = textAt(key, 'data') ?? textAt(key, 'kms');
  // Of several keys only the first counts there.
  if (text !== undefined)
    return keyDemands(name, text, all, notebook)[0] ?? impossible(notebook, `${name} has no key`, byHand);
  const secret = recordAt(key, 'secretRef');
  const [secretName, namespace] = [textAt(secret, 'name'), textAt(secret, 'namespace') ?? 'kyverno'];
  if (secretName === undefined) return impossible(notebook, `${name}.key names no key`, byHand);
  return secretDemand(name, { namespace, secret: secretName }, all, notebook);
}

function keylessOf(name: string, keyless: Json, options: Options, notebook: Notebook): Demand {
  const written = listAt(keyless, 'identities') ?? [];
  const members = ['issuer', 'subject', 'issuerRegExp', 'subjectRegExp'];
  const what = `${name}.keyless`;
  const identities = written.flatMap((one) => {
    const problem = strangerIn(one, members, what) ?? noText(one, members, what);
    const issuer = identityTexts(one, 'issuer', 'issuerRegExp');
    const subject = identityTexts(one, 'subject', 'subjectRegExp');
    return problem === undefined && issuer !== undefined && subject !== undefined ? [{ issuer, subject }] : [];
  });
  const problem = strangerIn(keyless, ['identities', 'roots'], what) ?? noText(keyless, ['roots'], what);
  if (problem !== undefined || identities.length === 0 || identities.length < written.length)
    return impossible(notebook, problem ?? `${what} has identities that cannot be read`, byHand);
  return keylessDemand(name, { ...options, identities, ...defined('roots', textAt(keyless, 'roots')) }, notebook);
}
