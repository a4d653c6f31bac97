/** What steps have printed is kept in the status of their workflow as long as all of it is small. Pure. */
import type { StepStatus } from './model.ts';

/** An object of more than 1.5 MiB is refused by etcd, and it is never wise to come near. */
const maxBytes = 256 * 1024;
/** A name that no action prints by chance. */
const marker = 'countersign.dev/omitted';

/** Those of the steps that fit, in the order of the steps; the others' are replaced by a word on where they are. */
export function withBoundedOutputs(steps: readonly StepStatus[]): readonly StepStatus[] {
  let room = maxBytes;
  return steps.map((step) => {
    if (step.outputs === undefined || marker in step.outputs) return step;
    const size = Buffer.byteLength(JSON.stringify(step.outputs));
    if (size > room) return { ...step, outputs: omitted(size) };
    room -= size;
    return step;
  });
}

function omitted(size: number): Readonly<Record<string, unknown>> {
  return {
    [marker]: `${size} bytes: too much beside the outputs of the other steps; see the step's own object or its log`,
  };
}
