/** Every action of the catalogue that does something, run as a Job with the rights of its own account and nothing more. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { lastJsonObject, type Outputs } from '../../src/workflow/outputs.ts';
import { actionRights, pushActions, type ActionImages } from '../actions/build.ts';
import { catalogue } from '../actions/catalogue.ts';
import { startGitServer, type GitServer } from '../actions/git-server.ts';
import { clusterFacts, hasNode } from './access.ts';
import { actionPolicy } from './gate/actions.ts';
import type { ApiObject } from './gate/api.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { define } from './gate/installation.ts';
import { runnableImage } from './gate/images.ts';
import { pod, podSpec, valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';
import { startVolumes, type Volumes } from './volumes.ts';

interface Ran {
  readonly succeeded: boolean;
  readonly outputs: Outputs | undefined;
  readonly log: string;
}

describe.runIf(hasNode)('actions', { timeout: 120_000 }, () => {
  let gate: Gate;
  let volumes: Volumes;
  let images: ActionImages;
  let git: GitServer;
  /** Where the actions may act; they run in the namespace of the gate. */
  let target: string;
  /** Where they may not. */
  let foreign: string;
  let cleanUp: readonly ApiObject[] = [];
  let jobs = 0;

  beforeAll(async () => {
    gate = await startGate();
    const { api, namespace, registry, key } = gate;
    volumes = await startVolumes(api);
    target = await api.namespace({});
    foreign = await api.namespace({});
    const names = catalogue.map(({ name }) => name);
    images = await pushActions(registry, key, names);
    const policy = actionPolicy('catalogue', `${registry.host}/actions/**`, { podSecurity: 'restricted' });
    const rights = actionRights(names, namespace, [target]);
    cleanUp = [policy, ...rights];
    for (const object of cleanUp) await api.apply(object);
    git = await startGitServer(
      { 'production/payment.yaml': manifest },
      { credentials: { username: 'kubernaut', password: 'correct horse' } },
    );
    await api.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'git-credentials', namespace },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'kubernaut', password: 'correct horse' },
    });
    await until(async () => (await api.tryOut(jobOf('probe', 'notify-only', {}))).status === 201, 20_000);
  }, 240_000);
  afterAll(async () => {
    await git?.close();
    for (const object of cleanUp.toReversed()) await gate.api.remove(object);
    for (const name of [target, foreign])
      await gate?.api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await volumes?.close();
    await gate?.close();
  }, 120_000);

  function jobOf(name: string, action: string, inputs: object, claim?: string): ApiObject {
    const found = catalogue.find((candidate) => candidate.name === action);
    const container = {
      name: 'action',
      image: images.get(found?.actionType ?? '') ?? '',
      env: [{ name: 'ACTION_INPUTS', value: JSON.stringify(inputs).replaceAll('$', '$$$$') }],
      ...(claim === undefined ? {} : { volumeMounts: [{ name: 'workspace', mountPath: '/workspace' }] }),
    };
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace: gate.namespace },
      spec: {
        backoffLimit: 0,
        template: {
          spec: {
            restartPolicy: 'Never',
            // The only node may be cordoned or tainted, for that is what is tried out.
            tolerations: [{ operator: 'Exists' }],
            containers: [container],
            ...(claim === undefined
              ? {}
              : { volumes: [{ name: 'workspace', persistentVolumeClaim: { claimName: claim } }] }),
          },
        },
      },
    };
  }

  async function run(action: string, inputs: object, claim?: string): Promise<Ran> {
    const { api, namespace } = gate;
    jobs += 1;
    const job = jobOf(`${action}-${jobs}`, action, inputs, claim);
    await api.create(job);
    const list = `/api/v1/namespaces/${namespace}/pods`;
    let status: unknown;
    let name = '';
    // The Job says it a second later.
    const ended = await until(async () => {
      const pods = JSON.parse((await api.get(`${list}?labelSelector=job-name%3D${job.metadata.name}`)).text);
      name = String(valueAt(pods, 'items[0].metadata.name'));
      status = valueAt(pods, 'items[0].status');
      return ['Succeeded', 'Failed'].includes(String(valueAt(status, 'phase')));
    }, 60_000);
    if (!ended) throw new Error(`${job.metadata.name} does not end: ${JSON.stringify(status)}`);
    const { text: log } = await api.get(`${list}/${name}/log`);
    await api.remove(job);
    return { succeeded: valueAt(status, 'phase') === 'Succeeded', outputs: lastJsonObject(log), log };
  }

  async function succeeds(action: string, inputs: object, claim?: string): Promise<Outputs> {
    const { succeeded, outputs, log } = await run(action, inputs, claim);
    if (!succeeded || outputs === undefined) throw new Error(`${action}: ${log}`);
    return outputs;
  }

  async function fails(action: string, inputs: object, claim?: string): Promise<string> {
    const { succeeded, outputs, log } = await run(action, inputs, claim);
    expect(outputs).toBeUndefined();
    expect(succeeded).toBe(false);
    return log.trim().split('\n').at(-1) ?? '';
  }

  const inTarget = (apiVersion: string, kind: string, name: string, spec: object): ApiObject => ({
    apiVersion,
    kind,
    metadata: { name, namespace: target },
    spec,
  });
  const labelled = (app: string, spec: object = podSpec('nowhere.invalid/app:1')): object => ({
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec },
  });
  const make = async (object: ApiObject): Promise<ApiObject> => {
    await gate.api.apply(object);
    return object;
  };
  const deployment = (name: string, spec: object = {}): Promise<ApiObject> =>
    make(inTarget('apps/v1', 'Deployment', name, { replicas: 2, ...labelled(name), ...spec }));
  const fieldOf = async (object: ApiObject, path: string): Promise<unknown> =>
    valueAt(await gate.api.read(object), path);
  const podsOf = async (app: string, field: string): Promise<readonly unknown[]> => {
    const path = `/api/v1/namespaces/${target}/pods?labelSelector=app%3D${app}`;
    const list: unknown = JSON.parse((await gate.api.get(path)).text);
    const items = asRecord(list)?.['items'];
    return Array.isArray(items) ? items.map((item: unknown) => valueAt(item, field)) : [];
  };
  const node: ApiObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } };

  describe('workloads', { concurrent: true }, () => {
    test('scale-deployment sets the replicas, again and again', async () => {
      const web = await deployment('web');
      const inputs = { deployment: 'web', namespace: target, replicas: 5 };
      expect(await succeeds('scale-deployment', inputs)).toEqual({ ...inputs, previousReplicas: 2 });
      expect(await fieldOf(web, 'spec.replicas')).toBe(5);
      expect(await succeeds('scale-deployment', inputs)).toEqual({ ...inputs, previousReplicas: 5 });
    });

    test('scale-statefulset sets the replicas', async () => {
      const db = await make(
        inTarget('apps/v1', 'StatefulSet', 'db', { replicas: 1, serviceName: 'db', ...labelled('db') }),
      );
      const inputs = { statefulset: 'db', namespace: target, replicas: 3 };
      expect(await succeeds('scale-statefulset', inputs)).toEqual({ ...inputs, previousReplicas: 1 });
      expect(await fieldOf(db, 'spec.replicas')).toBe(3);
    });

    test('restart-pod makes the controller replace Pods', async () => {
      await deployment('restarted');
      await until(async () => (await podsOf('restarted', 'metadata.name')).length === 2, 20_000);
      const before = await podsOf('restarted', 'metadata.uid');
      const { deleted } = await succeeds('restart-pod', { namespace: target, labelSelector: 'app=restarted' });
      expect(deleted).toHaveLength(2);
      const replaced = await until(async () => {
        const after = await podsOf('restarted', 'metadata.uid');
        return after.length === 2 && after.every((uid) => !before.includes(uid));
      }, 20_000);
      expect(replaced).toBe(true);
    });

    test('restart-pod with labels that nobody has deletes nothing', async () => {
      expect(await succeeds('restart-pod', { namespace: target, labelSelector: 'app=nobody' })).toMatchObject({
        deleted: [],
      });
    });

    test('restart-pod spares a Pod that nobody would make anew', async () => {
      const single = await make(pod(target, 'single', podSpec('nowhere.invalid/app:1')));
      expect(await fails('restart-pod', { namespace: target, pod: 'single' })).toMatch(
        /^ERROR: No controller .*single/,
      );
      expect(await gate.api.read(single)).toBeDefined();
    });

    test('restart-pod wants to know which', async () => {
      expect(await fails('restart-pod', { namespace: target })).toMatch(/^ERROR: Which Pods\?/);
    });

    test.each(['restart-daemonset', 'restart-network'])('%s starts a new rollout', async (action) => {
      const agent = await make(inTarget('apps/v1', 'DaemonSet', `for-${action}`, labelled(`for-${action}`)));
      const { restartedAt } = await succeeds(action, { daemonset: agent.metadata.name, namespace: target });
      const annotation = asRecord(await fieldOf(agent, 'spec.template.metadata.annotations'));
      expect(annotation?.['kubectl.kubernetes.io/restartedAt']).toBe(restartedAt);
    });

    test('rollback-deployment goes back to the revision before', async () => {
      const shop = await deployment('shop', labelled('shop', podSpec('nowhere.invalid/shop:1')));
      const revision = async (): Promise<unknown> =>
        asRecord(await fieldOf(shop, 'metadata.annotations'))?.['deployment.kubernetes.io/revision'];
      await until(async () => (await revision()) === '1', 20_000);
      await deployment('shop', labelled('shop', podSpec('nowhere.invalid/shop:2')));
      await until(async () => (await revision()) === '2', 20_000);
      expect(await succeeds('rollback-deployment', { deployment: 'shop', namespace: target })).toEqual({
        deployment: 'shop',
        namespace: target,
        previousRevision: '2',
        image: 'nowhere.invalid/shop:1',
      });
      expect(await fieldOf(shop, 'spec.template.spec.containers[0].image')).toBe('nowhere.invalid/shop:1');
    });

    test('increase-resources raises limits and never lowers them', async () => {
      const spec = {
        containers: [{ name: 'main', image: 'nowhere.invalid/app:1', resources: { limits: { memory: '1Gi' } } }],
      };
      const hungry = await deployment('hungry', labelled('hungry', { ...spec, schedulerName: 'nobody' }));
      const inputs = { deployment: 'hungry', namespace: target };
      expect(await succeeds('increase-resources', { ...inputs, memory: '2Gi' })).toEqual({
        ...inputs,
        container: 'main',
        previous: { memory: '1Gi' },
        limits: { memory: '2Gi' },
      });
      expect(await fieldOf(hungry, 'spec.template.spec.containers[0].resources.limits.memory')).toBe('2Gi');
      expect(await fails('increase-resources', { ...inputs, memory: '1500Mi' })).toMatch(/lower the limit of memory/);
    });

    test('enable-debug-mode sets a variable, whatever is in its value', async () => {
      const chatty = await deployment('chatty');
      const value = `"quoted" $(reboot) \`reboot\` -- 'é' \\n`;
      const inputs = { deployment: 'chatty', namespace: target, variable: 'LOG', value };
      expect(await succeeds('enable-debug-mode', inputs)).toMatchObject({ variable: 'LOG', previous: '' });
      expect(await fieldOf(chatty, 'spec.template.spec.containers[0].env[0]')).toEqual({ name: 'LOG', value });
    });

    test('update-hpa sets the bounds that are given', async () => {
      const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
      const hpa = await make(
        inTarget('autoscaling/v2', 'HorizontalPodAutoscaler', 'web', {
          minReplicas: 1,
          maxReplicas: 3,
          scaleTargetRef,
        }),
      );
      expect(await succeeds('update-hpa', { hpa: 'web', namespace: target, maxReplicas: 9 })).toEqual({
        hpa: 'web',
        namespace: target,
        previous: { minReplicas: 1, maxReplicas: 3 },
        minReplicas: 1,
        maxReplicas: 9,
      });
      expect(await fieldOf(hpa, 'spec.maxReplicas')).toBe(9);
    });

    test('update-network-policy changes a policy', async () => {
      const policy = await make(
        inTarget('networking.k8s.io/v1', 'NetworkPolicy', 'closed', { podSelector: {}, policyTypes: ['Ingress'] }),
      );
      const spec = { ingress: [{}] };
      await succeeds('update-network-policy', { networkPolicy: 'closed', namespace: target, spec });
      expect(await fieldOf(policy, 'spec.ingress')).toEqual([{}]);
    });

    test('quarantine-pod takes a Pod out of its Services and off the network', async () => {
      await deployment('sick', { replicas: 1 });
      await until(async () => (await podsOf('sick', 'metadata.name')).length === 1, 20_000);
      const [name] = await podsOf('sick', 'metadata.name');
      const inputs = { pod: String(name), namespace: target };
      const outputs = await succeeds('quarantine-pod', inputs);
      expect(outputs).toMatchObject({
        ...inputs,
        networkPolicy: 'kubernaut-quarantine',
        formerLabels: { app: 'sick' },
      });
      const found = { apiVersion: 'v1', kind: 'Pod', metadata: { name: inputs.pod, namespace: target } };
      expect(await fieldOf(found, 'metadata.labels')).toEqual({ 'kubernaut.io/quarantined': 'true' });
      const policy = inTarget('networking.k8s.io/v1', 'NetworkPolicy', 'kubernaut-quarantine', {});
      expect(await fieldOf(policy, 'spec.policyTypes')).toEqual(['Ingress', 'Egress']);
      expect(await until(async () => (await podsOf('sick', 'metadata.name')).length === 1, 20_000)).toBe(true);
      expect(await succeeds('quarantine-pod', inputs)).toEqual(outputs);
    });

    test('collect-diagnostics gathers what there is', async () => {
      await deployment('looked-at', { replicas: 1 });
      await until(async () => (await podsOf('looked-at', 'metadata.name')).length === 1, 20_000);
      const outputs = await succeeds('collect-diagnostics', { namespace: target, labelSelector: 'app=looked-at' });
      expect(outputs).toMatchObject({ namespace: target, folder: '', pods: [{ phase: 'Pending', restarts: 0 }] });
    });
  });

  describe('volumes', { concurrent: true }, () => {
    const claim = (name: string): Promise<ApiObject> =>
      make(
        inTarget('v1', 'PersistentVolumeClaim', name, {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
        }),
      );

    test('expand-pvc asks for more', async () => {
      const data = await claim('data');
      expect(await until(async () => (await fieldOf(data, 'status.phase')) === 'Bound', 20_000)).toBe(true);
      const outputs = await succeeds('expand-pvc', { claim: 'data', namespace: target, size: '2Gi' });
      expect(outputs).toMatchObject({ previousSize: '1Gi', size: '2Gi' });
      expect(await fieldOf(data, 'spec.resources.requests.storage')).toBe('2Gi');
    });

    test('expand-pvc tells what the API server has against it', async () => {
      const small = await claim('small');
      expect(await until(async () => (await fieldOf(small, 'status.phase')) === 'Bound', 20_000)).toBe(true);
      expect(await fails('expand-pvc', { claim: 'small', namespace: target, size: '1Mi' })).toMatch(/can not be less/);
    });

    test('backup-data takes a snapshot, once', async () => {
      await define(gate.api, snapshots);
      await claim('precious');
      const inputs = { claim: 'precious', namespace: target, snapshot: 'precious-1' };
      expect(await succeeds('backup-data', inputs)).toEqual(inputs);
      expect(await succeeds('backup-data', inputs)).toEqual(inputs);
      const made = inTarget('snapshot.storage.k8s.io/v1', 'VolumeSnapshot', 'precious-1', {});
      expect(await fieldOf(made, 'spec.source.persistentVolumeClaimName')).toBe('precious');
      await claim('other');
      expect(await fails('backup-data', { ...inputs, claim: 'other' })).toMatch(/exists and is one of precious/);
      await gate.api.remove(snapshots);
    });
  });

  describe('notify-only', { concurrent: true }, () => {
    let server: Server;
    const received: string[] = [];
    beforeAll(async () => {
      server = createServer((request, response) => {
        void text(request).then((body) => {
          received.push(body);
          response.writeHead(request.url === '/refused' ? 403 : 204).end();
        });
      });
      server.listen(0, clusterFacts().address);
      await once(server, 'listening');
    });
    afterAll(() => new Promise((resolve) => server.close(resolve)));
    // It listens on an address and a port.
    const url = (path: string): string =>
      `http://${clusterFacts().address}:${(server.address() as AddressInfo).port}${path}`;

    test('says what it has to say', async () => {
      const message = 'Disk of node-1 is full\n$(reboot) "now" é';
      const { outputs, log } = await run('notify-only', { message, severity: 'critical' });
      expect(outputs).toEqual({ message, severity: 'critical', posted: false });
      expect(log).toContain('critical: Disk of node-1 is full');
    });

    test('posts it', async () => {
      await succeeds('notify-only', { message: 'hello', url: url('/') });
      expect(received.map((body) => JSON.parse(body))).toContainEqual({ text: 'hello', severity: 'info' });
    });

    test('fails when nobody takes it', async () => {
      expect(await fails('notify-only', { message: 'hello', url: url('/refused') })).toMatch(/403/);
    });
  });

  describe('git', { concurrent: true }, () => {
    const claims: ApiObject[] = [];
    async function workspace(name: string): Promise<string> {
      const claim = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace: gate.namespace },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      };
      claims.push(claim);
      await gate.api.create(claim);
      return name;
    }
    afterAll(async () => {
      for (const claim of claims) await gate.api.remove(claim);
    });

    test('a repository is cloned, changed, committed and pushed', async () => {
      const claim = await workspace('all-steps');
      const clone = { repository: git.url, authenticate: true };
      const cloned = await succeeds('git-clone', clone, claim);
      expect(cloned).toMatchObject({ commitSHA: git.commit('main'), branch: 'main', destination: '/workspace' });
      // Run once more, as after a node was lost.
      expect(await succeeds('git-clone', clone, claim)).toMatchObject({ commitSHA: git.commit('main') });

      const file = '/workspace/production/payment.yaml';
      const patch =
        'spec.template.spec.containers[0].resources.limits.memory: 2Gi\nmetadata.labels["a.b/c"]: "$(id) é"\n';
      expect(await succeeds('git-modify-file', { file, patch }, claim)).toEqual({ file, changed: true });
      expect(await succeeds('git-modify-file', { file, patch }, claim)).toEqual({ file, changed: false });
      const content = '#!/bin/sh\necho "$HOME"\n';
      await succeeds('git-modify-file', { file: '/workspace/new/run.sh', content }, claim);

      const message = 'fix(payment): Increase memory to 2Gi\n\n$(reboot) `reboot` -- "é"';
      const committed = await succeeds('git-commit', { message }, claim);
      expect(committed).toMatchObject({ committed: true, files: ['new/run.sh', 'production/payment.yaml'] });
      expect(await succeeds('git-commit', { message }, claim)).toMatchObject({ committed: false });

      const branch = 'kubernaut/payment-memory-fix';
      const inputs = { branch, title: 'Fix OOMKilled', authenticate: true };
      const { commitSHA } = committed;
      expect(await succeeds('git-create-pr', inputs, claim)).toEqual({
        branch,
        commitSHA,
        pushed: true,
        pullRequest: '',
      });
      expect(await succeeds('git-create-pr', inputs, claim)).toMatchObject({ commitSHA });

      expect(git.commit(branch)).toBe(commitSHA);
      expect(git.message(branch)).toBe(message);
      expect(git.read(branch, 'new/run.sh')).toBe(content);
      const pushed = git.read(branch, 'production/payment.yaml');
      expect(pushed).toContain('# who pays');
      expect(valueAt(parse(pushed), 'spec.template.spec.containers[0].resources.limits.memory')).toBe('2Gi');
      expect(asRecord(valueAt(parse(pushed), 'metadata.labels'))?.['a.b/c']).toBe('$(id) é');
    });

    test('create-pr alone leaves a commit with what it has to tell', async () => {
      const inputs = { repository: git.url, branch: 'kubernaut/alone', title: 'Look at this', body: '87% sure\n' };
      await succeeds('git-create-pr', { ...inputs, authenticate: true }, await workspace('alone'));
      expect(git.message('kubernaut/alone')).toBe('Look at this\n\n87% sure');
    });

    test.each<[string, string, object, RegExp]>([
      ['without credentials', 'git-clone', {}, /could not read Username|terminal prompts disabled/],
      [
        'a branch that does not exist',
        'git-clone',
        { authenticate: true, branch: 'nowhere' },
        /couldn't find remote ref/,
      ],
      ['a patch of no file', 'git-modify-file', { file: '/workspace/none.yaml', patch: 'a: 1' }, /There is no file/],
      ['a way out of the workspace', 'git-modify-file', { file: '/workspace/../tmp/x', content: '' }, /has \.\. in it/],
      ["git's own files", 'git-modify-file', { file: '/workspace/.git/config', content: '' }, /one of git's own files/],
      ['a commit of nothing', 'git-commit', { message: 'x' }, /There is no repository/],
      ['a push of nothing', 'git-create-pr', { branch: 'x', title: 'x' }, /There is no repository/],
    ])('%s fails', async (title, action, inputs, sentence) => {
      const claim = await workspace(title.replaceAll(/[^a-z]+/g, '-'));
      const given = action === 'git-clone' ? { repository: git.url, ...inputs } : inputs;
      expect(await fails(action, given, claim)).toMatch(sentence);
    });
  });

  test.concurrent.each([
    ['scale-deployment', { deployment: 'none', replicas: 1 }, /deployments.apps "none" not found/],
    ['restart-pod', { pod: 'none' }, /pods "none" not found/],
    ['rollback-deployment', { deployment: 'none' }, /deployments.apps "none" not found/],
    ['increase-resources', { deployment: 'none', cpu: '1' }, /deployments.apps "none" not found/],
    ['quarantine-pod', { pod: 'none' }, /pods "none" not found/],
    ['update-hpa', { hpa: 'none', maxReplicas: 2 }, /"none" not found/],
  ])('%s fails with a sentence when there is nothing of that name', async (action, inputs, sentence) => {
    expect(await fails(action, { namespace: target, ...inputs })).toMatch(sentence);
  });

  test.concurrent.each([
    ['cordon-node', {}],
    ['taint-node', { key: 'a' }],
  ])('%s fails with a sentence when there is no such node', async (action, inputs) => {
    expect(await fails(action, { node: 'none', ...inputs })).toMatch(/nodes "none" not found/);
  });

  test.concurrent.each([
    ['scale-deployment', { deployment: 'web', replicas: 1 }],
    ['restart-pod', { labelSelector: 'app=web' }],
    ['collect-diagnostics', {}],
    ['update-hpa', { hpa: 'web', maxReplicas: 2 }],
  ])('%s may do nothing in a namespace that it was not bound to', async (action, inputs) => {
    expect(await fails(action, { namespace: foreign, ...inputs })).toMatch(
      new RegExp(`forbidden: User "system:serviceaccount:${gate.namespace}:${action}-sa" cannot`),
    );
  });

  test.concurrent('what is not implemented says what it needs', async () => {
    expect(await fails('repair-database', {})).toMatch(/^ERROR: not implemented: needs the tool of the database/);
  });

  // One after the other: there is one node.
  describe('nodes', () => {
    test('cordon-node and uncordon-node', async () => {
      expect(await succeeds('cordon-node', { node: 'node' })).toEqual({ node: 'node', wasCordoned: false });
      expect(await fieldOf(node, 'spec.unschedulable')).toBe(true);
      expect(await succeeds('cordon-node', { node: 'node' })).toEqual({ node: 'node', wasCordoned: true });
      expect(await succeeds('uncordon-node', { node: 'node' })).toEqual({ node: 'node', wasCordoned: true });
      expect(await fieldOf(node, 'spec.unschedulable')).toBeUndefined();
    });

    test('taint-node and untaint-node', async () => {
      const taint = { node: 'node', key: 'kubernaut.io/suspect', effect: 'NoSchedule' };
      expect(await succeeds('taint-node', { ...taint, value: 'disk' })).toEqual({
        node: 'node',
        taint: 'kubernaut.io/suspect=disk:NoSchedule',
      });
      expect(await fieldOf(node, 'spec.taints')).toEqual(
        expect.arrayContaining([{ key: 'kubernaut.io/suspect', value: 'disk', effect: 'NoSchedule' }]),
      );
      expect(await succeeds('untaint-node', taint)).toMatchObject({ wasTainted: true });
      expect(await succeeds('untaint-node', taint)).toMatchObject({ wasTainted: false });
      expect(JSON.stringify(await fieldOf(node, 'spec.taints')) ?? '').not.toContain('suspect');
    });

    test('migrate-workload and drain-node evict Pods, but not their own', async () => {
      const image = runnableImage(gate.registry, 'apps/sleeper', ['sleep', '600']).pinned;
      const sleeper = (app: string): Promise<ApiObject> =>
        deployment(app, {
          replicas: 1,
          ...labelled(app, { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image }] }),
        });
      const runs = (app: string): Promise<boolean> =>
        until(async () => (await podsOf(app, 'status.phase')).includes('Running'), 40_000);
      await sleeper('moved');
      expect(await runs('moved')).toBe(true);
      const before = await podsOf('moved', 'metadata.name');
      const inputs = { node: 'node', namespace: target, labelSelector: 'app=moved' };
      expect(await succeeds('migrate-workload', inputs)).toMatchObject({ evicted: before });
      expect(await fieldOf(node, 'spec.unschedulable')).toBe(true);
      await succeeds('uncordon-node', { node: 'node' });

      expect(await runs('moved')).toBe(true);
      // Pods of Jobs that have ended are among them.
      const { evicted } = await succeeds('drain-node', { node: 'node', timeout: '40s' });
      expect(evicted).toBeGreaterThanOrEqual(1);
      expect(await podsOf('moved', 'status.phase')).not.toContain('Running');
      expect(await fieldOf(node, 'spec.unschedulable')).toBe(true);
      await succeeds('uncordon-node', { node: 'node' });
      await gate.api.remove(inTarget('apps/v1', 'Deployment', 'moved', {}));
    });
  });
});

const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: payment # who pays
spec:
  template:
    spec:
      containers:
        - name: main
          resources: { limits: { memory: 1Gi } }
`;

const snapshots: ApiObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'volumesnapshots.snapshot.storage.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-csi/external-snapshotter/pull/814' },
  },
  spec: {
    group: 'snapshot.storage.k8s.io',
    scope: 'Namespaced',
    names: {
      kind: 'VolumeSnapshot',
      plural: 'volumesnapshots',
      singular: 'volumesnapshot',
      listKind: 'VolumeSnapshotList',
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
