/**
 * `npm test`: everything. The suites of the gate, those of workflows and those of Tasks need a cluster each; they mostly wait,
 * so that all go side by side. With arguments it is Vitest alone: npm test -- test/policy
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/** Gives the exit code. What is held back is printed at the end. */
function run(args: readonly string[], output: 'at once' | 'at the end' = 'at once'): Promise<number> {
  const child = spawn(process.execPath, [vitest, 'run', '--config', 'test/vitest.config.ts', ...args], {
    cwd: root,
    stdio: ['inherit', output === 'at once' ? 'inherit' : 'pipe', 'inherit'],
  });
  const held: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => held.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.stdout.write(Buffer.concat(held));
      resolve(code ?? 1);
    });
  });
}

async function everything(): Promise<readonly number[]> {
  const alone = await run(['--project=unit', '--project=cosign', '--project=whole']);
  const besides = await Promise.all([
    run(['--project=cluster']),
    run(['--project=runs'], 'at the end'),
    run(['--project=tasks'], 'at the end'),
  ]);
  return [alone, ...besides];
}

const given = process.argv.slice(2);
const codes = given.length > 0 ? [await run(given)] : await everything();
process.exitCode = codes.find((code) => code !== 0) ?? 0;
