import { execFile } from 'node:child_process';

/** What it printed; fails with what it said when it ends with anything but 0. Never blocks this process, in which servers run. */
export function runProgram(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 120_000, maxBuffer: 64 * 1024 * 1024 }, (error, output, said) => {
      if (error === null) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${output}${said}`));
    });
  });
}
