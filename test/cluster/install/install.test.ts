/**
 * One installation as administrators make it, from `kubectl apply -k` to `kubectl delete -k`; what is done to it in between is
 * in the order of this file. Everything goes through the Service and with the rights of the shipped roles.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { newSigningKey } from '../../../src/demo/images/signing-key.ts';
import { startRegistry } from '../../../src/demo/registry/serve.ts';
import { clusterFacts, hasNode } from '../access.ts';
import { tellCluster } from '../control.ts';
import type { ApiObject } from '../gate/api.ts';
import { optedIn } from '../gate/gate.ts';
import { defineTekton } from '../gate/installation.ts';
import { runnableImage, signed, signedImage, unsignedImage, type PushedImage } from '../gate/images.ts';
import { keyPolicy, policyOf } from '../gate/policies.ts';
import { refusal } from '../gate/refusal.ts';
import { pod, podSpec } from '../gate/workloads.ts';
import { until } from '../processes.ts';
import {
  applyEveryPolicy,
  followReports,
  refuseAgainAndAgain,
  removeDefinitions,
  tryOutPrivateImage,
  tryOutTekton,
} from './every-right.ts';
import { granted, usage, type Permission } from './granted.ts';
import { prepareInstallation, systemNamespace, untilReplicas, type Installation } from './installation.ts';
import { inventory } from './inventory.ts';
import { startLoad, type LoadReport } from './load.ts';
import { askHistory, askReplica, certificateAuthority } from './replica.ts';
import { certificatesIn, issuerAt } from './serving-certificate.ts';
import { askedOfTasks, tryOutTasks } from './task-rights.ts';
import { installedTasks } from './tasks.ts';
import { askedByAdmission, tryOutWorkflows } from './workflow-rights.ts';
import { actionOf, applyWithKubectl, belonging, endOf, leader, untilStep, workflowOf } from './workflows.ts';

const namespaceOf = (name: string): ApiObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Until `condition` was true, in milliseconds. */
async function timeUntil(condition: () => Promise<boolean>): Promise<number> {
  const started = performance.now();
  return (await until(condition, 20_000)) ? performance.now() - started : Infinity;
}

