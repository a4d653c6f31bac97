/** What is installed: manifests/ as kustomize renders it, and the chart as Helm does. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { cacheFolder } from '../cluster/builds.ts';
import type { ApiObject } from '../cluster/gate/api.ts';
import { isExecutable, onPath } from '../cluster/programs.ts';

export const manifests = join(import.meta.dirname, '../../manifests');

/** Programs that are there; none is built for these tests (npm run cluster:build does it). */
export const kubectl = program('kubectl', 'kube');
export const helm = program('helm', 'helm');

/** Folders below manifests/ that can be applied as they are. */
export const installations = ['base', ...readdirSync(join(manifests, 'overlays')).map((name) => `overlays/${name}`)];

export function kustomized(folder: string, program = kubectl): readonly ApiObject[] {
  return rendered(program, ['kustomize', join(manifests, folder)]);
}

/** `values` as `--set` takes them. */
export function charted(values: readonly string[], namespace: string, program = helm): readonly ApiObject[] {
  const set = values.flatMap((value) => ['--set', value]);
  return rendered(program, ['template', 'countersign', join(manifests, 'chart'), '--namespace', namespace, ...set]);
}

/** What the chart says of values that it does not take. */
export function refusedValue(value: string): string {
  const { status, stderr } = run(helm, ['template', 'countersign', join(manifests, 'chart'), '--set', value]);
  return status === 0 ? '' : stderr;
}

function rendered(program: string | undefined, args: readonly string[]): readonly ApiObject[] {
  const { status, stdout, stderr } = run(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  const objects = parseAllDocuments(stdout).map((document): ApiObject | null => document.toJS());
  return objects.filter((object) => object !== null);
}

function run(program: string | undefined, args: readonly string[]) {
  if (program === undefined) throw new Error('the program that renders is not there: npm run cluster:build');
  return spawnSync(program, args, { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024, timeout: 20_000 });
}

function program(name: string, folder: string): string | undefined {
  const found = onPath(name) ?? [join(cacheFolder, folder, name)].find(isExecutable);
  if (found !== undefined) return found;
  if (process.env['CI'] !== undefined) throw new Error(`${name} must be there when CI is set: npm run cluster:build`);
  process.stderr.write(`manifests: SKIPPING WHAT NEEDS ${name}: it is neither on PATH nor built\n`);
  return undefined;
}

export const idOf = ({ kind, metadata }: ApiObject): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
