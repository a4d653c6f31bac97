/**
 * npm run bench: what Countersign costs, beside the least that anybody would have to pay. Everything that is compared is
 * measured in the same run. Ends with exit code 1 when a target is missed. docs/benchmarks.md says what the figures mean.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAdmission } from './admission.ts';
import { measureEventLoop } from './event-loop.ts';
import { measureHistory } from './history.ts';
import { measureKeyVerification } from './key-verification.ts';
import { measureKeylessVerification } from './keyless-verification.ts';
import { measurePolicyController } from './policy-controller.ts';
import { measurePolicyLanguages } from './policy-languages.ts';
import { measureScale } from './scale.ts';
import { missed, table, type Section } from './report.ts';
import { measureTasks } from './tasks.ts';
import { measureWorkflows } from './workflows.ts';

const parts: Readonly<Record<string, () => Section | Promise<Section>>> = {
  admission: measureAdmission,
  keys: measureKeyVerification,
  keyless: measureKeylessVerification,
  'event-loop': measureEventLoop,
  scale: measureScale,
  history: measureHistory,
  workflows: measureWorkflows,
  tasks: measureTasks,
  'policy-code': measurePolicyLanguages,
  'policy-controller': measurePolicyController,
};

const { values: flags } = parseArgs({
  options: {
    json: { type: 'string', default: join(import.meta.dirname, 'results', 'latest.json') },
    only: { type: 'string', multiple: true, default: Object.keys(parts) },
  },
});

const sections: Section[] = [];
for (const name of flags.only) {
  const measure = parts[name];
  if (measure === undefined) throw new Error(`--only: there is ${Object.keys(parts).join(', ')}, and no ${name}`);
  const section = await measure();
  process.stderr.write(`measured: ${section.name}\n`);
  sections.push(section);
}

const machine = { node: process.version, processors: availableParallelism(), model: cpus()[0]?.model ?? 'unknown' };
const misses = missed(sections);
mkdirSync(dirname(flags.json), { recursive: true });
writeFileSync(flags.json, `${JSON.stringify({ time: new Date().toISOString(), machine, sections }, null, 2)}\n`);
process.stdout.write(`${table(sections)}\n\nNode ${machine.node}, ${machine.processors} x ${machine.model}\n`);
process.stdout.write(`Figures: ${flags.json}\n`);
for (const { what } of misses) process.stdout.write(`Target missed: ${what}\n`);
process.exitCode = misses.length > 0 ? 1 : 0;
