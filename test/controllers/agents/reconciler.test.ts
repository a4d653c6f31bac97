import { beforeEach, describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { Killed } from '../../fakes/fake-cluster.ts';
import { key, World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});

const deploymentPlace = { kind: agentKinds.deployment, namespace: 'agents', name: 'helper-server' };
const specOf = (object: unknown) => asRecord(asRecord(object)?.['spec']) ?? {};
const starts = [{ taskName: 't', taskNamespace: 'team', startTime: '2026-01-01T00:00:00Z' }];
const agentPlace = { kind: agentKinds.agent, ...key };

async function running(spec: object = { serverConfig: {} }): Promise<void> {
  world.apply(spec);
  await world.reconcile();
  await world.ready(1);
  world.events.splice(0);
}

describe('an Agent that is to have a server', () => {
  test('gets a Service and a Deployment, and says when it is ready', async () => {
    world.apply({ serverConfig: { port: 8080 } });
    expect(await world.reconcile()).toEqual({ kind: 'settled' });
    expect(world.status['serverStatus']).toEqual({
      deploymentName: 'helper-server',
      serviceName: 'helper',
      url: 'http://helper.agents.svc.cluster.local:8080',
      readyReplicas: 0,
    });
    expect(world.conditions).toEqual([
      'ServerReady=False DeploymentNotReady',
      'ServerHealthy=False DeploymentNotReady',
    ]);
    await world.ready(1);
    expect(world.conditions).toEqual(['ServerReady=True DeploymentReady', 'ServerHealthy=True DeploymentHealthy']);
    expect(world.status['serverStatus']).toMatchObject({ readyReplicas: 1 });
    expect(world.status['observedGeneration']).toBe(1);
    expect(world.told).toEqual(['Normal ServiceCreated', 'Normal DeploymentCreated', 'Normal DeploymentReady']);
  });

  test('makes no call while nothing changes', async () => {
    await running();
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
    world.restart();
    expect(await world.callsOf(() => world.after(3_600))).toBe(0);
  });

  test('needs a call for each object and for its status', async () => {
    world.apply();
    expect(await world.callsOf(() => world.reconcile())).toBe(3);
    expect(await world.callsOf(() => world.ready(1))).toBe(1);
  });

  test('is not ready any more when somebody scales it to 0, and stays so', async () => {
    await running();
    await world.cluster.patch(deploymentPlace, { spec: { replicas: 0 } }, new AbortController().signal);
    await world.ready(0);
    expect(world.conditions).toEqual([
      'ServerReady=False DeploymentNotReady',
      'ServerHealthy=False DeploymentNotReady',
    ]);
    expect(JSON.stringify(world.status)).toContain('scaled to 0');
    expect(world.told).toEqual(['Warning DeploymentNotReady']);
    expect(specOf(world.deployment)['replicas']).toBe(0);
    world.apply({ serverConfig: {}, executorImage: 'other:1' });
    await world.reconcile();
    expect(JSON.stringify(world.deployment)).toContain('other:1');
    expect(specOf(world.deployment)['replicas']).toBe(0);
  });

  test('changes what is there when it is changed itself, and leaves alone what others wrote', async () => {
    await running({ serverConfig: { port: 1 }, podSpec: { scheduling: { nodeSelector: { disk: 'ssd' } } } });
    const restarted = { 'kubectl.kubernetes.io/restartedAt': 'now' };
    const theirs = {
      metadata: { annotations: { a: 'b' } },
      spec: { template: { metadata: { annotations: restarted } } },
    };
    await world.cluster.patch(deploymentPlace, theirs, new AbortController().signal);
    world.apply({ serverConfig: { port: 2 } });
    await world.reconcile();
    expect(specOf(world.service)['ports']).toMatchObject([{ port: 2 }]);
    const template = asRecord(specOf(world.deployment)['template']);
    expect(asRecord(template?.['spec'])).not.toHaveProperty('nodeSelector');
    expect(JSON.stringify(template)).toContain('--port 2');
    expect(asRecord(template?.['metadata'])?.['annotations']).toMatchObject(restarted);
    expect(world.deployment?.metadata.annotations).toMatchObject({ a: 'b' });
    expect(world.told).toEqual(['Normal ServiceUpdated', 'Normal DeploymentUpdated']);
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
  });

  test('gets back what somebody has removed', async () => {
    await running();
    world.cluster.drop(deploymentPlace);
    await world.reconcile();
    expect(world.deployment).toBeDefined();
    expect(world.conditions[0]).toBe('ServerReady=False DeploymentNotReady');
  });

  test('takes over what the controller before has made for it', async () => {
    const { metadata } = world.apply();
    const owner = {
      apiVersion: 'kubeopencode.io/v1alpha1',
      kind: 'Agent',
      name: 'helper',
      uid: metadata.uid,
      controller: true,
    };
    const place = { namespace: 'agents', ownerReferences: [owner] };
    const labels = { 'kubeopencode.io/agent': 'helper' };
    world.put(agentKinds.service, 'helper', {
      metadata: { name: 'helper', ...place },
      spec: { clusterIP: '10.0.0.1' },
    });
    world.put(agentKinds.deployment, 'helper-server', {
      metadata: { name: 'helper-server', labels, ...place },
      spec: {},
    });
    await world.reconcile();
    expect(specOf(world.service)).toMatchObject({ clusterIP: '10.0.0.1', ports: [{ port: 4096 }] });
    expect(world.service?.metadata.labels).toMatchObject(labels);
    expect(world.deployment?.metadata.annotations).toHaveProperty(['countersign.dev/made-from']);
    expect(world.conditions[0]).toBe('ServerReady=False DeploymentNotReady');
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
  });
});

