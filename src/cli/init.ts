/** `countersign git-init | context-init | url-fetch`: what init containers of Tasks run; all settings are variables of the environment. */
import type { Command } from 'commander';
import { runInit, type InitName } from '../init/run.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const descriptions: Readonly<Record<InitName, string>> = {
  'git-init': 'clone GIT_REPO into GIT_ROOT (in an init container of a Task)',
  'context-init':
    'copy what ConfigMaps hold to where FILE_MAPPINGS and DIR_MAPPINGS say (in an init container of a Task)',
  'url-fetch': 'download URL_SOURCE to URL_TARGET (in an init container of a Task)',
};

export function addInitCommands(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  // The names are those of the type.
  for (const name of Object.keys(descriptions) as InitName[]) {
    program
      .command(name)
      .description(descriptions[name])
      .action(async () => {
        const code = await runInit(name, process.env, (text) => terminal.out(text));
        exit(code === 0 ? exitCodes.ok : exitCodes.refused);
      });
  }
}
