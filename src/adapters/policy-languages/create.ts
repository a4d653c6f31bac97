/**
 * Policy code of ClusterImagePolicies: CUE and Rego by the engines that sigstore policy-controller uses, compiled to
 * WebAssembly; CEL by a library. Whoever writes the code is not trusted: each evaluation happens in a thread that has no
 * network and no files to offer, within limits of time and memory, and that thread is thrown away when a limit is hit.
 * docs/decisions/0017-policy-languages.md says what is denied, and why. Nothing is loaded before the first evaluation.
 */
import { Worker, type ResourceLimits } from 'node:worker_threads';
import { ok, type Result } from '../../kernel/result.ts';
import type { EvaluationRequest, PolicyLanguages } from '../../ports/policy-languages.ts';
import { quoted } from '../../kernel/failure.ts';
import { evaluatorSha256 } from './evaluator-sha256.ts';
import type { Loaded, LoadRequest } from './loader-thread.ts';
import type { Task } from './messages.ts';
import { exceeded, Pool, unavailable, type StartThread } from './pool.ts';

export interface LanguageSettings {
  /** Of the processor. */
  readonly timeoutMs?: number;
  readonly maxWaiting?: number;
  /** Of each family of languages: CUE and Rego, and CEL. */
  readonly threads?: number;
  readonly recycleAfter?: number;
  /** Another program than the one that is part of this version: only for tests. */
  readonly program?: { readonly file: string; readonly sha256: string };
}

export interface ClosablePolicyLanguages extends PolicyLanguages {
  /** Ends the threads; whoever waits hears that the engine is unavailable. */
  close(): Promise<void>;
}

const mebibyte = 1 << 20;
const maxPolicy = mebibyte;
const maxInput = 16 * mebibyte;
const maxName = 1024;
const maxPages = (256 * mebibyte) / 65_536;
/** WebAssembly memory is not part of this; JSON that nests some thousand levels needs the stack. */
const engineLimits: ResourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 192, stackSizeMb: 16 };
/** Never reached: a heap that is full may end the whole process. What CEL reads and makes is limited before. */
const celLimits: ResourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512, stackSizeMb: 4 };

const poolDefaults = {
  threads: 2,
  maxWaiting: 256,
  timeoutMs: 2_000,
  giveUpMs: 30_000,
  startMs: 20_000,
  recycleBytes: 128 * mebibyte,
  recycleAfter: 20_000,
} as const;

const included = { file: `${import.meta.dirname}/evaluator.wasm.br`, sha256: evaluatorSha256 };

export function createPolicyLanguages(settings: LanguageSettings = {}): ClosablePolicyLanguages {
  const { program = included, ...changed } = settings;
  const engines = new Pool(engineThreads(program), { ...poolDefaults, ...changed });
  const cel = new Pool(startCel, { ...poolDefaults, ...changed });
  return {
    evaluate({ name, code, input }, signal) {
      const problem = tooLarge({ name, code, input });
      if (problem !== undefined) return Promise.resolve(exceeded(problem));
      const task: Task = { name, language: code.language, policy: code.text, input };
      return (code.language === 'cel' ? cel : engines).run(task, signal);
    },
    async close() {
      await Promise.all([engines.close(), cel.close()]);
    },
  };
}

function tooLarge({ name, code, input }: EvaluationRequest): string | undefined {
  if (name.length > maxName) return `its name has more than ${maxName} characters`;
  if (Buffer.byteLength(code.text) > maxPolicy) return 'its text has more than 1 MiB';
  if (Buffer.byteLength(input) > maxInput) return 'what it is asked about has more than 16 MiB';
  return undefined;
}

function startThread(name: string, workerData: unknown, resourceLimits?: ResourceLimits): Worker {
  // Beside this file, and compiled when this file is.
  const url = new URL(import.meta.url.replace(/create(?=\.\w+$)/, name));
  // Flags of this process are not for its threads: one of `node --eval` would keep them from starting.
  return new Worker(url, {
    workerData,
    env: {},
    execArgv: [],
    ...(resourceLimits === undefined ? {} : { resourceLimits }),
  });
}

const startCel: StartThread = () => Promise.resolve(ok(startThread('cel-thread', undefined, celLimits)));

/** The program is compiled once; a failure is told, and the next evaluation tries again. */
function engineThreads(program: { readonly file: string; readonly sha256: string }): StartThread {
  let compiled: Promise<Result<WebAssembly.Module>> | undefined;
  return async () => {
    const mine = (compiled ??= load({ ...program, maxPages }));
    const loaded = await mine;
    if (loaded.ok) return ok(startThread('engine-thread', loaded.value, engineLimits));
    if (compiled === mine) compiled = undefined;
    return loaded;
  };
}

function load(request: LoadRequest): Promise<Result<WebAssembly.Module>> {
  return new Promise((resolve) => {
    const settle = (loaded: Loaded): void => {
      resolve(loaded.ok ? ok(loaded.module) : unavailable(quoted(`${request.file}: ${loaded.problem}`)));
    };
    const worker = startThread('loader-thread', request);
    worker.on('message', settle);
    worker.on('error', (error: unknown) => {
      settle({ ok: false, problem: error instanceof Error ? error.message : 'it cannot be loaded' });
    });
    worker.on('exit', () => settle({ ok: false, problem: 'its thread ended' }));
  });
}