describe('what belongs to somebody else', () => {
  test.each([agentKinds.service, agentKinds.deployment, agentKinds.configMap])(
    'is left alone: a $kind',
    async (kind) => {
      const name = { Service: 'helper', Deployment: 'helper-server', ConfigMap: 'helper-server-context' }[kind.kind];
      const theirs = world.put(kind, name, { spec: { mine: true }, data: { mine: 'yes' } });
      world.apply({ serverConfig: {}, contexts: [{ type: 'Text', text: 'a' }] });
      expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 30_000 });
      expect(world.object(kind, name)).toEqual(theirs);
      expect(world.conditions).toEqual(['ServerReady=False NameTaken', 'ServerHealthy=False DeploymentNotReady']);
      expect(world.status['serverStatus']).toBeUndefined();
      expect(world.told).toContain('Warning NameTaken');
      world.apply({});
      await world.reconcile();
      expect(world.object(kind, name)).toEqual(theirs);
      expect(world.cluster.all(agentKinds.deployment).length).toBe(kind.kind === 'Deployment' ? 1 : 0);
      expect(world.cluster.all(agentKinds.service).length).toBe(kind.kind === 'Service' ? 1 : 0);
      expect(world.conditions).toEqual([]);
    },
  );

  test('is left alone also with our label on it, and no Deployment is made beside it', async () => {
    const labels = { 'kubeopencode.io/agent': 'helper' };
    const theirs = world.put(agentKinds.service, 'helper', { metadata: { ...key, labels }, spec: { mine: true } });
    world.apply();
    await world.reconcile();
    expect(world.service).toEqual(theirs);
    expect(world.deployment).toBeUndefined();
    expect(world.conditions[0]).toBe('ServerReady=False NameTaken');
  });

  test('is not touched for an Agent named kubernetes without a server', async () => {
    const theirs = world.put(agentKinds.service, 'kubernetes', { spec: { mine: true } });
    world.apply({}, 'kubernetes');
    expect(await world.callsOf(() => world.reconcile('kubernetes'))).toBe(0);
    expect(world.object(agentKinds.service, 'kubernetes')).toEqual(theirs);
  });

  test('is not told again and again, and the name is taken when it is free', async () => {
    world.put(agentKinds.service, 'helper');
    world.apply();
    await world.reconcile();
    await world.after(30);
    await world.after(30);
    expect(world.told).toEqual(['Warning NameTaken']);
    world.cluster.drop({ kind: agentKinds.service, ...key });
    expect(await world.after(30)).toEqual({ kind: 'settled' });
    expect(world.conditions[0]).toBe('ServerReady=False DeploymentNotReady');
    expect(world.status['serverStatus']).toBeDefined();
  });

  test('of an Agent that had the same name before is not ours', async () => {
    const owner = {
      apiVersion: 'kubeopencode.io/v1alpha1',
      kind: 'Agent',
      name: 'helper',
      uid: 'before',
      controller: true,
    };
    world.put(agentKinds.service, 'helper', { metadata: { ...key, ownerReferences: [owner] } });
    world.apply();
    await world.reconcile();
    expect(world.conditions[0]).toBe('ServerReady=False NameTaken');
    expect(JSON.stringify(world.status)).toContain('a former Agent helper');
  });
});

