import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Phase } from '../../src/admission/review.ts';
import { CodedError, failure, type FailureCode } from '../../src/kernel/failure.ts';
import { fail, ok } from '../../src/kernel/result.ts';
import {
  Bench,
  byKey,
  deployments,
  digestFor,
  everythingSigned,
  held,
  fails,
  passes,
  pinned,
  podOf,
  policy,
  reviewOf,
  signed,
  snapshotOf,
  unreachable,
  unsigned,
  type World,
} from './bench.ts';
import { reviewedKinds as kinds, objectWith, reviewedPlaces as places } from './places.ts';
import { noPolicyCode } from '../fakes/policy-code.ts';

const app = pinned('a.example/app', '1');
const web = pinned('a.example/web');
const noDigest = fail(failure('REGISTRY_UNREACHABLE', 'a.example does not answer', 7));
const noContract = async () => ok(undefined);
const phases: readonly Phase[] = ['mutate', 'validate'];

async function validate(world: World, ...images: readonly unknown[]) {
  const bench = new Bench(world);
  const { response, reviewed } = await bench.review('validate', reviewOf(podOf(...images)));
  return { bench, response, reviewed };
}

/** A refusal for this one reason, whatever its words. */
function refusedFor(code: FailureCode, status: number) {
  return { allowed: false, status: { code: status, details: { causes: [{ reason: code }] } } };
}

describe('an image', () => {
  test.each(places)('with a signature is admitted at $kind.$group/$version $field', async (place) => {
    const bench = new Bench();
    const object = await held(objectWith({ [place.field]: app }), place);
    const { response } = await bench.review('validate', reviewOf(object, place));

    expect(response).toMatchObject({ uid: 'uid-1', allowed: true });
    expect(bench.asked.map(({ image }) => image)).toStrictEqual([
      { registry: 'a.example', repository: 'app', digest: digestFor('a.example/app') },
    ]);
  });

  test.each(places)('without one is refused at $kind.$group/$version $field', async (place) => {
    const bench = new Bench({ facts: () => unsigned });
    const { response } = await bench.review('validate', reviewOf(objectWith({ [place.field]: app }), place));

    expect(response).toMatchObject(refusedFor('SIGNATURE_MISSING', 403));
    expect(response.status?.details.causes[0]?.field).toBe(place.field);
  });

  test.each(places)('that has no digest yet is refused at $kind.$group/$version $field', async (place) => {
    const bench = new Bench();
    const { response } = await bench.review(
      'validate',
      reviewOf(objectWith({ [place.field]: 'a.example/app:1' }), place),
    );

    expect(response).toMatchObject(refusedFor('IMAGE_NOT_PINNED', 403));
    expect(bench.asked).toStrictEqual([]);
  });

  test.each<[string, unknown, FailureCode]>([
    ['is no name', 'a.example//app', 'IMAGE_REFERENCE_INVALID'],
    ['is empty', '', 'IMAGE_MISSING'],
    ['is missing', undefined, 'IMAGE_MISSING'],
    ['is a number', 7, 'IMAGE_MISSING'],
    ['is a list', [app], 'IMAGE_MISSING'],
    ['is a parameter outside of Tekton', '$(params.image)', 'IMAGE_REFERENCE_INVALID'],
    ['is endless', `a.example/${'a'.repeat(100_000)}`, 'IMAGE_REFERENCE_INVALID'],
    ['has another digest algorithm', `a.example/app@sha512:${'0'.repeat(128)}`, 'IMAGE_REFERENCE_INVALID'],
  ])('that %s is refused', async (_title, image, code) => {
    const { response } = await validate({}, app, image);

    expect(response).toMatchObject(refusedFor(code, 403));
  });

  test('in eight containers is one question', async () => {
    const { bench, response } = await validate({}, ...Array.from({ length: 8 }, () => app));

    expect(response.allowed).toBe(true);
    expect(bench.asked).toHaveLength(1);
  });

  test('is judged on behalf of the Pod that comes of it', async () => {
    const bench = new Bench();
    const spec = { serviceAccountName: 'builder', imagePullSecrets: [{ name: 'one' }], containers: [{ image: app }] };
    await bench.review('validate', reviewOf({ spec: { template: { spec } } }, deployments));

    expect(bench.workloads).toStrictEqual([{ namespace: 'team', serviceAccount: 'builder', pullSecrets: ['one'] }]);
  });

  test('that is not pinned because it does not exist is refused for that', async () => {
    const resolve = () => fail(failure('IMAGE_NOT_FOUND', 'a.example/app has no tag 1'));
    const { response } = await validate({ resolve }, 'a.example/app:1');

    expect(response).toMatchObject(refusedFor('IMAGE_NOT_FOUND', 403));
  });
});

