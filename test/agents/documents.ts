/** What the two design documents show, as kubectl reads it: YAML 1.1, where 0400 is octal. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { asRecord } from '../../src/kernel/strict-json.ts';

const root = join(import.meta.dirname, '../fixtures/tasks');

export interface Sample {
  /** E.g. `kubetask/agent.yaml Agent`. */
  readonly title: string;
  readonly kind: string;
  readonly object: unknown;
}

export function samplesOf(system: 'kubeopencode' | 'kubetask'): readonly Sample[] {
  return readdirSync(join(root, system)).flatMap((file) => {
    const text = readFileSync(join(root, system, file), 'utf8');
    return parseAllDocuments(text, { version: '1.1' }).map((document) => {
      const object: unknown = document.toJS();
      const kind = String(asRecord(object)?.['kind']);
      return { title: `${system}/${file} ${kind}`, kind, object };
    });
  });
}

export function sampleOf(system: 'kubeopencode' | 'kubetask', title: string): unknown {
  const found = samplesOf(system).find((sample) => sample.title === `${system}/${title}`);
  if (found === undefined) throw new Error(`there is no sample ${title}`);
  return found.object;
}
