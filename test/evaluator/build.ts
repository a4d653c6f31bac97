/**
 * Builds src/adapters/policy-languages/evaluator.wasm.br, byte for byte the same wherever it is built: node
 * test/evaluator/build.ts. With --check it builds into a temporary folder, changes nothing, and compares.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { evaluatorSha256 } from '../../src/adapters/policy-languages/evaluator-sha256.ts';

const home = join(import.meta.dirname, '..', '..', 'src', 'adapters', 'policy-languages');
const source = join(home, 'go');
/** go.mod says which Go: another one is fetched by the go command, and would not be asked for if GOTOOLCHAIN were set. */
const environment = {
  ...process.env,
  GOOS: 'wasip1',
  GOARCH: 'wasm',
  GOWASM: '',
  GOFLAGS: '',
  GOWORK: 'off',
  GOEXPERIMENT: '',
  CGO_ENABLED: '0',
  GOTOOLCHAIN: toolchain(),
};

function toolchain(): string {
  const named = /^toolchain (\S+)$/m.exec(readFileSync(join(source, 'go.mod'), 'utf8'))?.[1];
  if (named === undefined) throw new Error('go.mod of the evaluator names no toolchain');
  return named;
}

function go(args: readonly string[]): string {
  const ran = spawnSync('go', args, { cwd: source, env: environment, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (ran.status !== 0) throw new Error(`go ${args[0] ?? ''} failed: ${ran.error?.message ?? ran.stderr}`);
  return ran.stdout;
}

/** The unpacked program. */
function compiled(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-evaluator-'));
  const file = join(folder, 'evaluator.wasm');
  const reproducible = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w -buildid='];
  try {
    go(['build', '-buildmode=c-shared', ...reproducible, '-o', file, '.']);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Modules whose code is part of the program, each with the texts of its licence. */
function notice(): string {
  const format = '{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}';
  const modules = [...new Set(go(['list', '-deps', '-f', format, '.']).split('\n'))].filter((line) => line !== '');
  const texts = new Map<string, string[]>();
  for (const line of modules.toSorted()) {
    const [path = '', version = '', folder = ''] = line.split('\t');
    const text = licenceIn(folder);
    texts.set(text, [...(texts.get(text) ?? []), `${path} ${version}`]);
  }
  texts.set(readFileSync(join(go(['env', 'GOROOT']).trim(), 'LICENSE'), 'utf8').trim(), [`Go ${toolchain().slice(2)}`]);
  const parts = [...texts].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  return `evaluator.wasm.br is made from go/ and from these works.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

function licenceIn(folder: string): string {
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|copying|notice)/i.test(file));
  if (files.length === 0) throw new Error(`${folder} has no licence`);
  return files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
}

function write(program: Buffer, sha256: string): void {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: program.length,
  };
  writeFileSync(join(home, 'evaluator.wasm.br'), brotliCompressSync(program, { params }));
  const lines = [
    '// Written by test/evaluator/build.ts.',
    '/** Of the unpacked evaluator.wasm.br. */',
    `export const evaluatorSha256 = '${sha256}';`,
    '',
  ];
  writeFileSync(join(home, 'evaluator-sha256.ts'), lines.join('\n'));
}

const program = compiled();
const sha256 = createHash('sha256').update(program).digest('hex');
const isSame = sha256 === evaluatorSha256 && existsSync(join(home, 'evaluator.wasm.br'));
if (!process.argv.includes('--check')) {
  if (!isSame) write(program, sha256);
  writeFileSync(join(home, 'evaluator.NOTICE'), notice());
  process.stdout.write(`evaluator: ${sha256}, ${isSame ? 'as it was' : 'written'}\n`);
} else if (isSame) {
  process.stdout.write(`evaluator: ${sha256}, as it is\n`);
} else {
  process.stdout.write(`evaluator: built ${sha256}, expected ${evaluatorSha256}: run node test/evaluator/build.ts\n`);
  process.exitCode = 1;
}
