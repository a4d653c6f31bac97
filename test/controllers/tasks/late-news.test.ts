/** Each kind is watched for itself: what was created first may be heard of last. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import type { Kind } from '../../../src/kernel/kube-object.ts';
import { laggingView } from '../../fakes/lagging-view.ts';
import { home, World } from './world.ts';

const { apiVersion, kind } = agentKinds.template;
const template = { apiVersion, kind, metadata: { name: 'usual', namespace: home } };

/** As with `kubectl apply` of one file. */
async function applied(world: World, spec: object = {}): Promise<void> {
  const view = laggingView(world.cluster, []);
  world.reconciler = world.begin(view);
  world.agent();
  world.put({ ...template, spec: { description: 'As usual.' } });
  world.add(spec);
  await view.refresh(agentKinds.task, new AbortController().signal);
  await world.reconcile();
}

describe('a Task that is heard of before what it refers to', () => {
  test('starts with its Agent', async () => {
    const world = new World();
    await applied(world);
    expect(world.status().phase).toBe('Running');
    expect(world.cluster.calls.get('read Agent')).toBe(1);
  });

  test('starts with its template', async () => {
    const world = new World();
    await applied(world, { description: undefined, taskTemplateRef: { name: 'usual' } });
    expect(world.status().phase).toBe('Running');
    expect(world.names('pod')).toEqual([`${home}/fix-pod`]);
  });

  test.each<[string, object, Kind]>([
    ['Agent', { agentRef: 'none' }, agentKinds.agent],
    ['TaskTemplate', { taskTemplateRef: { name: 'none' } }, agentKinds.template],
  ])('fails if the API server has no such %s either', async (what, spec, { kind: asked }) => {
    const world = new World();
    await applied(world, spec);
    expect(world.condition('Ready')).toContain(`${what} "${home}/none" not found`);
    expect(world.cluster.calls.get(`read ${asked}`)).toBe(1);
  });

  test('is tried again when the API server cannot be asked', async () => {
    const world = new World();
    world.cluster.refuse = (verb) => (verb === 'read' ? 'unavailable' : undefined);
    await applied(world);
    expect(world.status().phase).toBe('');
  });
});
