import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mounted = '/sys/fs/cgroup';
const isUnified = (): boolean => existsSync(join(mounted, 'cgroup.controllers'));

/** Version 1 has one tree per controller, version 2 one tree. */
function trees(): readonly string[] {
  if (isUnified()) return [mounted];
  return subgroups(mounted).filter((folder) => existsSync(join(folder, 'cgroup.procs')));
}

export function makeControlGroup(name: string): void {
  if (isUnified()) handDownControllers();
  for (const tree of trees()) mkdirSync(join(tree, name), { recursive: true });
}

/** In version 2 a group has the controllers that its parent hands down. */
function handDownControllers(): void {
  const available = readFileSync(join(mounted, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const change = available.map((controller) => `+${controller}`).join(' ');
  writeFileSync(join(mounted, 'cgroup.subtree_control'), change);
}

/** Processes in the group and in the groups below it. */
export function membersOf(name: string): readonly number[] {
  return trees().flatMap((tree) => members(join(tree, name)));
}

function members(folder: string): readonly number[] {
  const file = join(folder, 'cgroup.procs');
  if (!existsSync(file)) return [];
  const own = readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number);
  return [...own, ...subgroups(folder).flatMap(members)];
}

export function removeControlGroup(name: string): void {
  for (const tree of trees()) remove(join(tree, name));
}

function remove(folder: string): void {
  if (!existsSync(folder)) return;
  subgroups(folder).forEach(remove);
  rmdirSync(folder); // its files are the kernel's and go with it
}

function subgroups(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}
