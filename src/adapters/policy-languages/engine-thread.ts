/** The thread that CUE and Rego run in: one instance of the compiled engines, for any number of policies. */
import { workerData } from 'node:worker_threads';
import type { Evaluation } from '../../policy/evaluation.ts';
import { evaluated, serveTasks, type Report, type Task } from './messages.ts';
import { createSandbox } from './sandbox.ts';

/** main.go names them by number. */
const languageNumbers = { cue: 0, rego: 1 } as const;

interface Engine {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (length: number) => number;
  readonly evaluate: (language: number, nameLength: number, policyLength: number) => bigint;
}

function start(module: WebAssembly.Module): Engine {
  const sandbox = createSandbox(module);
  const { exports } = new WebAssembly.Instance(module, sandbox.imports);
  // The sha256 of the program is checked, and main.go exports these.
  const engine = exports as unknown as Engine & { readonly _initialize: () => void };
  sandbox.attach(engine.memory);
  engine._initialize();
  return engine;
}

function ask({ memory, alloc, evaluate }: Engine, language: number, task: Task): Evaluation {
  const [name, policy, input] = [task.name, task.policy, task.input].map((text) => Buffer.from(text));
  if (name === undefined || policy === undefined || input === undefined) throw new Error('a task has three texts');
  const at = alloc(name.length + policy.length + input.length) >>> 0;
  const target = new Uint8Array(memory.buffer, at);
  target.set(name);
  target.set(policy, name.length);
  target.set(input, name.length + policy.length);
  const place = BigInt.asUintN(64, evaluate(language, name.length, policy.length));
  const answer = Buffer.from(memory.buffer, Number(place >> 32n), Number(place & 0xffff_ffffn));
  // main.go writes exactly this.
  return JSON.parse(answer.toString()) as Evaluation;
}

function answerWith(engine: Engine, task: Task): Report {
  if (task.language === 'cel') return { kind: 'broken', problem: 'CEL has a thread of its own' };
  try {
    return evaluated(ask(engine, languageNumbers[task.language], task), engine.memory.buffer.byteLength);
  } catch (error) {
    // main.go recovers from every panic: what gets here is memory or stack that is used up. The instance is unusable.
    const problem =
      error instanceof RangeError ? 'it nests too deeply' : 'it needs too much memory or nests too deeply';
    return { kind: 'limit', problem, isSpent: true };
  }
}

const engine = start(workerData as WebAssembly.Module);
serveTasks((task) => answerWith(engine, task));
