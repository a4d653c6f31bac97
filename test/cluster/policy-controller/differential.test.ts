import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../../policy/known-differences.ts';
import type { ApiObject } from '../gate/api.ts';
import { workloads } from '../gate/workloads.ts';
import { until } from '../processes.ts';
import { startBoth, type Both, type Side } from './both.ts';
import { describeChanges } from './changes.ts';
import { exceptionFor, exceptions, type Exception } from './exceptions.ts';
import type { ImageName } from './images.ts';
import { comparable, compared, judged, type Judged } from './judged.ts';
import { policyCases, type PolicyCase } from './policies.ts';
import { policyControllerProgram } from './programs.ts';
import { configMap } from './start-policy-controller.ts';

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

  describe('with everything switched back that can be', () => {
    const switched = differences.flatMap(({ id, switchedBackBy }) => (switchedBackBy === undefined ? [] : [id]));
    const settings = configMap('countersign-config', { compatibility: switched.join(' ') }, 'countersign-system');
    const pairsOf = pairs.filter((pair) => switched.includes(exceptionOf(pair)?.difference ?? ''));

    beforeAll(() => both.api.apply(settings));
    afterAll(() => both.api.remove(settings));

    test.each(pairsOf)('$name', async (pair) => {
      const theirs = await ask('policy-controller', pair);
      const same = async (): Promise<boolean> => (await ask('countersign', pair)).verdict === theirs.verdict;
      expect(await until(same, 10_000)).toBe(true);
      expect(compared(await ask('countersign', pair), theirs)).toEqual(comparable(theirs));
    });

    test('each of the switches was tried', () => {
      const tried = new Set(pairsOf.map((pair) => exceptionOf(pair)?.difference));
      expect(tried).toEqual(new Set(switched));
    });
  });

  describe('where no policy matches', () => {
    const maps = (data: Readonly<Record<string, string>>): readonly ApiObject[] => [
      configMap('config-policy-controller', data),
      configMap('countersign-config', data, 'countersign-system'),
    ];
    const unmatched = pairs.filter(({ name }) => name === 'match-resource: unsigned in a Pod');

    afterAll(async () => {
      for (const object of maps({})) await both.api.apply(object);
    });

    test.each([
      ['deny', 'refused'],
      ['warn', 'warned'],
      ['allow', 'admitted'],
      ['perhaps', 'refused'],
    ])('no-match-policy %s: %s', async (setting, verdict) => {
      const [pair] = unmatched;
      if (pair === undefined) throw new Error('there is no such pair');
      for (const object of maps({ 'no-match-policy': setting })) await both.api.apply(object);
      const are = async (): Promise<boolean> => {
        const [theirs, ours] = await Promise.all([ask('policy-controller', pair), ask('countersign', pair)]);
        return theirs.verdict === verdict && ours.verdict === verdict;
      };
      expect(await until(are, 20_000)).toBe(true);
    });
  });

  describeChanges(() => both);

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

function exceptionOf({ policy, image, kind }: Pair): Exception | undefined {
  return exceptionFor(policy.name, image, kind);
}

function isException(pair: Pair): boolean {
  return exceptionOf(pair) !== undefined;
}