describe('policies', () => {
  const labelled = { labels: { tier: 'web' } };

  test.each<[string, World, boolean]>([
    [
      'all of those that match must pass',
      {
        policies: snapshotOf([
          policy('a', '**', { authorities: [passes] }),
          policy('b', '**', { authorities: [fails] }),
        ]),
      },
      false,
    ],
    [
      'one authority of each is enough',
      { policies: snapshotOf([policy('a', '**', { authorities: [fails, byKey] })]) },
      true,
    ],
    [
      'one that does not match says nothing',
      {
        policies: snapshotOf([
          policy('a', '**', { authorities: [passes] }),
          policy('b', 'b.example/**', { authorities: [fails] }),
        ]),
      },
      true,
    ],
    ['none is a refusal', { policies: snapshotOf([]) }, false],
    ['none is an admission where that is set', { policies: snapshotOf([], 'allow') }, true],
    [
      'one that is not ready refuses',
      { policies: snapshotOf([policy('a', '**', { authorities: [passes], notReady: ['no key'] })]) },
      false,
    ],
    [
      'one that is not ready refuses even where it only warns',
      { policies: snapshotOf([policy('a', '**', { mode: 'warn', notReady: ['no key'] })]) },
      false,
    ],
    [
      'one for another kind says nothing',
      { policies: snapshotOf([policy('a', '**', { match: [{ group: 'batch', resource: 'jobs', version: 'v1' }] })]) },
      false,
    ],
    [
      'one for other labels says nothing',
      {
        policies: snapshotOf([
          policy('a', '**', {
            match: [
              { resource: 'pods', version: 'v1', selector: { matchLabels: labelled.labels, matchExpressions: [] } },
            ],
          }),
        ]),
      },
      false,
    ],
  ])('%s', async (_title, world, allowed) => {
    expect((await validate(world, app)).response.allowed).toBe(allowed);
  });

  test('that look at labels see those of the object', async () => {
    const selector = { matchLabels: { tier: 'web' }, matchExpressions: [] };
    const policies = snapshotOf([policy('a', '**', { match: [{ resource: 'pods', version: 'v1', selector }] })]);
    const { response } = await new Bench({ policies }).review(
      'validate',
      reviewOf({ ...podOf(app), metadata: labelled }),
    );

    expect(response.allowed).toBe(true);
  });

  test.each<[string, unknown]>([
    ['a list', ['tier']],
    ['a text', 'tier'],
    ['numbers', { tier: 1 }],
    ['objects', { tier: {} }],
  ])('are not asked about labels that are %s', async (_title, labels) => {
    const { response } = await new Bench().review('validate', reviewOf({ ...podOf(app), metadata: { labels } }));

    expect(response).toMatchObject(refusedFor('REQUEST_MALFORMED', 500));
  });

  test('of which nobody has read any yet: the request can be tried again', async () => {
    for (const phase of phases) {
      const bench = new Bench({ policies: 'none yet' });
      const { response } = await bench.review(phase, reviewOf(podOf('a.example/app')));

      expect(response).toMatchObject(refusedFor('POLICIES_UNAVAILABLE', 503));
      expect(response.status?.details.retryAfterSeconds).toBeGreaterThan(0);
    }
  });

  test('that change meanwhile do not change what a request is judged under', async () => {
    let current = everythingSigned;
    const bench = new Bench({
      facts: () => {
        current = snapshotOf([], 'allow');
        return unsigned;
      },
      ports: { policies: { current: () => current, problems: () => [] } },
    });

    const { response } = await bench.review('validate', reviewOf(podOf(app, web)));

    expect(response.allowed).toBe(false);
    expect(bench.decisions).toMatchObject([{ snapshot: everythingSigned.generation }]);
  });
});

