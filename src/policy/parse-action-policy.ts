/** Reads an ActionPolicy (countersign.dev/v1alpha1), or tells everything that is wrong with it. */
import { defined } from '../kernel/defined.ts';
import { compileGlob, type Glob } from '../kernel/glob.ts';
import { compileNameGlob } from '../kernel/name-glob.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { ActionException, ActionPolicy } from './action-policy.ts';
import { FieldErrors } from './field-errors.ts';
import { Fields } from './fields.ts';
import { readGlob, readHeader } from './parse-cluster-image-policy.ts';

export const actionPolicyApiVersions = ['countersign.dev/v1alpha1'];

/** Fails with the list of everything wrong, in the words of the other policies. */
export function parseActionPolicy(document: unknown): Result<ActionPolicy, readonly string[]> {
  const errors = new FieldErrors();
  const fields = new Fields(document, '', errors);
  const name = readHeader(fields, actionPolicyApiVersions, 'ActionPolicy', errors);
  const spec = fields.object('spec');
  if (spec === undefined) errors.missing('spec');
  const policy = spec === undefined ? undefined : new Reader(errors).policy(name, spec);
  fields.end();
  return policy !== undefined && errors.isEmpty ? ok(policy) : fail(errors.list());
}

type Compile = (source: string) => ReturnType<typeof compileGlob>;

class Reader {
  private readonly errors: FieldErrors;

  constructor(errors: FieldErrors) {
    this.errors = errors;
  }

  policy(name: string, spec: Fields): ActionPolicy {
    const images = spec.objects('images', (entry) => readGlob(entry, this.errors));
    if (images.length === 0) this.errors.missing(spec.at('images'));
    const contract = this.section(spec, 'contract');
    const digests = this.section(spec, 'digests');
    const accounts = this.section(spec, 'serviceAccounts');
    const policy = {
      name,
      images: images.filter((glob) => glob !== undefined),
      mode: this.choice(spec, 'mode', ['enforce', 'warn', 'audit']),
      ...defined('namespaces', this.allowlist(spec, 'namespaces')),
      ...defined('targets', this.allowlist(spec, 'targets')),
      contract: {
        required: contract.flag('required') ?? true,
        onConflict: this.choice(contract, 'onConflict', ['Deny', 'Override']),
      },
      digests: {
        require: digests.flag('require') ?? true,
        resolve: this.choice(digests, 'resolve', ['All', 'PodsOnly', 'Never']),
      },
      podSecurity: this.choice(spec, 'podSecurity', ['restricted', 'baseline', 'privileged']),
      serviceAccounts: {
        from: this.choice(accounts, 'from', ['Contract', 'Workload']),
        ...defined('allow', this.globs(accounts, 'allow', compileNameGlob)),
      },
      exceptions: spec.objects('exceptions', (entry) => this.exception(entry)),
    };
    for (const section of [contract, digests, accounts, spec]) section.end();
    return policy;
  }

  /** A section that may be left out: then everything in it has its default, which is the strict one. */
  private section(spec: Fields, name: string): Fields {
    return spec.object(name) ?? new Fields({}, spec.at(name), this.errors);
  }

  /** The first choice is the default. */
  private choice<T extends string>(fields: Fields, name: string, choices: readonly [T, ...T[]]): T {
    const written = fields.filled(name);
    if (written === undefined) return choices[0];
    const found = choices.find((choice) => choice === written);
    if (found === undefined) this.errors.invalid(written, fields.at(name), `expected ${choices.join(', ')}`);
    return found ?? choices[0];
  }

  /** `{allow: [...]}`; an empty list allows nothing. */
  private allowlist(spec: Fields, name: string): readonly Glob[] | undefined {
    const section = spec.object(name);
    if (section === undefined) return undefined;
    const globs = this.globs(section, 'allow', compileNameGlob);
    if (globs === undefined) this.errors.missing(section.at('allow'));
    section.end();
    return globs;
  }

  private globs(fields: Fields, name: string, compile: Compile): readonly Glob[] | undefined {
    if (!fields.has(name)) {
      fields.ignore(name);
      return undefined;
    }
    const globs = fields.list(name, (value, path) => this.glob(value, path, compile));
    return globs.filter((glob) => glob !== undefined);
  }

  private glob(value: unknown, path: string, compile: Compile): Glob | undefined {
    if (typeof value !== 'string') {
      this.errors.invalid(value, path, 'expected a string');
      return undefined;
    }
    const compiled = compile(value);
    if (compiled.ok) return compiled.value;
    this.errors.invalid(value, path, `glob is invalid: ${compiled.problem}`);
    return undefined;
  }

  private exception(entry: Fields): ActionException {
    const images = this.globs(entry, 'images', compileGlob) ?? [];
    if (images.length === 0) this.errors.missing(entry.at('images'));
    const namespaces = this.globs(entry, 'namespaces', compileNameGlob);
    // It could be meant as none, and as all.
    if (namespaces?.length === 0) this.errors.missing(entry.at('namespaces'));
    return {
      images,
      ...defined('namespaces', namespaces),
      reason: this.demanded(entry, 'reason'),
      owner: this.demanded(entry, 'owner'),
      expires: this.time(entry, 'expires'),
    };
  }

  private demanded(entry: Fields, name: string): string {
    const text = entry.filled(name);
    if (text === undefined) this.errors.missing(entry.at(name));
    return text ?? '';
  }

  private time(entry: Fields, name: string): Date {
    const text = this.demanded(entry, name);
    // RFC 3339 as Kubernetes writes it: a date alone would leave the hour open.
    const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text);
    const time = new Date(isTime && isDay(text.slice(0, 10)) ? text : Number.NaN);
    if (text !== '' && Number.isNaN(time.getTime())) {
      this.errors.invalid(text, entry.at(name), 'expected a time such as 2027-01-31T00:00:00Z');
    }
    return time;
  }
}

/** JavaScript takes 30 February for 2 March. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
