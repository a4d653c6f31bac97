import { expect, test } from 'vitest';
import { createPodAuditor, type AuditedPod } from '../../../src/controllers/scan/audit-pod.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail } from '../../../src/kernel/result.ts';
import type { RunningPod } from '../../../src/ports/running-pods.ts';
import { digestFor, policy, snapshotOf } from '../../admission/bench.ts';
import { actionPolicy } from '../../policy/action-kit.ts';
import { runningPod, unreachable, unsigned, World } from './kit.ts';

const web = 'ghcr.io/acme/web';
const webImage = `${web}:1@${digestFor(web)}`;

async function audited(world: World, pod: RunningPod): Promise<AuditedPod> {
  const found = await createPodAuditor(world.ports).audit(pod, new AbortController().signal);
  if (found === undefined) throw new Error('there are no policies');
  return found;
}

function told({ findings }: AuditedPod): readonly string[] {
  return findings.map(({ result, policy: name, code = '-', image = '' }) =>
    [result, name, code, image].join(' ').trim(),
  );
}

test('a signed image passes, by the digest that runs', async () => {
  const world = new World();
  expect(told(await audited(world, runningPod('shop', 'p', web)))).toEqual([`pass signed - ${webImage}`]);
  expect(world.asked).toEqual([web]);
});

test('an unsigned one fails, whatever its tag names by now', async () => {
  const world = new World();
  world.facts.set(web, unsigned);
  const pod = runningPod('shop', 'p', web, 'ghcr.io/acme/api');
  expect(told(await audited(world, pod))).toEqual([
    `fail signed SIGNATURE_MISSING ${webImage}`,
    `pass signed - ghcr.io/acme/api:1@${digestFor('ghcr.io/acme/api')}`,
  ]);
});

test('a registry that is away is an error', async () => {
  const world = new World();
  world.facts.set(web, unreachable);
  expect(told(await audited(world, runningPod('shop', 'p', web)))).toEqual([
    `error signed REGISTRY_UNREACHABLE ${webImage}`,
  ]);
});

test('policies that only warn, or only watch, are warnings', async () => {
  const world = new World();
  world.facts.set(web, unsigned);
  world.snapshot = snapshotOf([policy('softly', '**', { mode: 'warn' }), policy('signed', 'nowhere.io/**')]);
  expect(told(await audited(world, runningPod('shop', 'p', web)))).toEqual([
    `warn softly SIGNATURE_MISSING ${webImage}`,
  ]);
  const watching = actionPolicy({ mode: 'audit', namespaces: { allow: ['other'] } }, 'watching');
  world.snapshot = snapshotOf([policy('signed', '**')], 'deny', [watching]);
  world.facts.clear();
  const found = await audited(world, runningPod('shop', 'p', web));
  expect(found.findings.find(({ policy: name }) => name === 'watching')).toMatchObject({
    result: 'warn',
    onlyWatched: true,
  });
});

test('an image that no policy matches fails where these are denied, and is not spoken of where they are allowed', async () => {
  const world = new World();
  world.snapshot = snapshotOf([], 'deny');
  expect(told(await audited(world, runningPod('shop', 'p', web)))).toEqual([
    `fail no-match-policy NO_MATCHING_POLICY ${webImage}`,
  ]);
  world.snapshot = snapshotOf([], 'allow');
  expect((await audited(world, runningPod('shop', 'p', web))).findings).toEqual([]);
});

test('an image that does not run yet is judged by what its tag names now', async () => {
  const world = new World();
  const { object, ...pod } = runningPod('shop', 'p', web);
  const pending = { ...pod, object: { ...object, status: { phase: 'Pending' } } };
  expect(told(await audited(world, pending))).toEqual([`pass signed - ${webImage}`]);
});

test('a tag that cannot be resolved is an error of each policy that asks', async () => {
  const world = new World();
  const evidence = {
    ...world.ports.evidence,
    resolveTag: async () => fail(failure('REGISTRY_UNREACHABLE', 'no answer')),
  };
  const { object, ...pod } = runningPod('shop', 'p', web);
  const pending = { ...pod, object: { ...object, status: {} } };
  const found = await createPodAuditor({ ...world.ports, evidence }).audit(pending, new AbortController().signal);
  expect(found && told(found)).toEqual([`error signed REGISTRY_UNREACHABLE ${web}:1`]);
});

test('a Pod whose images cannot be read at all has not passed anything', async () => {
  const world = new World();
  const pod = { ...runningPod('shop', 'p', web), object: { metadata: { labels: 7 }, spec: { containers: [] } } };
  const found = await audited(world, pod);
  expect(found.findings.filter(({ result }) => result === 'pass')).toEqual([]);
});

test('what a policy would have set in the Pod is not set for it: it runs without', async () => {
  const world = new World();
  world.snapshot = snapshotOf([policy('signed', '**')], 'deny', [actionPolicy({ podSecurity: 'restricted' }, 'act')]);
  const found = await audited(world, runningPod('shop', 'p', web));
  expect(found.findings.filter(({ result, policy: name }) => result === 'pass' && name === 'act')).toEqual([]);
  expect(found.findings.filter(({ result }) => result === 'fail').length).toBeGreaterThan(0);
});

test('tells which policies had a say about which image, and which images it will ask about', async () => {
  const world = new World();
  world.snapshot = snapshotOf(
    [policy('signed', '**'), policy('web', 'ghcr.io/acme/web*'), policy('other', 'quay.io/**')],
    'deny',
    [actionPolicy({ images: [{ glob: 'ghcr.io/**' }] }, 'act')],
  );
  const pod = runningPod('shop', 'p', web);
  expect((await audited(world, pod)).images).toEqual([
    { id: digestFor(web), policies: ['ClusterImagePolicy/signed', 'ClusterImagePolicy/web', 'ActionPolicy/act'] },
  ]);
  expect(createPodAuditor(world.ports).imagesOf(pod)).toEqual([webImage]);
});

test('says nothing before there are policies', async () => {
  const world = new World();
  world.snapshot = undefined;
  const found = createPodAuditor(world.ports).audit(runningPod('shop', 'p', web), new AbortController().signal);
  expect(await found).toBeUndefined();
});

test('an ActionPolicy that the Pod names has a say, and is named', async () => {
  const world = new World();
  const elsewhere = {
    images: [{ glob: 'nowhere.io/**' }],
    contract: { required: false },
    podSecurity: 'privileged',
  };
  const strict = actionPolicy({ ...elsewhere, namespaces: { allow: ['other'] } }, 'strict');
  const loose = actionPolicy(elsewhere, 'loose');
  world.snapshot = snapshotOf([policy('signed', '**')], 'deny', [strict, loose]);
  const pod = runningPod('shop', 'p', web);
  const under = (name: string): RunningPod => ({
    ...pod,
    object: { ...pod.object, metadata: { name: 'p', annotations: { 'countersign.dev/action-policy': name } } },
  });

  expect(told(await audited(world, pod))).toEqual([`pass signed - ${webImage}`]);
  expect(told(await audited(world, under('loose')))).toEqual([`pass signed - ${webImage}`, `pass loose - ${webImage}`]);
  expect(told(await audited(world, under('strict'))).join()).toContain('fail strict NAMESPACE_NOT_ALLOWED');
  expect(told(await audited(world, under('nobody'))).join()).toContain('fail countersign POLICY_NOT_READY');
});