describe('warn mode', () => {
  const warns = policy('warns', '**', { mode: 'warn' });

  test('admits with a warning, counted and recorded as such', async () => {
    const { bench, response } = await validate({ policies: snapshotOf([warns]), facts: () => unsigned }, app);

    expect(response).toMatchObject({ allowed: true });
    expect(response.warnings).toHaveLength(1);
    expect(response.warnings?.[0]).toContain('SIGNATURE_MISSING');
    expect(bench.decisions).toMatchObject([
      { verdict: 'warn', reasons: [{ code: 'SIGNATURE_MISSING', policy: 'warns', field: 'spec.containers[0].image' }] },
    ]);
    expect(bench.counted).toStrictEqual(['validate warn Pod']);
  });

  test('softens its own policy only', async () => {
    const policies = snapshotOf([warns, policy('enforces', '**')]);
    const { bench, response } = await validate({ policies, facts: () => unsigned }, app);

    expect(response).toMatchObject(refusedFor('SIGNATURE_MISSING', 403));
    expect(response.warnings).toHaveLength(1);
    expect(bench.decisions[0]?.reasons).toMatchObject([{ policy: 'enforces' }]);
  });

  test('says nothing when all is well', async () => {
    const { response } = await validate({ policies: snapshotOf([warns]) }, app);

    expect(response).not.toHaveProperty('warnings');
  });

  test('for what no policy matches', async () => {
    const { response } = await validate({ policies: snapshotOf([], 'warn') }, 'a.example/app:1');

    expect(response.allowed).toBe(true);
    expect(response.warnings?.[0]).toContain('NO_MATCHING_POLICY');
  });

  test('does not make an image name of what is none', async () => {
    const { response } = await validate({ policies: snapshotOf([warns], 'warn') }, 'a.example//app');

    expect(response).toMatchObject(refusedFor('IMAGE_REFERENCE_INVALID', 403));
  });
});

describe('several violations', () => {
  test('are all told, each with its code and field', async () => {
    const facts = ({ repository }: { repository: string }) => (repository === 'web' ? unsigned : signed);
    const { response } = await validate({ facts }, app, web, 'a.example/app:1', 'NO NAME', '');

    expect(response.status?.details.causes).toStrictEqual([
      { reason: 'SIGNATURE_MISSING', field: 'spec.containers[1].image' },
      { reason: 'IMAGE_NOT_PINNED', field: 'spec.containers[2].image' },
      { reason: 'IMAGE_REFERENCE_INVALID', field: 'spec.containers[3].image' },
      { reason: 'IMAGE_MISSING', field: 'spec.containers[4].image' },
    ]);
  });

  test('of one image in several policies name each policy', async () => {
    const policies = snapshotOf([policy('one', '**'), policy('two', '**', { authorities: [fails] })]);
    const { bench } = await validate({ policies, facts: () => unsigned }, app);

    expect(bench.decisions[0]?.reasons.map(({ code, policy: of }) => `${of} ${code}`)).toStrictEqual([
      'one SIGNATURE_MISSING',
      'two STATIC_FAIL',
    ]);
  });
});

