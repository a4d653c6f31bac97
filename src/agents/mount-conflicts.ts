/** Two contexts cannot have one place: what one of them puts there, the other would hide or overwrite without a word. */
import { quoted } from '../kernel/failure.ts';
import { foldersAround } from './mount-path.ts';

/** A file, or a folder that is filled as a whole. */
export interface Use {
  /** Absolute and normalised. */
  readonly path: string;
  /** For people. */
  readonly by: string;
  /** Its content goes into a folder that others use as well. */
  readonly isShared: boolean;
}

/** `folder` is there anyway, and many have a place in it. */
export function conflictIn(uses: readonly Use[], folder?: string): string | undefined {
  const root = folder === undefined ? [] : [{ path: folder, by: 'the workspace itself', isShared: true }];
  const owners = new Map<string, Use>();
  for (const use of [...root, ...uses]) {
    const other = owners.get(use.path);
    const isRoot = use.isShared && use.path === folder && other === root[0];
    if (other !== undefined && !isRoot)
      return sentence(`"${quoted(use.path)}" is used by both ${other.by} and ${use.by}`);
    owners.set(use.path, use);
  }
  return [...root, ...uses].map((use) => insideAnother(use, owners)).find((problem) => problem !== undefined);
}

function insideAnother(use: Use, owners: ReadonlyMap<string, Use>): string | undefined {
  for (const path of foldersAround(use.path)) {
    const owner = owners.get(path);
    if (owner !== undefined && !owner.isShared) {
      return sentence(`"${quoted(use.path)}" of ${use.by} is inside "${quoted(path)}" of ${owner.by}`);
    }
  }
  return undefined;
}

function sentence(what: string): string {
  return `mount path conflict: ${what}; give one of them another mountPath`;
}
