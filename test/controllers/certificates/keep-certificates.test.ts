import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  certificateSchedule,
  keepCertificates,
  type KeptCertificates,
} from '../../../src/controllers/certificates/keep-certificates.ts';
import { failure } from '../../../src/kernel/failure.ts';
import type { PatchOperation } from '../../../src/kernel/json-patch.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import type {
  CertificateChange,
  CertificateStore,
  SharedCertificates,
  StoredCertificates,
} from '../../../src/ports/certificate-store.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import type { WebhookConfigurations } from '../../../src/ports/webhook-configurations.ts';

const day = 24 * 3600 * 1000;
const start = Date.parse('2026-03-01T00:00:00Z');
const service = { namespace: 'countersign-system', name: 'countersign', port: 443 };
const outage = failure('CLUSTER_UNAVAILABLE', 'cannot ask: it does not answer in time', 5);
const bundle = (text: string): string => Buffer.from(text).toString('base64');

function shared(version: string, ...ids: readonly string[]): SharedCertificates {
  const validity = { notBefore: start - day, notAfter: start + 365 * day };
  const serving = { ...validity, id: 's', cert: 's', key: 'k', issuer: ids[0] ?? '', missingNames: [] };
  const authorities = ids.map((id) => ({ ...validity, id, cert: `${id}\n` }));
  return {
    kind: 'shared',
    version,
    authorities,
    authorityKey: 'k',
    serving: { ...serving, notAfter: start + 90 * day },
  };
}

/** Everything around a keeper, to be changed by tests. */
interface World {
  stored: StoredCertificates;
  inUse: SharedCertificates;
  isLeader: boolean;
  isAway: boolean;
  serverTime: number;
  /** Of the validating configuration, as the API server has it; undefined: there is none. */
  webhook: Record<string, unknown> | undefined;
  readonly changes: CertificateChange[];
  readonly patches: PatchOperation[];
  readonly events: ClusterEvent[];
  readonly logged: string[];
  readonly rounds: number[];
}

let world: World;
let kept: KeptCertificates;

beforeEach(() => {
  world = {
    stored: shared('1', 'a'),
    inUse: shared('1', 'a'),
    isLeader: true,
    isAway: false,
    serverTime: start,
    webhook: inOrder(bundle('a\n')),
    changes: [],
    patches: [],
    events: [],
    logged: [],
    rounds: [],
  };
});
afterEach(() => kept.close());

function inOrder(caBundle?: string): Record<string, unknown> {
  const own = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'countersign-system'] };
  return {
    name: 'validate.countersign.dev',
    clientConfig: { service: { ...service, path: '/validate' }, ...(caBundle === undefined ? {} : { caBundle }) },
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    timeoutSeconds: 10,
    namespaceSelector: { matchExpressions: [own] },
    rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }],
  };
}

const store: CertificateStore = {
  read: () => {
    world.rounds.push(1);
    return Promise.resolve(world.isAway ? fail(outage) : ok({ stored: world.stored, serverTime: world.serverTime }));
  },
  apply: (_, change) => {
    world.changes.push(change);
    return Promise.resolve(ok(true));
  },
};

const configurations: WebhookConfigurations = {
  read: () => {
    const name = { kind: 'ValidatingWebhookConfiguration', name: 'countersign' } as const;
    const found = { ...name, version: '5', uid: 'u', document: { webhooks: [world.webhook] } };
    return Promise.resolve(ok(world.webhook === undefined ? [] : [found]));
  },
  patch: (_, operations) => {
    world.patches.push(...operations);
    return Promise.resolve(ok(true));
  },
};

async function keep(): Promise<void> {
  const source = {
    shared: () => world.inUse,
    look: () => {
      if (world.stored.kind === 'shared') world.inUse = world.stored;
      return Promise.resolve();
    },
    onChange: () => () => undefined,
  };
  const log = {
    info: () => undefined,
    warn: (fields: Readonly<Record<string, unknown>>) => world.logged.push(String(fields['reason'])),
    error: () => undefined,
  };
  kept = keepCertificates(
    {
      configurations,
      leadership: { isLeader: () => world.isLeader, onChange: () => () => undefined },
      events: { tell: (event) => world.events.push(event) },
      clock: { now: () => new Date(start) },
      log,
    },
    { service, heal: 'connection', checkMs: 60_000 },
    { store, source, rotation: certificateSchedule(90 * day).rotation },
  );
  await kept.check();
}

describe('what is in order', () => {
  test('is left alone, without a word', async () => {
    await keep();
    expect({ ...world, warnings: kept.warnings() }).toMatchObject({ changes: [], patches: [], events: [], logged: [] });
    expect(kept.warnings()).toEqual([]);
  });

  test('is looked at once for several that ask', async () => {
    await keep();
    const before = world.rounds.length;
    await Promise.all([kept.check(), kept.check(), kept.check()]);
    expect(world.rounds.length - before).toBe(1);
  });
});