describe('when it cannot be established', () => {
  test('the answer is 503 and when to try again, counted apart from refusals', async () => {
    const { bench, response } = await validate({ facts: () => unreachable }, app);

    expect(response).toMatchObject(refusedFor('REGISTRY_UNREACHABLE', 503));
    expect(response.status?.details.retryAfterSeconds).toBe(7);
    expect(bench.counted).toStrictEqual(['validate unavailable Pod', 'REGISTRY_UNREACHABLE everything-signed']);
    expect(bench.decisions).toMatchObject([{ verdict: 'unavailable', reasons: [{ code: 'REGISTRY_UNREACHABLE' }] }]);
  });

  test('of an image that is not pinned, the reason is that and not the missing digest', async () => {
    const { response } = await validate({ resolve: () => noDigest }, 'a.example/app:1');

    expect(response).toMatchObject(refusedFor('REGISTRY_UNREACHABLE', 503));
  });

  test('but another image is refused for good, trying again is of no use', async () => {
    const facts = ({ repository }: { repository: string }) => (repository === 'web' ? unsigned : unreachable);
    const { response } = await validate({ facts }, app, web);

    expect(response.status).toMatchObject({
      code: 403,
      details: { causes: [{ reason: 'SIGNATURE_MISSING' }, { reason: 'REGISTRY_UNREACHABLE' }] },
    });
  });

  test('an answer that was not given is a refusal', async () => {
    const evidence = {
      resolveTag: async () => noDigest,
      answer: async () => new Map(),
      contract: noContract,
      ...noPolicyCode,
    };
    const { response } = await validate({ ports: { evidence } }, app);

    expect(response).toMatchObject(refusedFor('INTERNAL', 500));
  });

  test('an answer to another question is none', async () => {
    const answer = async () => new Map([['another', signed]]);
    const evidence = { resolveTag: async () => noDigest, answer, contract: noContract, ...noPolicyCode };
    const { response } = await validate({ ports: { evidence } }, app);

    expect(response.allowed).toBe(false);
  });
});

describe('something breaks', () => {
  const broken = (): never => {
    throw new Error('a secret detail');
  };

  test.each<[string, World]>([
    [
      'evidence, at once',
      { ports: { evidence: { answer: broken, resolveTag: broken, contract: broken, ...noPolicyCode } } },
    ],
    ['evidence, later', { facts: async () => sleep(1).then(broken) }],
    ['the policies', { policies: 'broken' }],
    ['the clock', { ports: { clock: { now: broken } } }],
    ['the maker of ids', { ports: { newId: broken } }],
  ])('%s: a refusal that tells nobody why, and a log line that does', async (_title, world) => {
    const { bench, response, reviewed } = await validate(world, app);

    expect(response).toMatchObject(refusedFor('INTERNAL', 500));
    expect(reviewed.body).not.toContain('secret detail');
    expect(response.status?.message).toMatch(/\[request (?:id-1|none)\]$/);
    expect(bench.decisions).toMatchObject([{ verdict: 'error' }]);
  });

  test('while pinning: a refusal too', async () => {
    const bench = new Bench({ resolve: broken });
    const { response } = await bench.review('mutate', reviewOf(podOf('a.example/app')));

    expect(response).toMatchObject(refusedFor('INTERNAL', 500));
    expect(bench.logged).toMatchObject([
      { level: 'error', fields: { correlationId: 'id-1', err: new Error('a secret detail') } },
      { level: 'info' },
    ]);
  });

  test('with a code of its own: that code', async () => {
    const facts = () => {
      throw new CodedError(failure('TRUST_ROOT_UNAVAILABLE', 'the trust root cannot be read', 30));
    };
    const { response } = await validate({ facts }, app);

    expect(response).toMatchObject(refusedFor('TRUST_ROOT_UNAVAILABLE', 503));
  });

  test('counters and log lines change nothing', async () => {
    const metrics = { admission: broken, refusal: broken, decisionLogFailure: broken };
    const log = { info: broken, warn: broken, error: broken };

    expect((await validate({ ports: { metrics, log } }, app)).response.allowed).toBe(true);
    expect((await validate({ ports: { metrics, log }, facts: () => unsigned }, app)).response.allowed).toBe(false);
    expect((await validate({ ports: { metrics, log }, facts: broken }, app)).response.allowed).toBe(false);
  });
});

