/** What a rule demands: a validator with trust roots. internal/validator/cosignvalidator/cosign_validator.go */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { all, atLeast, impossible, type Demand } from '../demand.ts';
import { identityTexts, identityTwice, keyDemands, keylessDemand, publicLog } from '../key-authority.ts';
import type { Json, Notebook } from '../model.ts';
import { isThere, listAt, memberOf, noText, recordAt, strangerIn, textAt } from '../read-json.ts';

export interface RuleContext {
  readonly notebook: Notebook;
  readonly validators: readonly unknown[];
  /** Since 3.0 the log is asked for unless a rule says otherwise. */
  readonly asksLog: boolean;
}

const byHand = 'write the policy by hand: docs/write-a-policy.md';
const ownRoot = 'write a TrustRoot with these keys and name it in the authority: docs/trust-roots.md';

export type RuleDemand = Demand | { readonly kind: 'allow' } | { readonly kind: 'deny' };

export function ruleDemand(rule: unknown, context: RuleContext): RuleDemand {
  const { notebook, validators } = context;
  const stranger =
    strangerIn(rule, ['pattern', 'validator', 'with'], 'the rule') ?? noText(rule, ['validator'], 'the rule');
  if (stranger !== undefined) return impossible(notebook, stranger, byHand);
  const name = textAt(rule, 'validator') ?? 'default';
  const found = validators.filter((validator) => textAt(validator, 'name') === name);
  const [validator] = found;
  if (found.length !== 1 || validator === undefined)
    return impossible(notebook, `there is not one validator "${quoted(name, 64)}"`, 'correct it and run this again');
  switch (memberOf(validator, 'type')) {
    case 'static':
      return staticDemand(validator);
    case 'cosign':
      return cosignDemand(rule, validator, context);
    default:
      return impossible(
        notebook,
        `validators of type ${quoted(textAt(validator, 'type') ?? 'unknown', 32)} are not known here`,
        'sign with cosign, and write its key or identity into the policy',
      );
  }
}

/** Anything but a clear true refuses. */
function staticDemand(validator: unknown): RuleDemand {
  return { kind: memberOf(validator, 'approve') === true ? 'allow' : 'deny' };
}

const withMembers = [
  'trustRoot',
  'verifyInTransparencyLog',
  'verifySCT',
  'threshold',
  'required',
  'mode',
  'delegations',
  'key',
];
const hostMembers = ['rekor'];

function cosignDemand(rule: unknown, validator: unknown, context: RuleContext): Demand {
  const { notebook } = context;
  const options = recordAt(rule, 'with') ?? {};
  const host = memberOf(validator, 'host');
  const problem =
    (isThere(rule, 'with') ? strangerIn(memberOf(rule, 'with'), withMembers, 'with') : undefined) ??
    noText(options, ['trustRoot', 'key', 'mode'], 'with') ??
    strangerIn(validator, ['name', 'type', 'host', 'auth', 'cert', 'trustRoots'], 'the validator');
  if (problem !== undefined) return impossible(notebook, problem, byHand);
  const strange =
    typeof host === 'string' || !isThere(validator, 'host') ? undefined : strangerIn(host, hostMembers, 'host');
  if (strange !== undefined) return impossible(notebook, strange, ownRoot);
  noteRest(options, validator, notebook);
  return rootsDemand(validator, options, { ...context, ...logOf(host, options, context) });
}

interface LogContext extends RuleContext {
  readonly logUrl?: string;
  readonly ignoresSct: boolean;
}

/** A host without scheme is what 2.x has. */
function logOf(host: unknown, options: Json, { asksLog }: RuleContext): Omit<LogContext, keyof RuleContext> {
  const written = typeof host === 'string' && host !== '' ? host : textAt(host, 'rekor');
  const url = written === undefined || written.includes('://') ? written : `https://${written}`;
  const asks = options['verifyInTransparencyLog'] !== false && (asksLog || url !== undefined);
  return {
    ...defined('logUrl', asks ? (url ?? publicLog) : undefined),
    ignoresSct: options['verifySCT'] === false,
  };
}

