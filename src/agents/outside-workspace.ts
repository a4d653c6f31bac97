/** Volumes for what is put outside of the workspace: what an init container writes there is otherwise gone with it. Pure. */
import { digestOf, hexOf } from '../kernel/digest.ts';
import type { Workspace } from './model.ts';
import { foldersAround, isInside, parentOf } from './mount-path.ts';
import type { Volume, VolumeMount } from './pod-members.ts';
import { toolsDir } from './pod-paths.ts';

export interface OutsideVolumes {
  readonly volumes: readonly Volume[];
  readonly mounts: readonly VolumeMount[];
}

/** One for each folder in which something is, but not for one inside of another. */
export function outsideVolumes({ files, folders, downloads }: Workspace, workspaceDir: string): OutsideVolumes {
  const places = [...files, ...downloads].map(({ path }) => parentOf(path));
  const outside = [...places, ...folders.map(({ path }) => path)].filter(
    (folder) => !isInside(folder, workspaceDir) && !isInside(folder, toolsDir),
  );
  const unique = new Set(outside);
  const outermost = [...unique].filter((folder) => !foldersAround(folder).some((outer) => unique.has(outer))).sort();
  const named = withNames(outermost);
  return {
    volumes: named.map(({ name }) => ({ name, emptyDir: {} })),
    mounts: named.map(({ name, folder }) => ({ name, mountPath: folder })),
  };
}

/** RFC 1123 label */
const maxName = 63;
const hashLength = 10;

function withNames(folders: readonly string[]): readonly { readonly name: string; readonly folder: string }[] {
  const names = new Set<string>();
  return folders.map((folder) => {
    const plain = `ctx-${folder
      .slice(1)
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]/g, '-')}`;
    const isGood = plain.length <= maxName && !plain.endsWith('-') && !names.has(plain);
    const name = isGood ? plain : hashed(plain, folder);
    names.add(name);
    return { name, folder };
  });
}

function hashed(plain: string, folder: string): string {
  const beginning = plain.slice(0, maxName - hashLength - 1).replace(/-+$/, '');
  return `${beginning}-${hexOf(digestOf(folder)).slice(0, hashLength)}`;
}