describe('the deadline', () => {
  const never = new Promise<never>(() => undefined);

  test('is the end of waiting, for whatever does not answer', async () => {
    for (const world of [
      { facts: async () => never },
      {
        ports: {
          evidence: {
            answer: async () => never,
            resolveTag: async () => never,
            contract: async () => never,
            ...noPolicyCode,
          },
        },
      },
    ]) {
      const bench = new Bench(world);
      const { response } = await bench.review('validate', reviewOf(podOf(app)), AbortSignal.timeout(20));

      expect(response).toMatchObject(refusedFor('DEADLINE_EXCEEDED', 503));
      expect(response.status?.details.retryAfterSeconds).toBeGreaterThan(0);
      expect(bench.decisions).toMatchObject([{ verdict: 'unavailable' }]);
    }
  });

  test('is the end of pinning, and what is not pinned is not let through', async () => {
    const bench = new Bench({ resolve: async () => never });
    const { response } = await bench.review('mutate', reviewOf(podOf('a.example/app')), AbortSignal.timeout(20));

    expect(response).toMatchObject(refusedFor('DEADLINE_EXCEEDED', 503));
  });

  test('leaves time to say what was found by then', async () => {
    const facts = async (image: { repository: string }, signal: AbortSignal) => {
      if (image.repository === 'web') return unsigned;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return fail(failure('REGISTRY_TIMEOUT', 'a.example did not answer in time', 2));
    };
    const bench = new Bench({ facts });
    const { response } = await bench.review('validate', reviewOf(podOf(app, web)), AbortSignal.timeout(20));

    expect(response.status?.details.causes).toMatchObject([
      { reason: 'SIGNATURE_MISSING' },
      { reason: 'REGISTRY_TIMEOUT' },
    ]);
  });

  test('that has passed already is no admission', async () => {
    const bench = new Bench({ facts: async (_image, signal) => (signal.aborted ? unreachable : signed) });
    const { response } = await bench.review('validate', reviewOf(podOf(app)), AbortSignal.abort());

    expect(response.allowed).toBe(false);
  });

  test('that has passed already is not waited for either', async () => {
    const bench = new Bench({ facts: async () => never });
    const { response } = await bench.review('validate', reviewOf(podOf(app)), AbortSignal.abort());

    expect(response).toMatchObject(refusedFor('DEADLINE_EXCEEDED', 503));
  });

  test('does not hold for what needs no answer of anybody', async () => {
    const bench = new Bench({ policies: snapshotOf([policy('p', '**', { authorities: [passes] })]) });
    const { response } = await bench.review('validate', reviewOf(podOf(app)), AbortSignal.abort());

    expect(response.allowed).toBe(true);
  });
});