describe('an Agent without a server', () => {
  test('is never written to', async () => {
    world.apply({});
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
    expect(world.status).toEqual({});
  });

  test('loses the one that it had, with what its status said of it', async () => {
    await running({ serverConfig: {}, contexts: [{ type: 'Text', text: 'a' }] });
    const others = {
      type: 'Mine',
      status: 'True',
      reason: 'Mine',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const conditions = [others, ...(world.status['conditions'] as readonly object[])];
    world.cluster.setStatus(agentPlace, { ...world.status, conditions, taskStartHistory: starts });
    expect(world.contexts).toBeDefined();
    world.apply({});
    await world.reconcile();
    expect([world.deployment, world.service, world.contexts]).toEqual([undefined, undefined, undefined]);
    expect(world.status).toEqual({ observedGeneration: 2, conditions: [others], taskStartHistory: starts });
    expect(world.told).toEqual(['Normal DeploymentRemoved', 'Normal ServiceRemoved', 'Normal ConfigMapRemoved']);
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
  });

  test('that is being removed is left to the cluster', async () => {
    await running();
    world.cluster.drop(agentPlace);
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
    expect([world.deployment, world.service]).toEqual([undefined, undefined]);
  });
});

describe('contexts of a server', () => {
  const spec = { serverConfig: {}, contexts: [{ type: 'ConfigMap', configMap: { name: 'guides', key: 'a' } }] };
  const guides = (a: string) => world.put(agentKinds.configMap, 'guides', { data: { a } });

  test('are put into a ConfigMap, and new ones make it begin anew', async () => {
    guides('one');
    world.apply(spec);
    expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 30_000 });
    expect(JSON.stringify(world.contexts?.['data'])).toContain('one');
    expect(await world.ready(1)).toEqual({ kind: 'settled', requeueAfterMs: 60_000 });
    const before = JSON.stringify(specOf(world.deployment)['template']);
    guides('two');
    await world.after(60);
    expect(JSON.stringify(world.contexts?.['data'])).toContain('two');
    expect(JSON.stringify(specOf(world.deployment)['template'])).not.toBe(before);
    expect(await world.callsOf(() => world.after(60))).toBe(1);
  });

  test('are read once while a Deployment comes up', async () => {
    guides('one');
    await running(spec);
    expect(world.cluster.calls.get('read ConfigMap')).toBe(1);
    expect(await world.callsOf(() => world.ready(2))).toBe(1);
  });

  test('that are missing are said to be, and looked for again; what runs stays', async () => {
    world.apply(spec);
    expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 30_000 });
    expect(world.conditions[0]).toBe('ServerReady=False ContextError');
    expect(world.deployment).toBeUndefined();
    guides('one');
    await world.after(30);
    await world.ready(1);
    expect(world.conditions[0]).toBe('ServerReady=True DeploymentReady');
    world.cluster.drop({ kind: agentKinds.configMap, namespace: 'agents', name: 'guides' });
    await world.after(60);
    expect(world.conditions).toEqual(['ServerReady=False ContextError', 'ServerHealthy=True DeploymentHealthy']);
    expect(world.deployment).toBeDefined();
    expect(world.status['serverStatus']).toMatchObject({ readyReplicas: 1 });
  });

  test('that are missing are not looked for whenever somebody writes into the status', async () => {
    world.apply(spec);
    await world.reconcile();
    world.cluster.setStatus(agentPlace, { ...world.status, taskStartHistory: starts });
    expect(await world.callsOf(() => world.after(1))).toBe(0);
    expect(await world.callsOf(() => world.after(29))).toBe(1);
  });

  test('leave nothing behind when the Agent has none any more', async () => {
    await running({ serverConfig: {}, contexts: [{ type: 'Text', text: 'a' }] });
    world.apply();
    await world.reconcile();
    expect(world.contexts).toBeUndefined();
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
  });

  test('come back when somebody has removed their ConfigMap and the server does not come up', async () => {
    world.apply({ serverConfig: {}, contexts: [{ type: 'Text', text: 'a' }] });
    await world.reconcile();
    world.cluster.drop({ kind: agentKinds.configMap, namespace: 'agents', name: 'helper-server-context' });
    await world.after(30);
    expect(world.contexts).toBeDefined();
  });
});

