import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../../policy/known-differences.ts';
import { workloads } from '../gate/workloads.ts';
import { startBoth, type Both, type Side } from './both.ts';
import { exceptionFor, exceptions } from './exceptions.ts';
import type { ImageName } from './images.ts';
import { comparable, compared, judged, type Judged } from './judged.ts';
import { policyCases, type PolicyCase } from './policies.ts';
import { policyControllerProgram } from './programs.ts';

const program = await policyControllerProgram();

interface Pair {
  readonly name: string;
  readonly policy: PolicyCase;
  readonly image: ImageName;
  readonly kind: string;
}

const pairs: readonly Pair[] = policyCases.flatMap((policy) =>
  policy.images.flatMap((image) =>
    (policy.kinds ?? ['Pod']).map((kind) => ({ name: `${policy.name}: ${image} in a ${kind}`, policy, image, kind })),
  ),
);

describe.runIf(program !== undefined)('beside sigstore policy-controller', () => {
  let both: Both;
  /** Of all pairs, in their order. */
  const tally = { admitted: 0, warned: 0, refused: 0 };

  beforeAll(async () => {
    both = await startBoth(program ?? '');
  }, 180_000);
  afterAll(() => both?.close(), 60_000);

  async function ask(side: Side, { policy, image, kind }: Pair): Promise<Judged> {
    const workload = workloads.find((each) => each.kind === kind);
    if (workload === undefined) throw new Error(`there is no ${kind}`);
    const object = workload.make(both.namespaces[side], 'trial', both.imageOf(policy, image));
    const { labels = {} } = policy;
    return judged(await both.api.tryOut({ ...object, metadata: { ...object.metadata, labels } }));
  }

  test.each(pairs.filter((pair) => !isException(pair)))('$name', async (pair) => {
    const [theirs, ours] = await Promise.all([ask('policy-controller', pair), ask('countersign', pair)]);
    tally[theirs.verdict] += 1;
    expect(compared(ours, theirs)).toEqual(comparable(theirs));
  });

  test.each(pairs.filter(isException))('$name, otherwise on purpose', async (pair) => {
    const [theirs, ours] = await Promise.all([ask('policy-controller', pair), ask('countersign', pair)]);
    expect(compared(ours, theirs), 'the exception is not needed').not.toEqual(comparable(theirs));
  });

  test('verdicts of every kind were compared', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(120);
    expect(tally.admitted).toBeGreaterThanOrEqual(40);
    expect(tally.refused).toBeGreaterThanOrEqual(40);
    expect(tally.warned).toBeGreaterThanOrEqual(4);
  });

  test('every exception is a documented difference', () => {
    const documented = differences.map(({ id }) => id);
    expect(exceptions.filter(({ difference }) => !documented.includes(difference))).toEqual([]);
    const unused = exceptions.filter(
      ({ policy, images }) =>
        !images.every((image) => pairs.some((pair) => pair.policy.name === policy && pair.image === image)),
    );
    expect(unused).toEqual([]);
  });
});

function isException({ policy, image, kind }: Pair): boolean {
  return exceptionFor(policy.name, image, kind) !== undefined;
}
