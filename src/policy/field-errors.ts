import { quoted } from '../kernel/failure.ts';

/** Nobody reads more, and a list of 10,000 broken entries would be a message of megabytes. */
const maxErrors = 200;
const maxPaths = 100;

/**
 * Collects everything that is wrong with a document and prints it in the words of knative's FieldError, which users of
 * sigstore policy-controller know and match on: `message: path, path` and, on the next line, details.
 */
export class FieldErrors {
  private readonly found = new Map<string, { message: string; paths: Set<string>; details: string }>();

  add(message: string, path: string, details = ''): void {
    const key = JSON.stringify([message, details]);
    const known = this.found.get(key);
    if (known === undefined) this.found.set(key, { message, paths: new Set([path]), details });
    else known.paths.add(path);
  }

  missing(path: string): void {
    this.add('missing field(s)', path);
  }

  unknown(path: string): void {
    this.add('unknown field(s)', path);
  }

  forbidden(path: string): void {
    this.add('must not set the field(s)', path);
  }

  invalid(value: unknown, path: string, details = ''): void {
    // JSON has no infinity, which is what YAML makes of 1e309.
    const isPlain = typeof value === 'string' || typeof value === 'number';
    const shown = isPlain ? String(value) : (JSON.stringify(value) ?? 'undefined');
    this.add(`invalid value: ${quoted(shown, 200)}`, path, details);
  }

  /** `given`: which of `paths` are set. Complains of all of them unless it is exactly one. */
  exactlyOne(given: readonly string[], paths: readonly string[]): void {
    if (given.length === 0) this.neither(paths);
    if (given.length > 1) this.both(paths);
  }

  neither(paths: readonly string[]): void {
    for (const path of paths) this.add('expected exactly one, got neither', path);
  }

  /** Also of two that exclude each other. */
  both(paths: readonly string[]): void {
    for (const path of paths) this.add('expected exactly one, got both', path);
  }

  get isEmpty(): boolean {
    return this.found.size === 0;
  }

  get count(): number {
    return this.found.size;
  }

  /** Sorted by message, then details; not all of very many. */
  list(): readonly string[] {
    const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
    return [...this.found.values()]
      .sort((a, b) => byText(a.message, b.message) || byText(a.details, b.details))
      .slice(0, maxErrors)
      .map(({ message, paths, details }) => {
        const left = paths.size - maxPaths;
        const more = left > 0 ? ` and ${left} more` : '';
        const line = `${message}: ${[...paths]
          .sort(byText)
          .slice(0, maxPaths)
          .map((path) => quoted(path))
          .join(', ')}${more}`;
        return details === '' ? line : `${line}\n${details}`;
      });
  }
}
