/**
 * Connaisseur's configuration: Helm values of 2.x (`validators`, `policy`) and 3.x (`application`), or the ConfigMap that they
 * become. Of its rules the most specific one decides; of our policies all that match must be satisfied.
 */
import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { authority, impossible, objectName, policyOf, type Demand } from '../demand.ts';
import { Notebook, type Json, type Reading, type SourceObject, type Unmatched, type Written } from '../model.ts';
import { isThere, listAt, memberOf, recordAt, textAt } from '../read-json.ts';
import { isCatchAll, isMoreSpecific, mayOverlap, patternGlobs } from './patterns.ts';
import { ruleDemand, type RuleDemand } from './validators.ts';

export function isConnaisseur(value: Json): boolean {
  const application = recordAt(value, 'application') ?? value;
  return Array.isArray(application['validators']) && (isThere(application, 'policy') || isThere(application, 'rules'));
}

export function readConnaisseur({ where, value }: SourceObject): Reading {
  const isSince3 = isThere(value, 'application') || isThere(value, 'rules');
  const application = asRecord(camel(memberOf(value, 'application') ?? value)) ?? {};
  const title = `Connaisseur in ${quoted(where, 120)}`;
  const about = new Notebook(title);
  const validators = listAt(application, 'validators') ?? [];
  const rules = (listAt(application, 'policy') ?? listAt(application, 'rules') ?? []).map((rule, index): Rule => {
    const pattern = textAt(rule, 'pattern');
    const notebook = new Notebook(`${title}, rule "${quoted(pattern ?? String(index), 100)}"`);
    const demand = ruleDemand(rule, { notebook, validators, asksLog: isSince3 });
    return { index, pattern: pattern ?? '*:*', notebook, demand: pattern === undefined ? noPattern(notebook) : demand };
  });
  const { mode, commands } = features(application, value, about);
  const { kept, unmatched } = arrange(rules);
  noteOverlaps(kept);
  const written = kept.map((rule) => writtenRule(rule, unmatched, mode));
  const outcome: Unmatched = mode === 'warn' && unmatched === 'deny' ? 'warn' : unmatched;
  const notes = [...about.notes, ...rules.flatMap(({ notebook }) => notebook.notes)];
  return { written, notes, commands, unmatched: outcome, everyNamespace: true };
}

interface Rule {
  readonly index: number;
  readonly pattern: string;
  readonly demand: RuleDemand;
  readonly notebook: Notebook;
}

function noPattern(notebook: Notebook): Demand {
  return impossible(notebook, 'the rule has no pattern that can be read', 'correct it and run this again');
}

/** Members in the spelling of 3.x; texts stay as they are. */
function camel(value: unknown, depth = 0): unknown {
  if (depth > 12) return undefined;
  if (Array.isArray(value)) return value.map((item) => camel(item, depth + 1));
  const record = asRecord(value);
  if (record === undefined) return value;
  return Object.fromEntries(
    Object.entries(record).map(([key, member]) => [
      key.replaceAll(/_([a-z])/g, (_whole, letter: string) => letter.toUpperCase()),
      camel(member, depth + 1),
    ]),
  );
}

/** What decides about images that no other rule matches needs no policy; nor does a denial that only repeats it. */
function arrange(rules: readonly Rule[]): { readonly kept: readonly Rule[]; readonly unmatched: 'deny' | 'allow' } {
  const catchAll = rules.filter(({ pattern }) => isCatchAll(pattern));
  const [last] = catchAll;
  const rest = rules.filter((rule) => rule !== last);
  if (catchAll.length === 1 && last !== undefined && last.demand.kind === 'allow') {
    last.notebook.info('became no-match-policy: allow');
    return { kept: rest, unmatched: 'allow' };
  }
  const others = rules.filter(({ demand }) => demand.kind !== 'deny');
  const isRepeated = (rule: Rule): boolean =>
    rule.demand.kind === 'deny' &&
    others.every(({ pattern }) => !mayOverlap(pattern, rule.pattern) || isMoreSpecific(pattern, rule.pattern));
  for (const rule of rules.filter(isRepeated)) rule.notebook.info('became no-match-policy: deny');
  return { kept: rules.filter((rule) => !isRepeated(rule)), unmatched: 'deny' };
}

