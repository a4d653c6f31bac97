import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideRotation, type RotationSettings } from '../../../src/controllers/certificates/decide.ts';
import type {
  CertificateChange,
  SharedAuthority,
  SharedCertificates,
  SharedServing,
} from '../../../src/ports/certificate-store.ts';

const settings: RotationSettings = { renewAuthorityMs: 120, renewServingMs: 30, settleMs: 10 };
const now = 1_000;

function authority(id: string, notAfter: number, notBefore = 0): SharedAuthority {
  return { id, cert: id, notBefore, notAfter };
}

function serving(issuer: string, notAfter: number, more: Partial<SharedServing> = {}): SharedServing {
  return { id: `of ${issuer}`, cert: '', key: '', issuer, notBefore: 0, notAfter, missingNames: [], ...more };
}

function shared(authorities: readonly SharedAuthority[], presented: SharedServing): SharedCertificates {
  return { kind: 'shared', version: '1', authorities, authorityKey: 'key', serving: presented };
}

const [a, b] = [authority('a', now + 365), authority('b', now + 730)];
const inOrder = shared([a], serving('a', now + 90));

describe('certificates that fit together', () => {
  test.each<{
    readonly when: string;
    readonly stored: SharedCertificates;
    readonly published?: Readonly<Record<string, number>>;
    readonly change: CertificateChange | undefined;
  }>([
    { when: 'long before any end', stored: inOrder, change: undefined },
    {
      when: 'serving certificate in its last third',
      stored: shared([a], serving('a', now + 29)),
      change: { kind: 'issue serving' },
    },
    {
      when: 'authority in its last third: a new one, published first',
      stored: shared([authority('a', now + 119)], serving('a', now + 90)),
      change: { kind: 'add authority' },
    },
    { when: 'new authority that no caBundle has', stored: shared([a, b], serving('a', now + 90)), change: undefined },
    {
      when: 'new authority that all have, but not for long',
      stored: shared([a, b], serving('a', now + 90)),
      published: { b: 9 },
      change: undefined,
    },
    {
      when: 'new authority that all have had for long enough',
      stored: shared([a, b], serving('a', now + 90)),
      published: { b: 10 },
      change: { kind: 'issue serving' },
    },
    {
      when: 'only the old authority published for long enough',
      stored: shared([a, b], serving('a', now + 20)),
      published: { a: 5_000 },
      change: undefined,
    },
    {
      when: 'old authority not ended: it stays, replicas may still present what it has signed',
      stored: shared([a, b], serving('b', now + 90)),
      published: { b: 5_000 },
      change: undefined,
    },
    {
      when: 'old authority ended',
      stored: shared([authority('a', now), b], serving('b', now + 90)),
      change: { kind: 'drop authorities', ids: ['a'] },
    },
    {
      when: 'serving certificate ended: nothing is left to be careful with',
      stored: shared([a, b], serving('a', now)),
      change: { kind: 'issue serving' },
    },
    {
      when: 'serving certificate of a clock that was ahead',
      stored: shared([a], serving('a', now + 90, { notBefore: now + 1 })),
      change: { kind: 'issue serving' },
    },
    {
      when: 'serving certificate of other names',
      stored: shared([a], serving('a', now + 90, { missingNames: ['countersign.other.svc'] })),
      change: { kind: 'issue serving' },
    },
    {
      when: 'all ended',
      stored: shared([authority('a', now - 1)], serving('a', now - 1)),
      change: { kind: 'start over' },
    },
    {
      when: 'authority of a clock that was ahead',
      stored: shared([authority('a', now + 400, now + 50)], serving('a', now + 90, { notBefore: now + 50 })),
      change: { kind: 'start over' },
    },
  ])('$when', ({ stored, published = {}, change }) => {
    const publishedMs = new Map(Object.entries(published));
    expect(decideRotation({ stored, inUse: inOrder, publishedMs, now }, settings)).toEqual(change);
  });
});

describe('a Secret of no use', () => {
  const nowhere = { publishedMs: new Map<string, number>(), now };

  test('that is not ours is left alone', () => {
    const stored = { kind: 'foreign', why: 'no label' } as const;
    expect(decideRotation({ stored, inUse: inOrder, ...nowhere }, settings)).toBeUndefined();
  });

  test.each([
    { kind: 'absent' } as const,
    { kind: 'damaged', version: '7', why: 'the key does not belong to the certificate' } as const,
  ])('that is $kind gets a new authority, and what is presented goes on being presented', (stored) => {
    expect(decideRotation({ stored, inUse: inOrder, ...nowhere }, settings)).toEqual({
      kind: 'start over',
      keep: inOrder,
    });
  });

  test.each([
    ['has ended', shared([a], serving('a', now))],
    ['lacks a name', shared([a], serving('a', now + 90, { missingNames: ['x'] }))],
    ['was signed by an authority that has ended', shared([authority('a', now)], serving('a', now + 90))],
  ])('starts from nothing when what is presented %s', (_, inUse) => {
    expect(decideRotation({ stored: { kind: 'absent' }, inUse, ...nowhere }, settings)).toEqual({ kind: 'start over' });
  });
});

test('law: what is presented is signed by an authority that is published, through years of rotation', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 100, maxLength: 200 }), (steps) => {
      let time = 0;
      let made = 0;
      let state = shared([authority('0', 365, 0)], serving('0', 90));
      const publishedAt = new Map([['0', 0]]);
      for (const step of steps) {
        const publishedMs = new Map([...publishedAt].map(([id, at]) => [id, time - at]));
        const change = decideRotation({ stored: state, inUse: state, publishedMs, now: time }, settings);
        if (change?.kind === 'add authority') publishedAt.set(`${(made += 1)}`, time + 1);
        state = follow(state, change, { time, made });
        expect(change?.kind).not.toBe('start over');
        expect(state.authorities.map(({ id }) => id)).toContain(state.serving.issuer);
        expect(publishedAt.get(state.serving.issuer) ?? Infinity).toBeLessThanOrEqual(time);
        expect(state.serving.notAfter).toBeGreaterThan(time);
        expect(state.authorities.length).toBeLessThanOrEqual(3);
        time += step;
      }
      expect(made).toBeGreaterThan(0);
    }),
  );
});

function follow(
  state: SharedCertificates,
  change: CertificateChange | undefined,
  { time, made }: { readonly time: number; readonly made: number },
): SharedCertificates {
  switch (change?.kind) {
    case 'add authority':
      return { ...state, authorities: [...state.authorities, authority(`${made}`, time + 365, time)] };
    case 'issue serving': {
      const newest = state.authorities.at(-1) ?? a;
      return { ...state, serving: serving(newest.id, Math.min(time + 90, newest.notAfter), { notBefore: time }) };
    }
    case 'drop authorities':
      return { ...state, authorities: state.authorities.filter(({ id }) => !change.ids.includes(id)) };
    case 'start over':
    case undefined:
      return state;
  }
}