describe('the decision log', () => {
  const full = async () => fail(failure('DECISION_LOG_UNAVAILABLE', 'the disk is full', 5));
  const breaks = async () => {
    throw new Error('a secret detail');
  };

  test.each([
    ['is full', full],
    ['breaks', breaks],
  ])('that %s: nothing is decided unrecorded', async (_title, append) => {
    const { bench, response, reviewed } = await validate({ append }, app);

    expect(response).toMatchObject(refusedFor('DECISION_LOG_UNAVAILABLE', 503));
    expect(response.status?.details.retryAfterSeconds).toBe(5);
    expect(reviewed.body).not.toContain('secret detail');
    expect(bench.counted).toStrictEqual([
      'decision log failure',
      'validate unavailable Pod',
      'DECISION_LOG_UNAVAILABLE',
    ]);
    expect(bench.logged.map(({ message }) => message)).toContain('decision not recorded');
  });

  test.each([
    ['is full', full],
    ['breaks', breaks],
  ])('that %s: the decision stands where that is set, and is counted as unrecorded', async (_title, append) => {
    const settings = { onDecisionLogFailure: 'admit' } as const;
    const admitted = await validate({ append, settings }, app);
    const refused = await validate({ append, settings, facts: () => unsigned }, app);

    expect(admitted.response.allowed).toBe(true);
    expect(refused.response).toMatchObject(refusedFor('SIGNATURE_MISSING', 403));
    expect(admitted.bench.counted).toStrictEqual(['decision log failure', 'validate admit Pod']);
  });

  test('that is slow is waited for before anything is answered', async () => {
    let recorded = false;
    const append = async () => {
      await sleep(30);
      recorded = true;
      return ok(undefined);
    };
    const { response } = await validate({ append }, app);

    expect({ recorded, allowed: response.allowed }).toStrictEqual({ recorded: true, allowed: true });
  });

  test('that never answers is not waited for', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const append = async () => new Promise<never>(() => undefined);
    const answered = validate({ append }, app);
    await vi.advanceTimersByTimeAsync(2_000);
    const { response } = await answered;

    expect(response).toMatchObject(refusedFor('DECISION_LOG_UNAVAILABLE', 503));
  });

  test.each<[string, unknown, object]>([
    [
      'an admission',
      reviewOf(podOf(app)),
      {
        verdict: 'admit',
        kind: 'Pod',
        images: [
          {
            field: 'spec.containers[0].image',
            image: app,
            digest: digestFor('a.example/app'),
            policies: ['everything-signed'],
          },
        ],
      },
    ],
    ['a refusal', reviewOf(podOf('a.example/app')), { verdict: 'refuse', reasons: [{ code: 'IMAGE_NOT_PINNED' }] }],
    ['a dry run', reviewOf(podOf(app), undefined, { dryRun: true }), { dryRun: true }],
    ['what was skipped', reviewOf(null, undefined, { operation: 'DELETE' }), { verdict: 'skip', operation: 'DELETE' }],
    [
      'a subresource',
      reviewOf(podOf(app), undefined, { subResource: 'ephemeralcontainers' }),
      { kind: 'Pod/ephemeralcontainers' },
    ],
    [
      'a name yet to be given',
      reviewOf({ ...podOf(app), metadata: { generateName: 'app-' } }, undefined, { name: '' }),
      { name: 'app-' },
    ],
    ['who asked', reviewOf(podOf(app)), { user: 'somebody', namespace: 'team', name: 'app', uid: 'uid-1' }],
    [
      'what makes no sense',
      { request: { uid: 'uid-2' } },
      { verdict: 'error', uid: 'uid-2', reasons: [{ code: 'REQUEST_MALFORMED' }] },
    ],
    ['what is nothing', null, { verdict: 'error', uid: '' }],
  ])('has exactly one record of %s', async (_title, body, record) => {
    const bench = new Bench();
    const { reviewed } = await bench.review('validate', body);

    expect(bench.decisions).toHaveLength(1);
    expect(bench.decisions[0]).toMatchObject({ v: 1, correlationId: 'id-1', phase: 'validate', ...record });
    expect(bench.decisions[0]).toStrictEqual(reviewed.decision);
  });

  test('has exactly one record of bytes that are no JSON', async () => {
    const bench = new Bench();
    const { response, reviewed } = await bench.reviewBytes('validate', '{"request":');

    expect(response).toMatchObject(refusedFor('REQUEST_MALFORMED', 500));
    expect(reviewed.httpStatus).toBe(400);
    expect(bench.decisions).toHaveLength(1);
  });

  test('has exactly one record of what nobody read, with its uid where it is known', async () => {
    const bench = new Bench();
    const overloaded = failure('OVERLOADED', 'too many requests', 1);
    const known = await bench.refuseUnread('validate', overloaded, Buffer.from(JSON.stringify(reviewOf(podOf(app)))));
    const unknown = await bench.refuseUnread('validate', overloaded);
    const nonsense = await bench.refuseUnread('validate', overloaded, Buffer.from('{'));

    expect(
      [known, unknown, nonsense].map(({ response, reviewed }) => [response.uid, reviewed.httpStatus]),
    ).toStrictEqual([
      ['uid-1', 200],
      ['', 503],
      ['', 503],
    ]);
    expect(bench.decisions.map(({ verdict }) => verdict)).toStrictEqual(['unavailable', 'unavailable', 'unavailable']);
  });

  test('does not grow with what somebody sends', async () => {
    const long = 'x'.repeat(1_000);
    const body = reviewOf(podOf(...Array.from({ length: 500 }, () => '')), undefined, {
      name: long,
      userInfo: { username: long },
    });
    const bench = new Bench();
    await bench.review('validate', body);

    expect(JSON.stringify(bench.decisions).length).toBeLessThan(5_000);
  });
});

