/** The outbox of the action history as files of one folder, one for each key, replaced whole. One process at a time uses it. */
import { hash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OutboxFolder } from '../../records/history/outbox-folder.ts';

export function outboxFiles(folder: string): OutboxFolder {
  const nameOf = (key: string): string => `${hash('sha256', key, 'hex')}.json`;

  async function syncFolder(): Promise<void> {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  return {
    read: async () => {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
      const texts: { name: string; text: string }[] = [];
      for (const name of names) texts.push({ name, text: await readFile(join(folder, name), 'utf8') });
      return texts;
    },
    write: async (key, text) => {
      const path = join(folder, nameOf(key));
      const handle = await open(`${path}.new`, 'w', 0o640);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${path}.new`, path);
      await syncFolder();
    },
    remove: (key) => rm(join(folder, nameOf(key)), { force: true }),
    setAside: async (name) => {
      const aside = join(folder, `${name}.unreadable`);
      await rename(join(folder, name), aside);
      return aside;
    },
  };
}
