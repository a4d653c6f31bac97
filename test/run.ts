/**
 * `npm test`: everything. The suites of the gate, those of workflows and those of Tasks need a cluster each; they mostly wait,
 * so that all go side by side. What fails there, on processors that are busy, is run once more by
 * itself: it fails when it fails again, and is told in any case. The last lines name whatever failed, because that is the part
 * of a long log that people see. With arguments it is Vitest alone: npm test -- test/policy
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const reports = mkdtempSync(join(tmpdir(), 'countersign-tests-'));

interface Outcome {
  readonly code: number;
  readonly failed: readonly FailedFile[];
}

interface FailedFile {
  readonly file: string;
  readonly project: string;
  /** Its tests that failed, with the beginning of the reason. */
  readonly tests: readonly string[];
}

/** What is held back is printed at the end. */
async function run(args: readonly string[], output: 'at once' | 'at the end' = 'at once'): Promise<Outcome> {
  const report = join(reports, `${args.join('').replaceAll(/\W/g, '')}-${Date.now()}.json`);
  const flags = ['run', '--config', 'test/vitest.config.ts', '--reporter=default', '--reporter=json'];
  const child = spawn(process.execPath, [vitest, ...flags, `--outputFile.json=${report}`, ...args], {
    cwd: root,
    stdio: ['inherit', output === 'at once' ? 'inherit' : 'pipe', 'inherit'],
  });
  const held: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => held.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('close', (code) => resolve(code ?? 1));
  const code = await promise;
  process.stdout.write(Buffer.concat(held));
  return { code, failed: code === 0 ? [] : failedFiles(report, args) };
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

/** Nothing when there is no report: then it did not get as far as a test. */
function failedFiles(report: string, args: readonly string[]): readonly FailedFile[] {
  const [project = ''] = args;
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    return testResults
      .filter(({ status }) => status === 'failed')
      .map(({ name, message = '', assertionResults }) => {
        const failed = assertionResults.filter(({ status }) => status === 'failed');
        const tests = failed.map(
          ({ fullName, failureMessages }) => `${fullName}: ${brief(failureMessages?.[0] ?? '')}`,
        );
        return { file: relative(root, name), project, tests: tests.length === 0 ? [brief(message)] : tests };
      });
  } catch {
    return [];
  }
}

function brief(message: string): string {
  return message.split('\n', 1)[0]?.slice(0, 200) ?? '';
}

/** More than these is no accident. */
const maxAgain = 3;

async function again(first: Outcome): Promise<Outcome> {
  const [one] = first.failed;
  if (one === undefined || first.failed.length > maxAgain) return first;
  const files = first.failed.map(({ file }) => file);
  process.stdout.write(`\n=== failed on a busy machine, and run again alone: ${files.join(', ')}\n`);
  const second = await run([one.project, ...files]);
  return second.code === 0 ? { code: 0, failed: [] } : second;
}

function tell(title: string, failed: readonly FailedFile[]): void {
  for (const { file, tests } of failed) for (const test of tests) process.stdout.write(`${title}: ${file}: ${test}\n`);
}

async function everything(): Promise<number> {
  // What starts no browser and no image build has no excuse.
  const alone = await run(['--project=unit', '--project=cosign']);
  const whole = await run(['--project=whole']);
  const besides = await Promise.all([
    run(['--project=cluster']),
    run(['--project=runs'], 'at the end'),
    run(['--project=tasks'], 'at the end'),
  ]);
  const last: Outcome[] = [];
  for (const outcome of [whole, ...besides]) last.push(await again(outcome));
  tell('FAILED', alone.failed);
  for (const [index, { code, failed }] of last.entries()) {
    tell('FAILED', failed);
    if (code === 0) tell('failed once, and not when it was run again alone', [whole, ...besides][index]?.failed ?? []);
  }
  return [alone, ...last].find(({ code }) => code !== 0)?.code ?? 0;
}

const given = process.argv.slice(2);
process.exitCode = given.length > 0 ? (await run(given)).code : await everything();
rmSync(reports, { recursive: true, force: true });