/** Where two rules are kept, images that both match must satisfy both. */
function noteOverlaps(rules: readonly Rule[]): void {
  for (const rule of rules) {
    const wider = rules.find(
      (other) =>
        other !== rule &&
        mayOverlap(other.pattern, rule.pattern) &&
        !(other.demand.kind === 'allow' && isMoreSpecific(rule.pattern, other.pattern)) &&
        isBefore(other, rule),
    );
    if (wider === undefined) continue;
    rule.notebook.lost(
      `the more specific rule decided alone there; here images that "${quoted(wider.pattern, 100)}" matches as well must satisfy both`,
      'narrow spec.images of the two policies until no image is matched by both',
    );
  }
}

/** Each pair once: told at the more specific one, else at the later one. */
function isBefore(one: Rule, other: Rule): boolean {
  if (isMoreSpecific(other.pattern, one.pattern)) return true;
  return !isMoreSpecific(one.pattern, other.pattern) && one.index < other.index;
}

function writtenRule(
  { index, pattern, demand, notebook }: Rule,
  unmatched: Unmatched,
  mode: 'enforce' | 'warn',
): Written {
  const { globs, exact } = patternGlobs(pattern);
  // A wider glob lets in nothing where unmatched images are admitted anyway, and a denial denies more.
  const isSafe = exact || unmatched === 'allow' || demand.kind === 'deny';
  const safe = isSafe
    ? demandOf(demand)
    : impossible(
        notebook,
        'no glob here matches the same images',
        'write spec.images by hand, with a literal repository before the tag',
      );
  if (isSafe && !exact) notebook.warning('the pattern became a wider glob', 'narrow the glob by hand');
  return policyOf(notebook.source, {
    name: objectName('connaisseur', String(index), pattern),
    images: globs,
    demand: safe,
    mode,
  });
}

function demandOf(demand: RuleDemand): Demand {
  switch (demand.kind) {
    case 'allow':
      return authority('allow', { static: { action: 'pass' } });
    case 'deny':
      return authority('deny', { static: { action: 'fail', message: 'denied by a rule of Connaisseur' } });
    case 'authority':
    case 'at-least':
    case 'impossible':
      return demand;
  }
}

interface Features {
  readonly mode: 'enforce' | 'warn';
  readonly commands: readonly string[];
}

const label = 'securesystemsengineering.connaisseur/webhook';

function features(application: Json, values: Json, about: Notebook): Features {
  const said = recordAt(application, 'features') ?? application;
  const isDetection = said['detectionMode'] === true;
  if (isDetection) about.info('detectionMode became mode: warn');
  if (isThere(values, 'alerting') || isThere(application, 'alerting'))
    about.lost('alerting is not carried over', 'alert on the metrics and events here: docs/metrics.md');
  if (said['automaticUnchangedApproval'] !== true)
    about.info('automaticUnchangedApproval: here an update that changes no image is always admitted without a look');
  if (said['automaticChildApproval'] !== false)
    about.info('automaticChildApproval: here children are judged too, by digest, from memory');
  if (textAt(said, 'resourceValidationMode') === 'podsOnly')
    about.info('resourceValidationMode podsOnly: here controllers are judged too');
  const namespaced = memberOf(said, 'namespacedValidation');
  const record = asRecord(namespaced);
  // 2.x has `enabled`; in 3.x to be there is to be enabled.
  const isOn = record !== undefined && record['enabled'] !== false;
  const byMode = textAt(record, 'mode') === 'validate' ? `${label}=validate` : `${label}!=ignore`;
  const selector = isOn ? ` -l '${byMode}'` : '';
  return { mode: isDetection ? 'warn' : 'enforce', commands: [labelCommand(selector)] };
}

function labelCommand(selector: string): string {
  const included = 'policy.sigstore.dev/include=true';
  return selector === ''
    ? `kubectl label namespaces --all ${included} # but not kube-system and the like`
    : `kubectl label namespaces${selector} ${included}`;
}
