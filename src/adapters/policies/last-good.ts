/**
 * Which objects are in force after a source was read again: every object in its last good version. Pure.
 * docs/decisions/0007-policies-last-good.md has the rules and why they are so.
 */
import { defined } from '../../kernel/defined.ts';
import type { ParsedPolicy } from '../../policy/parse-cluster-image-policy.ts';
import type { PolicyDocument } from '../../policy/parse-documents.ts';
import type { GoodDocument, PolicyProblem } from '../../ports/policies.ts';

/** A file, or an object of the cluster, and what it says. */
export interface Source {
  /** Path, or kind/name; when a whole folder cannot be read, the path of the folder. */
  readonly name: string;
  readonly documents: readonly PolicyDocument[];
}

export function policiesIn(sources: readonly Source[]): readonly ParsedPolicy[] {
  const documents = sources.flatMap((source) => source.documents);
  return documents.flatMap((document) => (document.kind === 'policy' ? [document.policy] : []));
}

type BrokenDocument = Extract<PolicyDocument, { readonly kind: 'problem' }>;

export interface LastGood {
  /** By kind/name. */
  readonly kept: ReadonlyMap<string, { readonly source: string; readonly document: GoodDocument }>;
  /** For broken policies without a good version. */
  readonly standIns: readonly ParsedPolicy[];
  /** Broken trust roots without a good version: whoever names them is not ready, and says why. */
  readonly brokenRoots: readonly { readonly name: string; readonly problems: readonly string[] }[];
}

export interface NextLastGood {
  /** Undefined: something may be demanded that cannot be read, and there is no complete set to fall back on. */
  readonly state: LastGood | undefined;
  readonly problems: readonly PolicyProblem[];
}

interface Entry {
  readonly source: string;
  readonly document: PolicyDocument;
}

export function nextLastGood(previous: LastGood | undefined, sources: readonly Source[]): NextLastGood {
  const reading = new Reading(previous);
  const entries = sources.flatMap(({ name, documents }) => documents.map((document) => ({ source: name, document })));
  const groups = Map.groupBy(entries, ({ document }) => keyOf(document));
  for (const [key, group] of groups) if (key !== undefined) reading.object(key, group);
  for (const entry of groups.get(undefined) ?? []) reading.unreadable(entry, new Set(groups.keys()));
  return reading.outcome();
}

/** kind/name; undefined for what cannot be attributed to any object. */
function keyOf(document: PolicyDocument): string | undefined {
  switch (document.kind) {
    case 'policy':
      return `ClusterImagePolicy/${document.name}`;
    case 'action-policy':
      return `ActionPolicy/${document.name}`;
    case 'trust-root':
      return `TrustRoot/${document.name}`;
    case 'secret':
      return `Secret/${document.name}`;
    case 'config-map':
      return `ConfigMap/${document.name}`;
    case 'problem':
      return /^(?:ClusterImagePolicy|ActionPolicy|TrustRoot|Secret|ConfigMap)\/./.test(document.of ?? '')
        ? document.of
        : undefined;
  }
}

class Reading {
  private readonly previous: LastGood | undefined;
  private readonly kept = new Map<string, { readonly source: string; readonly document: GoodDocument }>();
  private readonly standIns: ParsedPolicy[] = [];
  private readonly brokenRoots: { readonly name: string; readonly problems: readonly string[] }[] = [];
  private readonly problems: PolicyProblem[] = [];
  private complete = true;

  constructor(previous: LastGood | undefined) {
    this.previous = previous;
  }

  object(key: string, group: readonly Entry[]): void {
    const [only, ...others] = group;
    if (only === undefined) return;
    if (others.length > 0) {
      const places = group.map(({ document }) => document.where).join(', ');
      this.broken(key, { kind: 'problem', where: places, messages: [`${key} is there more than once`] });
    } else if (only.document.kind === 'problem') {
      this.broken(key, only.document);
    } else {
      this.kept.set(key, { source: only.source, document: only.document });
    }
  }

  private broken(key: string, { where, messages, standIn }: BrokenDocument): void {
    const before = this.previous?.kept.get(key);
    if (before !== undefined) {
      this.kept.set(key, before);
      this.report(where, messages, 'Its last good version stays in force.', key);
    } else if (standIn !== undefined) {
      this.standIns.push(standIn);
      this.report(where, messages, 'Until it is repaired it refuses every image it matches.', key);
    } else if (key.startsWith('ClusterImagePolicy/') || key.startsWith('ActionPolicy/')) {
      this.unknownDemand(where, messages, key);
    } else {
      const [kind, name = ''] = key.split('/', 2);
      if (kind === 'TrustRoot') this.brokenRoots.push({ name, problems: messages });
      this.report(where, messages, 'Policies that name it refuse every image they match.', key);
    }
  }

  /** Which object it was meant to be is not known: nothing that came from there before is taken away. */
  unreadable({ source, document }: Entry, named: ReadonlySet<string | undefined>): void {
    for (const [key, before] of this.previous?.kept ?? []) {
      const within = before.source === source || before.source.startsWith(`${source}/`);
      if (within && !named.has(key)) this.kept.set(key, before);
    }
    this.unknownDemand(document.where, document.kind === 'problem' ? document.messages : []);
  }

  private unknownDemand(where: string, messages: readonly string[], of?: string): void {
    this.complete = false;
    const nothing = 'No policy is in force, and every request is refused, until it is repaired.';
    const before = 'What was read from there before stays in force.';
    this.report(where, messages, this.previous === undefined ? nothing : before, of);
  }

  private report(where: string, messages: readonly string[], consequence: string, of?: string): void {
    for (const message of messages) this.problems.push({ where, message, consequence, ...defined('of', of) });
  }

  outcome(): NextLastGood {
    const { kept, standIns, brokenRoots, problems } = this;
    if (!this.complete && this.previous === undefined) return { state: undefined, problems };
    return { state: { kept, standIns, brokenRoots }, problems };
  }
}
