/**
 * What commands that check policies report, in the forms that CI systems read: one thing that was checked, and what came
 * of it. Texts are whatever was in policies, images and signatures; each form escapes them by itself.
 */
export interface CheckedThing {
  /** What it is checked by, e.g. a policy. */
  readonly group: string;
  /** What is checked, e.g. an image. */
  readonly name: string;
  readonly result: 'pass' | 'warn' | 'fail' | 'error';
  /** Sentences; empty when there is nothing to say. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Where the policy stands; absent: in no file. */
  readonly place?: Place;
}

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Of a message that begins with the path of a field, e.g. `spec.images[0].glob`. */
  lineOf?(message: string): number;
}
