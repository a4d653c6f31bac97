/** A repository behind a real sshd, at the address at which Pods reach this machine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressForPods } from '../../actions/git-server.ts';
import { git } from '../../init/repository.ts';
import { startSshServer } from '../../init/ssh-server.ts';

export interface SshGit {
  readonly url: string;
  /** A private key that may read it. */
  readonly key: string;
  readonly knownHosts: string;
  close(): Promise<void>;
}

/** `files` are on its default branch, main. */
export async function startSshGit(files: Readonly<Record<string, string>>): Promise<SshGit> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-ssh-git-'));
  const work = join(folder, 'work');
  mkdirSync(work);
  git(work, 'init', '--quiet', '--initial-branch=main');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
  git(work, 'add', '--all');
  git(work, '-c', 'user.name=test', '-c', 'user.email=test@test', 'commit', '--quiet', '--message=Files');
  const server = await startSshServer(await addressForPods());
  return {
    url: `${server.origin}${work}/.git`,
    key: server.key,
    knownHosts: server.knownHosts,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