describe('Tekton parameters', () => {
  const taskRuns = { group: 'tekton.dev', version: 'v1', resource: 'taskruns', kind: 'TaskRun' };
  const taskRun = (...images: readonly string[]) => ({
    spec: { taskSpec: { steps: images.map((image) => ({ image })) } },
  });

  test('are said to be judged later, and recorded so', async () => {
    const bench = new Bench();
    const { response } = await bench.review('validate', reviewOf(taskRun('$(params.image)', app), taskRuns));

    expect(response.allowed).toBe(true);
    expect(response.warnings?.[0]).toContain(
      'spec.taskSpec.steps[0].image "$(params.image)" is judged when its Pod is created',
    );
    expect(bench.decisions[0]?.images).toMatchObject([
      { field: 'spec.taskSpec.steps[1].image', policies: ['everything-signed'] },
      { field: 'spec.taskSpec.steps[0].image', deferred: true },
    ]);
  });

  test('save no other image from being judged', async () => {
    const bench = new Bench({ facts: () => unsigned });
    const { response } = await bench.review('validate', reviewOf(taskRun('$(params.image)', app), taskRuns));

    expect(response).toMatchObject(refusedFor('SIGNATURE_MISSING', 403));
  });

  test('are worth nothing in the Pod that comes of it', async () => {
    expect((await validate({}, '$(params.image)')).response.allowed).toBe(false);
  });
});

