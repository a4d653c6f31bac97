/**
 * The staged rollout of Tekton and its rollback: a setting moves workflows from one engine to the other, and whatever runs
 * finishes where it has begun.
 */
import { beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../../src/workflow/model.ts';
import type { ApiObject } from '../gate/api.ts';
import { until } from '../processes.ts';
import type { Place } from './world.ts';

type Shape = 'single' | 'gitops' | 'multi-step';
const shapes: readonly Shape[] = ['single', 'gitops', 'multi-step'];
const stages = ['off', 'gitops', 'multi-step', 'all', 'off'] as const;
/** Of each stage, over all shapes: 40 in all. */
const perStage = 8;

const onTekton: Readonly<Record<(typeof stages)[number], readonly Shape[]>> = {
  off: [],
  gitops: ['gitops'],
  'multi-step': ['gitops', 'multi-step'],
  all: shapes,
};

export function stagedRollout(place: () => Place): void {
  let world: Place;
  let image: string;

  beforeAll(() => {
    world = place();
    image = world.action('staged', 'sleep 1; echo "{}"').pinned;
  });

  function shaped(shape: Shape, name: string): ApiObject {
    const chain = (length: number): readonly object[] =>
      Array.from({ length }, (_, at) => ({
        name: `step-${at}`,
        image,
        runAfter: at === 0 ? [] : [`step-${at - 1}`],
      }));
    // Four at once are many steps too, and take less time than four in a row.
    const several = Array.from({ length: 4 }, (_, at) => ({ name: `step-${at}`, image }));
    switch (shape) {
      case 'single':
        return world.workflow(name, chain(1));
      case 'gitops':
        return world.workflow(name, chain(2), { spec: { workflowType: 'gitops-pr-creation' } });
      case 'multi-step':
        return world.workflow(name, several, { spec: { workflowType: 'multi-step-remediation' } });
    }
  }

  const engineOf = async (workflow: ApiObject): Promise<Engine | undefined> => {
    await until(async () => (await world.status(workflow))?.engine !== undefined, 15_000);
    return (await world.status(workflow))?.engine;
  };

  test('moves forty workflows over and back, each to its end', { timeout: 600_000 }, async () => {
    const started: { readonly workflow: ApiObject; readonly engine: Engine | undefined; readonly stage: string }[] = [];
    const tookMs: number[] = [];
    let before: (typeof stages)[number] = 'off';
    for (const [at, stage] of stages.entries()) {
      const changed = shapes.find((shape) => onTekton[stage].includes(shape) !== onTekton[before].includes(shape));
      const began = performance.now();
      await world.configure({ 'tekton.enabled': 'true', 'tekton.stage': stage });
      let probes = 0;
      const isInForce = async (): Promise<boolean> => {
        if (changed === undefined) return true;
        const probe = shaped(changed, `probe-${at}-${(probes += 1)}`);
        await world.api.create(probe);
        const engine = await engineOf(probe);
        await world.api.remove(probe);
        return engine === (onTekton[stage].includes(changed) ? 'tekton' : 'job');
      };
      expect(await until(isInForce, 30_000)).toBe(true);
      tookMs.push(performance.now() - began);
      before = stage;
      for (let count = 0; count < perStage; count += 1) {
        const shape = shapes[count % shapes.length] ?? 'single';
        const workflow = shaped(shape, `stage-${at}-${count}`);
        await world.api.create(workflow);
        const engine = await engineOf(workflow);
        expect(engine, `${shape} in stage ${stage}`).toBe(onTekton[stage].includes(shape) ? 'tekton' : 'job');
        started.push({ workflow, engine, stage });
      }
    }
    expect(Math.max(...tookMs)).toBeLessThan(30_000);
    expect(started).toHaveLength(stages.length * perStage);
    for (const { workflow, engine } of started) {
      expect(await world.ended(workflow, 240_000)).toMatchObject({ phase: 'Completed', engine });
    }
  });

  test(
    'an annotation is stronger than the stage, and tekton.enabled stronger than the stage',
    { timeout: 120_000 },
    async () => {
      await world.configure({ 'tekton.enabled': 'false', 'tekton.stage': 'all' });
      const steps = [{ name: 'only', image }];
      const isOff = async (): Promise<boolean> => {
        const probe = world.workflow(`enabled-${Date.now()}`, steps);
        await world.api.create(probe);
        return (await engineOf(probe)) === 'job';
      };
      expect(await until(isOff, 30_000)).toBe(true);
      expect(await world.run(world.workflow('annotated', steps, { engine: 'job' }))).toMatchObject({ engine: 'job' });
    },
  );
}