describe.runIf(hasNode)('installed in the cluster', () => {
  let installation: Installation;
  let namespace: string;
  /** Finished workflows are still in it when everything goes. */
  let automation: string;
  let before: ReadonlySet<string>;
  let reports: Promise<void>;

  beforeAll(async () => {
    installation = await prepareInstallation({ COUNTERSIGN_SCAN_MINUTES: '1' });
    // Other suites leave definitions and roles behind.
    await installation.delete();
    await removeDefinitions(installation.api);
    await defineTekton(installation.api);
    automation = await installation.api.namespace(optedIn);
    before = await inventory(installation.api);
    await installation.apply();
    await installation.api.apply(keyPolicy('apps', installation.registry.host, installation.key));
    namespace = await installation.api.namespace(optedIn);
    // It takes minutes, in which other things happen to the installation; the roles are looked at when it is over.
    reports = followReports(installation);
    reports.catch(() => undefined);
  }, 300_000);
  afterAll(() => installation?.close());

  beforeEach(() => {
    onTestFailed(async () => {
      process.stderr.write(`${await installation.logs()}\n`);
    });
  });

  describe('kubectl apply -k', () => {
    test('makes both replicas ready, and nothing else is to be done', async () => {
      expect(await untilReplicas(installation, 2)).toHaveLength(2);
      const { api, registry } = installation;
      const asked = pod(namespace, 'first', podSpec(`${registry.host}/nothing`));
      const isAsked = async (): Promise<boolean> => (await refusal(api.create(asked, { dryRun: true }))).code === 403;
      expect(await timeUntil(isAsked)).toBeLessThan(10_000);
    });

    test('an unsigned image is refused, a signed one runs', async () => {
      const { api, key, registry } = installation;
      const unsigned = runnableImage(registry, 'acme/unsigned', ['echo', 'unsigned']);
      expect(await refusal(api.create(pod(namespace, 'unsigned', runOnce(unsigned))))).toMatchObject({
        code: 403,
        webhook: 'validate.countersign.dev',
        sentence: expect.stringMatching(/^SIGNATURE_MISSING: /),
      });
      const image = signed(registry, 'acme/signed', runnableImage(registry, 'acme/signed', ['echo', 'signed']), key);
      await api.create(pod(namespace, 'signed', runOnce(image)));
      const target = { name: 'signed', namespace };
      const isDone = async (): Promise<boolean> =>
        (await api.core.readNamespacedPod(target)).status?.phase === 'Succeeded';
      expect(await until(isDone, 30_000)).toBe(true);
      expect(await api.core.readNamespacedPodLog(target)).toBe('signed\n');
      const { spec } = await api.core.readNamespacedPod(target);
      expect(spec?.containers[0]?.image).toBe(image.pinned);
    });

    test('a namespace is judged within 2 s of its label', async () => {
      const { api, registry } = installation;
      const fresh = await api.namespace({});
      const object = pod(fresh, 'unsigned', podSpec(unsignedImage(registry, 'acme/fresh').tagged));
      expect((await api.tryOut(object)).status).toBe(201);
      await api.merge(namespaceOf(fresh), { metadata: { labels: optedIn } });
      const took = await timeUntil(async () => (await api.tryOut(object)).status === 403);
      expect(took).toBeLessThan(2_000);
      await api.remove(namespaceOf(fresh));
    });

    test('a new policy is in force in every replica within 2 s, and out of force as soon', async () => {
      const { api, key, registry } = installation;
      const object = pod(namespace, 'twice', podSpec(signedImage(registry, 'twice/app', key).pinned));
      const replicas = await installation.replicas();
      const ca = await certificateAuthority(api);
      const allSay = async (allowed: boolean): Promise<boolean> => {
        const answers = await Promise.all(replicas.map((replica) => askReplica(replica, ca, object)));
        return answers.every((answer) => answer.allowed === allowed);
      };
      expect(await allSay(true)).toBe(true);
      const other = { name: 'other-key', key: { data: newSigningKey().publicKeyPem } };
      const policy = policyOf('twice', `${registry.host}/twice`, [other]);
      await api.apply(policy);
      expect(await timeUntil(() => allSay(false))).toBeLessThan(2_000);
      await api.remove(policy);
      expect(await timeUntil(() => allSay(true))).toBeLessThan(2_000);
    });
  });

  describe('workflows', () => {
    const jobsIn = (name: string): string => `/apis/batch/v1/namespaces/${name}/jobs`;
    const podsIn = (name: string): string => `/api/v1/namespaces/${name}/pods`;

    test('one that is applied with kubectl runs to its end', { timeout: 90_000 }, async () => {
      const { api } = installation;
      const image = actionOf(installation, 'first-action');
      const steps = [
        { name: 'one', image },
        { name: 'two', image, runAfter: ['one'] },
      ];
      const workflow = workflowOf(automation, 'first', steps);
      await applyWithKubectl(installation, workflow);
      const done = { phase: 'Completed', attempts: 1, image, outputs: { done: 'first-action' } };
      expect(await endOf(api, workflow)).toMatchObject({
        phase: 'Completed',
        engine: 'job',
        steps: [
          { name: 'one', ...done },
          { name: 'two', ...done },
        ],
      });
    });

    test('the replica that leads is killed in the middle: each step runs once', { timeout: 180_000 }, async () => {
      const { api } = installation;
      const image = actionOf(installation, 'slow-action', 3);
      const steps = [
        { name: 'one', image },
        { name: 'two', image, runAfter: ['one'] },
        { name: 'three', image, runAfter: ['two'] },
      ];
      const workflow = workflowOf(automation, 'survivor', steps);
      await applyWithKubectl(installation, workflow);
      await untilStep(api, workflow, 'two', 'Running');
      const killed = await leader(api);
      await installation.kubectl('-n', systemNamespace, 'delete', 'pod', killed, '--force', '--grace-period=0');
      expect(await endOf(api, workflow, 90_000)).toMatchObject({
        phase: 'Completed',
        steps: steps.map(({ name }) => ({ name, phase: 'Completed', attempts: 1 })),
      });
      expect(await leader(api)).not.toBe(killed);
      expect(await belonging(api, jobsIn(automation), workflow)).toEqual([
        'survivor-one',
        'survivor-three',
        'survivor-two',
      ]);
      expect(await belonging(api, podsIn(automation), workflow)).toHaveLength(3);
    });

    test('both replicas tell what was run', { timeout: 120_000 }, async () => {
      const { api } = installation;
      const replicas = await untilReplicas(installation, 2);
      const ca = await certificateAuthority(api);
      const binding: ApiObject = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'history-reader' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'countersign-console-viewer' },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: automation }],
      };
      await api.apply(binding);
      const token = (await installation.kubectl('-n', automation, 'create', 'token', 'default')).trim();
      const told = (): Promise<string[]> =>
        Promise.all(replicas.map((replica) => askHistory(replica, ca, token, automation)));
      const completed = (text: string): number => text.match(/"status":\s*"completed"/g)?.length ?? 0;
      await until(async () => (await told()).every((text) => completed(text) === 5), 60_000);
      const [one, other] = await told();
      expect(completed(one ?? '')).toBe(5);
      expect(other).toEqual(one);
      await api.remove(binding);
    });

    test('they go in time, are cancelled, leave alone what has their names', { timeout: 300_000 }, async () => {
      await expect(tryOutWorkflows(installation, namespace)).resolves.toBeUndefined();
    });
  });

  describe('Tasks', { timeout: 120_000 }, () => {
    installedTasks(() => ({ installation, namespace: automation }));

    test('they are stopped and go in time, servers come and go', { timeout: 300_000 }, async () => {
      await expect(tryOutTasks(installation, namespace)).resolves.toBeUndefined();
    });
  });

  describe('while 20 requests a second come', () => {
    let images: { readonly signed: readonly PushedImage[]; readonly unsigned: readonly PushedImage[] };

    beforeAll(() => {
      const { key, registry } = installation;
      const numbers = [1, 2, 3, 4, 5];
      images = {
        signed: numbers.map((n) => signedImage(registry, `load/signed-${n}`, key)),
        unsigned: numbers.map((n) => unsignedImage(registry, `load/unsigned-${n}`)),
      };
    });

    /** `upheaval` under load, which goes on for 40 s at least. */
    async function during(upheaval: () => Promise<void>): Promise<LoadReport> {
      const enough = sleep(40_000);
      const load = startLoad({ api: installation.api, namespace, ...images });
      try {
        await upheaval();
        await enough;
      } finally {
        const report = await load.stop();
        const { passed, refused, unanswered, wrong, slowest } = report;
        const counts = `${passed} passed, ${refused} refused, ${unanswered} unanswered, ${wrong.length} wrong`;
        process.stderr.write(`load: ${report.seconds} s, ${counts}, slowest ${Math.round(slowest)} ms\n`);
        for (const one of wrong.slice(0, 20)) process.stderr.write(`load: ${JSON.stringify(one)}\n`);
      }
      return load.stop();
    }

    const allRight = { unanswered: 0, wrong: [], admitted: [] };

    test('a rolling update is not noticed', { timeout: 180_000 }, async () => {
      const report = await during(async () => {
        const old = await installation.replicas();
        const deployment = 'deployment/countersign';
        await installation.kubectl('-n', systemNamespace, 'rollout', 'restart', deployment);
        await installation.kubectl('-n', systemNamespace, 'rollout', 'status', deployment, '--timeout=110s');
        const fresh = await untilReplicas(installation, 2);
        const names = fresh.map(({ name }) => name);
        expect(old.filter(({ name }) => names.includes(name))).toEqual([]);
      });
      expect(report).toMatchObject(allRight);
      expect(report.passed + report.refused).toBeGreaterThan(700);
    });

    test('the deletion of each replica is not noticed', { timeout: 240_000 }, async () => {
      const report = await during(async () => {
        for (const { name } of await untilReplicas(installation, 2)) {
          await installation.kubectl('-n', systemNamespace, 'delete', 'pod', name, '--wait');
          await untilReplicas(installation, 2);
        }
      });
      expect(report).toMatchObject(allRight);
      expect(report.passed + report.refused).toBeGreaterThan(700);
    });

    test('the rotation of CA and certificate is not noticed', { timeout: 300_000 }, async () => {
      const { api } = installation;
      const [old] = certificatesIn(await certificateAuthority(api));
      if (old === undefined) throw new Error('the API server believes no CA');
      const replicas = await untilReplicas(installation, 2);
      const report = await during(async () => {
        // As near its end as a Secret can be: a new CA is made at once, published, and used when every API server knows it.
        await installation.kubectl('-n', systemNamespace, 'delete', 'secret', 'countersign-certificates');
        const isPublished = async (): Promise<boolean> => certificatesIn(await certificateAuthority(api)).length === 2;
        expect(await until(isPublished, 60_000)).toBe(true);
        const authorities = certificatesIn(await certificateAuthority(api));
        expect(authorities[0]?.fingerprint256).toBe(old.fingerprint256);
        const issuers = (): Promise<number[]> => Promise.all(replicas.map((replica) => issuerAt(replica, authorities)));
        expect(await issuers()).toEqual([0, 0]);
        expect(await until(async () => (await issuers()).every((issuer) => issuer === 1), 150_000)).toBe(true);
        await sleep(15_000);
      });
      expect(report).toMatchObject(allRight);
    });

    test('a restart of the API server costs only what it could not take', { timeout: 180_000 }, async () => {
      const { control } = clusterFacts();
      const report = await during(async () => {
        await sleep(5_000);
        await tellCluster(control, 'stopApiServer');
        await sleep(2_000);
        await tellCluster(control, 'startApiServer');
      });
      expect(report).toMatchObject({ wrong: [], admitted: [] });
      expect(report.unanswered).toBeGreaterThan(0);
      expect(report.passed + report.refused).toBeGreaterThan(400);
      expect(await untilReplicas(installation, 2)).toHaveLength(2);
    });
  });

  describe('while the registry is away for 30 s', () => {
    test('what was proven passes, the rest is told to try again, and then it does', { timeout: 120_000 }, async () => {
      const { api, key, registry } = installation;
      const [proven, late] = ['away/proven', 'away/late'].map((name) => signedImage(registry, name, key));
      if (proven === undefined || late === undefined) throw new Error('two images were pushed');
      const replicas = await untilReplicas(installation, 2);
      const ca = await certificateAuthority(api);
      const provenPod = pod(namespace, 'proven', podSpec(proven.pinned));
      const latePod = pod(namespace, 'late', podSpec(late.pinned));
      for (const replica of replicas) expect(await askReplica(replica, ca, provenPod)).toMatchObject({ allowed: true });

      await registry.close();
      const end = performance.now() + 30_000;
      while (performance.now() < end) {
        expect((await api.tryOut(provenPod)).status).toBe(201);
        expect(await refusal(api.create(latePod, { dryRun: true }))).toMatchObject({
          code: 503,
          sentence: expect.stringMatching(/^REGISTRY_UNREACHABLE: /),
          retryAfter: expect.stringMatching(/^\d+$/),
        });
        await sleep(1_000);
      }
      const [address, port] = registry.host.split(':');
      const back = await startRegistry({ address: address ?? '', port: Number(port) });
      try {
        for (const repository of ['away/proven', 'away/late']) signedImage(back, repository, key);
        for (const replica of replicas) {
          const took = await timeUntil(async () => (await askReplica(replica, ca, latePod)).allowed);
          expect(took).toBeLessThan(5_000);
        }
        expect((await api.tryOut(latePod)).status).toBe(201);
        expect((await installation.replicas()).map(({ name }) => name).toSorted()).toEqual(
          replicas.map(({ name }) => name).toSorted(),
        );
      } finally {
        await back.close();
      }
    });
  });

  describe('the roles', () => {
    test('grant nothing that is not used, and lack nothing', { timeout: 600_000 }, async () => {
      await applyEveryPolicy(installation);
      await tryOutPrivateImage(installation, namespace);
      await tryOutTekton(installation, namespace);
      await refuseAgainAndAgain(installation);
      await reports;
      const roles = await granted(installation.api);
      const unused = (): readonly string[] => {
        const { allowed } = usage(clusterFacts().auditLog);
        return [...roles].filter((permission) => !allowed.has(permission) && !unseen.includes(permission));
      };
      await until(async () => unused().length === 0, 30_000);
      expect([...usage(clusterFacts().auditLog).forbidden]).toEqual([]);
      expect(unused()).toEqual([]);
    });
  });

  describe('kubectl delete -k', () => {
    test('leaves nothing behind', { timeout: 180_000 }, async () => {
      const { api } = installation;
      await reports.catch(() => undefined);
      await removeDefinitions(api);
      await api.remove(namespaceOf(namespace));
      // As docs/uninstall.md says: what they made elsewhere is taken away by the program.
      await installation.kubectl('delete', 'tasks.kubeopencode.io', '--all', '-A', '--timeout=60s');
      await installation.delete();
      let left: readonly string[] = [];
      await until(async () => {
        left = [...(await inventory(api))].filter((object) => !before.has(object));
        return left.length === 0;
      }, 60_000);
      expect(left).toEqual([]);
      await api.remove(namespaceOf(automation));
    });
  });
});

const unseen: readonly Permission[] = [
  // One replica asks another; the API server only says whether it may, to the one that was asked.
  'get /v1/records/positions',
  'get /v1/records/chain',
  'get /v1/records/actions',
  // When one seems to be gone; there is no Tekton here: test/cluster/workflows/failures.ts.
  'get tekton.dev/taskruns',
  // When the API server has not answered whether a Task may begin: test/controllers/tasks/queue.test.ts.
  'get kubeopencode.io/tasks',
  // When one seems not to be there: test/cluster/tasks/endings.ts.
  'get kubeopencode.io/tasktemplates',
  // When another process has led before: test/controllers/kube-tasks.
  'get kubetask.io/tasks',
  ...askedByAdmission,
  ...askedOfTasks,
];

const runOnce = ({ tagged }: PushedImage): object => ({
  restartPolicy: 'Never',
  containers: [{ name: 'main', image: tagged }],
});