describe('what goes wrong', () => {
  test('an Agent that makes no sense is told so, its server stays, and it is told when it is mended', async () => {
    await running();
    world.apply({ serverConfig: {}, quota: { maxTaskStarts: 0 } });
    await world.reconcile();
    expect(world.conditions).toEqual([
      'Valid=False AgentError',
      'ServerReady=True DeploymentReady',
      'ServerHealthy=True DeploymentHealthy',
    ]);
    expect(world.told).toEqual(['Warning AgentError']);
    expect(world.deployment).toBeDefined();
    expect(await world.callsOf(() => world.reconcile())).toBe(0);
    world.apply();
    await world.reconcile();
    expect(world.conditions[0]).toBe('ServerReady=True DeploymentReady');
  });

  test('a Deployment that the cluster refuses is said to be, in its words', async () => {
    world.cluster.refuse = (verb, kind) =>
      verb === 'create' && kind === 'Deployment' ? { status: 403, message: 'exceeded quota' } : undefined;
    world.apply();
    expect(await world.reconcile()).toEqual({ kind: 'settled', requeueAfterMs: 30_000 });
    expect(world.conditions[0]).toBe('ServerReady=False Refused');
    expect(JSON.stringify(world.status)).toContain('exceeded quota');
    world.cluster.refuse = undefined;
    await world.after(30);
    expect(world.conditions[0]).toBe('ServerReady=False DeploymentNotReady');
  });

  test('an outage is waited out', async () => {
    world.cluster.refuse = () => 'unavailable';
    world.apply();
    expect(await world.reconcile()).toMatchObject({ kind: 'retry' });
    world.cluster.refuse = undefined;
    expect(await world.reconcile()).toEqual({ kind: 'settled' });
  });

  test('what somebody else writes into the status meanwhile is kept', async () => {
    world.apply();
    world.cluster.refuse = (verb, kind) => {
      if (verb === 'writeStatus' && kind === 'Agent') {
        world.cluster.refuse = undefined;
        world.cluster.setStatus(agentPlace, { taskStartHistory: starts });
      }
      return undefined;
    };
    await world.reconcile();
    expect(world.status).toMatchObject({ taskStartHistory: starts, serverStatus: { serviceName: 'helper' } });
  });

  test('a process that is killed between any two calls leaves nothing that the next does not mend', async () => {
    const spec = { serverConfig: {}, contexts: [{ type: 'Text', text: 'a' }] };
    const whole = new World();
    whole.apply(spec);
    const calls = await whole.callsOf(() => whole.reconcile());
    expect(calls).toBe(4);
    const expected = [whole.status, whole.deployment?.['spec'], whole.service?.['spec'], whole.contexts?.['data']];
    for (const when of ['before', 'after'] as const) {
      for (let n = 1; n <= calls; n += 1) {
        world = new World();
        world.apply(spec);
        world.cluster.failAfter(n, when);
        await expect(world.reconcile()).rejects.toThrow(Killed);
        world.restart();
        await world.reconcile();
        expect([world.status, world.deployment?.['spec'], world.service?.['spec'], world.contexts?.['data']]).toEqual(
          expected,
        );
      }
    }
  });
});
