import { spawnSync } from 'node:child_process';
import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import { refusal, type Refusal } from './gate/refusal.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage, unsignedImage, type PushedImage } from './gate/images.ts';
import { program } from './gate/webhook-process.ts';
import { pod, podSpec, valueAt, workloads } from './gate/workloads.ts';

describe.runIf(hasCluster)('a real API server', () => {
  let gate: Gate;
  let signed: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    gate = await startGate();
    signed = signedImage(gate.registry, 'acme/signed', gate.key);
    unsigned = unsignedImage(gate.registry, 'acme/unsigned');
  });
  afterAll(() => gate?.close());

  const refusedFor = (field: string): Partial<Refusal> => ({
    code: 403,
    reason: 'Forbidden',
    webhook: 'validate.countersign.dev',
    sentence: expect.stringMatching(`^SIGNATURE_MISSING: .*: ${literal(field)} "${unsigned.pinned}" \\[request `),
  });

  describe.each(workloads)('$kind', ({ field, ...workload }) => {
    test('with an unsigned image is refused, with the reason', async () => {
      const object = workload.make(gate.namespace, 'unsigned', unsigned.tagged);
      expect(await refusal(gate.api.apply(object))).toMatchObject(refusedFor(field));
      expect(await gate.api.read(object)).toBeUndefined();
    });

    test('with a signed image is admitted and stored with its digest', async () => {
      const object = workload.make(gate.namespace, 'signed', signed.tagged);
      await gate.api.apply(object);
      expect(valueAt(await gate.api.read(object), field)).toBe(signed.pinned);
    });

    test('may be applied again as it was written', async () => {
      const object = workload.make(gate.namespace, 'again', signed.tagged);
      const uid = valueAt(await gate.api.apply(object), 'metadata.uid');
      await gate.api.apply(object);
      const stored = await gate.api.read(object);
      expect([valueAt(stored, 'metadata.uid'), valueAt(stored, field)]).toEqual([uid, signed.pinned]);
    });
  });

  test.each(workloads.filter(({ updatable }) => updatable))(
    '$kind is refused when it is changed to an unsigned image',
    async ({ field, ...workload }) => {
      const object = workload.make(gate.namespace, 'changed', signed.tagged);
      await gate.api.apply(object);
      const changed = workload.make(gate.namespace, 'changed', unsigned.tagged);
      expect(await refusal(gate.api.apply(changed))).toMatchObject(refusedFor(field));
      expect(valueAt(await gate.api.read(object), field)).toBe(signed.pinned);
    },
  );

  describe('an ephemeral container', () => {
    const field = 'spec.ephemeralContainers[0].image';

    async function attach(name: string, image: string): Promise<unknown> {
      const { namespace } = gate;
      await gate.api.apply(pod(namespace, name, podSpec(signed.tagged)));
      const body = { spec: { ephemeralContainers: [{ name: 'debug', image }] } };
      const merge = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);
      return gate.api.core.patchNamespacedPodEphemeralcontainers({ name, namespace, body }, merge);
    }

    test('with an unsigned image is refused, with the reason', async () => {
      expect(await refusal(attach('debug-unsigned', unsigned.tagged))).toMatchObject(refusedFor(field));
    });

    test('with a signed image is admitted and stored with its digest', async () => {
      expect(valueAt(await attach('debug-signed', signed.tagged), field)).toBe(signed.pinned);
    });
  });

  test.each([
    ['spec.initContainers[0].image', (image: string) => ({ initContainers: [{ name: 'first', image }] })],
    ['spec.volumes[0].image.reference', (reference: string) => ({ volumes: [{ name: 'data', image: { reference } }] })],
  ])('refuses a signed container beside an unsigned %s', async (field, beside) => {
    const spec = { ...podSpec(signed.tagged), ...beside(unsigned.tagged) };
    expect(await refusal(gate.api.create(pod(gate.namespace, 'beside', spec)))).toMatchObject(refusedFor(field));
  });

  test('judges a dry run like the real thing', async () => {
    const good = pod(gate.namespace, 'trial', podSpec(signed.tagged));
    const stored = await gate.api.create(good, { dryRun: true });
    expect(valueAt(stored, 'spec.containers[0].image')).toBe(signed.pinned);
    const bad = pod(gate.namespace, 'trial', podSpec(unsigned.tagged));
    expect(await refusal(gate.api.create(bad, { dryRun: true }))).toMatchObject(refusedFor('spec.containers[0].image'));
  });

  describe('the decision log', () => {
    const audit = (...args: readonly string[]): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, [program, 'audit', ...args, '--decision-log', gate.webhook.decisionLog], {
        encoding: 'utf8',
      });

    test('is whole', () => {
      expect(audit('verify')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^intact /) });
    });

    test('has a refusal of every kind, with its code', () => {
      const { status, stdout } = audit('list', '--code', 'SIGNATURE_MISSING', '--limit', '1000', '--output', 'json');
      expect(status).toBe(0);
      const records: readonly { readonly kind: string; readonly namespace: string }[] = JSON.parse(stdout);
      const kinds = [...workloads.map(({ kind }) => kind), 'Pod/ephemeralcontainers'];
      expect(new Set(records.map(({ kind }) => kind))).toEqual(new Set(kinds));
      expect(new Set(records.map(({ namespace }) => namespace))).toEqual(new Set([gate.namespace]));
    });
  });
});

function literal(text: string): string {
  return text.replaceAll(/[.[\]]/g, '\\$&');
}