describe('a ReplicaSet that has an owner', () => {
  const replicaSets = { group: 'apps', version: 'v1', resource: 'replicasets', kind: 'ReplicaSet' };
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd-1', controller: true };
  const replicaSet = (ownerReferences: unknown, ...images: readonly string[]) => ({
    metadata: { name: 'web-1', ownerReferences },
    spec: { template: podOf(...images) },
  });

  test('keeps its tags: with others than its Deployment has there would be one ReplicaSet after the other', async () => {
    const bench = new Bench();
    const { response } = await bench.review('mutate', reviewOf(replicaSet([owner], 'a.example/app:1'), replicaSets));

    expect(response.allowed).toBe(true);
    expect(response).not.toHaveProperty('patch');
    expect(bench.resolved).toStrictEqual([]);
    expect(bench.decisions).toMatchObject([{ verdict: 'skip', skipped: 'deferred-to-pod' }]);
  });

  test('leaves tags to its Pods, and says so', async () => {
    const bench = new Bench();
    const { response } = await bench.review(
      'validate',
      reviewOf(replicaSet([owner], 'a.example/app:1', web), replicaSets),
    );

    expect(response.allowed).toBe(true);
    expect(response.warnings).toStrictEqual([
      'spec.template.spec.containers[0].image "a.example/app:1" is judged when its Pod is created',
    ]);
    expect(bench.decisions[0]?.images).toMatchObject([{ image: web }, { image: 'a.example/app:1', deferred: true }]);
  });

  test.each<[string, World, string, FailureCode]>([
    ['with a digest', { facts: () => unsigned }, app, 'SIGNATURE_MISSING'],
    ['that is no name', {}, 'a.example//app', 'IMAGE_REFERENCE_INVALID'],
    ['that is missing', {}, '', 'IMAGE_MISSING'],
    ['that no policy matches', { policies: snapshotOf([]) }, 'a.example/app:1', 'NO_MATCHING_POLICY'],
    [
      'that fails whatever its digest is',
      { policies: snapshotOf([policy('p', '**', { authorities: [fails] })]) },
      'a.example/app:1',
      'STATIC_FAIL',
    ],
  ])('is refused for an image %s', async (_title, world, image, code) => {
    const { response } = await new Bench(world).review('validate', reviewOf(replicaSet([owner], image), replicaSets));

    expect(response).toMatchObject(refusedFor(code, 403));
  });

  test.each<[string, unknown]>([
    ['nobody', undefined],
    ['somebody who does not control it', [{ ...owner, controller: false }]],
    ['something that is no owner', [null, 'web', { controller: 'true' }]],
    ['something that is no list', owner],
  ])('is judged as any other when it is owned by %s', async (_title, owners) => {
    const bench = new Bench();
    const mutated = await bench.review('mutate', reviewOf(replicaSet(owners, 'a.example/app:1'), replicaSets));
    const { response } = await bench.review('validate', reviewOf(replicaSet(owners, 'a.example/app:1'), replicaSets));

    expect(mutated.response).toHaveProperty('patch');
    expect(response).toMatchObject(refusedFor('IMAGE_NOT_PINNED', 403));
  });

  test.each(kinds.filter(({ resource }) => resource !== 'replicasets'))(
    'is the only kind to which that applies: not $kind of $group',
    async (kind) => {
      const [field = ''] = kind.places;
      const object = { ...objectWith({ [field]: 'a.example/app:1' }), metadata: { ownerReferences: [owner] } };
      const of = { ...kind, version: kind.versions[0] ?? '' };

      expect((await new Bench().review('mutate', reviewOf(object, of))).response).toHaveProperty('patch');
      expect((await new Bench().review('validate', reviewOf(object, of))).response.allowed).toBe(false);
    },
  );
});

describe('a lot at once', () => {
  test('a thousand containers of a few images are as many questions as images', async () => {
    const images = Array.from({ length: 1_000 }, (_, index) => pinned(`a.example/app-${index % 10}`));
    const { bench, response } = await validate({}, ...images);

    expect(response.allowed).toBe(true);
    expect(bench.asked).toHaveLength(10);
    expect(JSON.stringify(bench.decisions).length).toBeLessThan(10_000);
  });

  test('a thousand different images are refused without asking', async () => {
    const images = Array.from({ length: 1_000 }, (_, index) => pinned(`a.example/app-${index}`));
    const { bench, response } = await validate({}, ...images);

    expect(response).toMatchObject(refusedFor('REQUEST_TOO_LARGE', 500));
    expect(bench.asked).toStrictEqual([]);
  });

  test('no more than eight images of one object are asked about at a time', async () => {
    let [now, most] = [0, 0];
    const facts = async () => {
      now += 1;
      most = Math.max(most, now);
      await sleep(1);
      now -= 1;
      return signed;
    };
    const { response } = await validate(
      { facts },
      ...Array.from({ length: 100 }, (_, index) => pinned(`a.example/app-${index}`)),
    );

    expect({ allowed: response.allowed, most }).toStrictEqual({ allowed: true, most: 8 });
  });
});

test('kinds are judged the same after they were pinned here', async () => {
  for (const kind of kinds) {
    const of = { ...kind, version: kind.versions[0] ?? '' };
    const object = objectWith(
      Object.fromEntries(kind.places.map((field) => [field, pinned('a.example/app', 'latest')])),
    );
    const bench = new Bench();

    expect((await bench.review('validate', reviewOf(await held(object, of), of))).response.allowed).toBe(true);
    expect(bench.asked).toHaveLength(1);
  }
});
