/** The first so many values as they are, every later one as "other". */
export class BoundedLabel {
  readonly #seen = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  of(value: string): string {
    return this.has(value) ? value : 'other';
  }

  /** Whether it is one of the first. */
  has(value: string): boolean {
    if (this.#seen.has(value)) return true;
    if (this.#seen.size >= this.#most) return false;
    this.#seen.add(value);
    return true;
  }
}