describe('a replica that does not lead', () => {
  beforeEach(() => {
    world.isLeader = false;
  });

  test('fills a caBundle that is empty', async () => {
    world.webhook = inOrder();
    await keep();
    expect(world.patches).toContainEqual({
      op: 'add',
      path: '/webhooks/0/clientConfig/caBundle',
      value: bundle('a\n'),
    });
  });

  test.each<[string, () => void]>([
    ['a caBundle of another', () => (world.webhook = inOrder(bundle('x')))],
    [
      'an empty one and another Service',
      () => (world.webhook = { ...inOrder(), clientConfig: { service: { ...service, name: 'x' } } }),
    ],
    ['a Secret that is gone', () => (world.stored = { kind: 'absent' })],
    ['a serving certificate that ends', () => (world.serverTime = start + 80 * day)],
  ])('writes nothing for %s', async (_, happens) => {
    happens();
    await keep();
    expect(world.changes).toEqual([]);
    expect(world.patches).toEqual([]);
  });

  test('says all the same what is wrong, but leaves the Events to the leader', async () => {
    world.webhook = { ...inOrder(bundle('a\n')), failurePolicy: 'Ignore' };
    await keep();
    expect(kept.warnings()).toEqual([expect.stringContaining('failurePolicy')]);
    expect(world.events).toEqual([]);
    world.isLeader = true;
    await kept.check();
    expect(world.events).toHaveLength(1);
  });
});

describe('the leader', () => {
  test('publishes what is stored, not what it has read earlier', async () => {
    world.stored = shared('2', 'a', 'b');
    await keep();
    expect(world.patches).toMatchObject([{ value: bundle('a\nb\n') }]);
  });

  test('takes a caBundle of yesterday for no edit, and one with a stranger in it for one', async () => {
    await keep();
    world.stored = shared('2', 'a', 'b');
    await kept.check();
    expect(world.patches).toHaveLength(1);
    expect(world.events).toEqual([]);
    world.webhook = inOrder(bundle('a\nstranger\n'));
    await kept.check();
    expect(world.patches).toHaveLength(2);
    expect(world.events).toMatchObject([{ reason: 'WebhookPutRight' }]);
  });

  test('writes no caBundle while it cannot read the Secret', async () => {
    world.isAway = true;
    world.webhook = inOrder(bundle('a\nb\n'));
    await keep();
    expect(world.patches).toEqual([]);
    expect(kept.warnings()).toContain(outage.message);
  });

  test("renews by the API server's clock, and says that its own differs", async () => {
    world.serverTime = start + 70 * day;
    await keep();
    expect(world.changes).toContainEqual({ kind: 'issue serving' });
    expect(kept.warnings()).toEqual([expect.stringContaining(`differ by ${70 * 24 * 3600} s`)]);
  });

  test('does not use a new authority before it was published', async () => {
    world.stored = shared('2', 'a', 'b');
    await keep();
    await kept.check();
    expect(world.changes).toEqual([]);
  });

  test('leaves a Secret of somebody else alone', async () => {
    world.stored = { kind: 'foreign', why: 'no label' };
    await keep();
    expect(world.changes).toEqual([]);
  });

  test('keeps what is presented when the Secret is damaged', async () => {
    world.stored = { kind: 'damaged', version: '3', why: 'garbage' };
    await keep();
    expect(world.changes).toContainEqual({ kind: 'start over', keep: shared('1', 'a') });
  });

  test('tells what is weaker once, and again when it comes back', async () => {
    const weak = { ...inOrder(bundle('a\n')), failurePolicy: 'Ignore' };
    world.webhook = weak;
    await keep();
    await kept.check();
    expect(world.events).toMatchObject([{ type: 'Warning', reason: 'WebhookWeakened', about: { uid: 'u' } }]);
    expect(world.logged).toHaveLength(1);
    world.webhook = inOrder(bundle('a\n'));
    await kept.check();
    world.webhook = weak;
    await kept.check();
    expect(world.events).toHaveLength(2);
  });

  test('says that nothing is asked when there is no configuration', async () => {
    world.webhook = undefined;
    await keep();
    expect(kept.warnings()).toEqual([expect.stringContaining('nothing is refused')]);
  });
});

test('a schedule leaves every serving certificate time to end before its authority', () => {
  for (const servingMs of [10_000, 60_000, 90 * day]) {
    const { lifetimes, rotation } = certificateSchedule(servingMs);
    expect(rotation.renewAuthorityMs).toBeGreaterThan(lifetimes.servingMs);
    expect(rotation.settleMs).toBeLessThan(rotation.renewServingMs);
    expect(rotation.settleMs).toBeLessThanOrEqual(60_000);
  }
});