function noteRest(options: Json, validator: unknown, notebook: Notebook): void {
  if (isThere(validator, 'auth') || isThere(validator, 'cert'))
    notebook.lost(
      'auth and cert of the validator are not carried over',
      'name pull secrets in the workloads, or credentials and certificates in --registry-config (docs/registries.md)',
    );
  if (isThere(options, 'mode') && textAt(options, 'mode') !== 'mutate')
    notebook.warning(
      `mode ${quoted(textAt(options, 'mode') ?? '', 40)}: here a tag is replaced by its verified digest`,
      'write digests into the workloads: nothing is changed in these',
    );
}

function rootsDemand(validator: unknown, options: Json, context: LogContext): Demand {
  const { notebook } = context;
  const roots = listAt(validator, 'trustRoots') ?? [];
  const wanted = textAt(options, 'trustRoot') ?? textAt(options, 'key') ?? 'default';
  const threshold = memberOf(options, 'threshold') ?? 0;
  const required = textsOnly(memberOf(options, 'required') ?? []);
  if (!isCount(threshold) || required === undefined)
    return impossible(notebook, 'threshold or required cannot be read', 'correct it and run this again');
  if (wanted === '*') return severalDemand(roots, required, threshold, context);
  // Beside a single trust root no other one is looked at, and one that is required is missing.
  if (required.some((name) => name !== wanted))
    return impossible(notebook, 'required names trust roots beside with.trustRoot', 'set with.trustRoot to "*"');
  return rootDemand(wanted, roots, context);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function textsOnly(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item): item is string => typeof item === 'string');
  return texts.length === value.length ? texts : undefined;
}

function severalDemand(
  roots: readonly unknown[],
  required: readonly string[],
  threshold: number,
  context: LogContext,
): Demand {
  const names = [...new Set(roots.map((root) => textAt(root, 'name') ?? ''))];
  const each = new Map(names.map((name) => [name, rootDemand(name, roots, context)]));
  const must = [...new Set(required)].map((name) => each.get(name) ?? rootDemand(name, roots, context));
  const least = threshold > 0 || must.length > 0 ? threshold : each.size;
  const enough = least > must.length || must.length === 0 ? [atLeast(least, [...each.values()])] : [];
  return all([...must, ...enough]);
}

function rootDemand(name: string, roots: readonly unknown[], context: LogContext): Demand {
  const { notebook } = context;
  const found = roots.filter((root) => textAt(root, 'name') === name);
  const [root] = found;
  if (root === undefined || found.length > 1)
    return impossible(notebook, `there is not one trust root "${quoted(name, 64)}"`, 'correct it and run this again');
  const stranger = strangerIn(root, ['name', 'key', 'keyless'], `trust root ${quoted(name, 64)}`);
  const key = textAt(root, 'key');
  const keyless = recordAt(root, 'keyless');
  if (stranger !== undefined || (key === undefined) === (keyless === undefined))
    return impossible(notebook, stranger ?? `trust root ${quoted(name, 64)} is neither key nor keyless`, byHand);
  if (keyless !== undefined) return keylessRoot(name, keyless, context);
  const demands = keyDemands(name, key ?? '', defined('logUrl', context.logUrl), notebook);
  // Of several keys only the first counts there.
  return demands[0] ?? impossible(notebook, `trust root ${quoted(name, 64)} has no key`, byHand);
}

function keylessRoot(name: string, keyless: Json, { notebook, logUrl, ignoresSct }: LogContext): Demand {
  const members = ['issuer', 'subject', 'issuerRegex', 'subjectRegex'];
  const what = `trust root ${quoted(name, 64)}`;
  const issuer = identityTexts(keyless, 'issuer', 'issuerRegex');
  const subject = identityTexts(keyless, 'subject', 'subjectRegex');
  const problem = strangerIn(keyless, members, what) ?? noText(keyless, members, what);
  if (problem !== undefined || issuer === undefined || subject === undefined)
    return impossible(notebook, problem ?? `${what}: ${identityTwice}`, byHand);
  const options = { identities: [{ issuer, subject }], ignoresSct, ...defined('logUrl', logUrl) };
  return keylessDemand(name, options, notebook);
}
