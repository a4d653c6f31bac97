/** What every store of the action history does alike. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ActionQuery, ActionRecord } from '../../src/ports/action-history.ts';
import { mergeActions } from '../../src/records/history/merge.ts';
import type { RecordStore } from '../../src/records/store.ts';
import { assessment, at, began, completed, executing, failed, manyActions } from '../records/history/actions.ts';
import { value } from './records.ts';

export interface OpenedHistory {
  readonly store: RecordStore;
  remove(): Promise<void>;
}

const day = 24 * 3_600_000;

export function actionHistoryContract(open: () => Promise<OpenedHistory>): void {
  let opened: OpenedHistory;
  let history: RecordStore['history'];

  beforeEach(async () => {
    opened = await open();
    ({ history } = opened.store);
  });
  afterEach(() => opened.remove());

  async function steps(query: Partial<ActionQuery> = {}): Promise<readonly string[]> {
    return value(await history.list({ limit: 1_000, ...query })).actions.map(({ workflowUid }) => workflowUid);
  }

  async function lastChange(): Promise<number | undefined> {
    return value(await history.changes(0, 1_000)).changes.at(-1)?.change;
  }

  describe('recording', () => {
    test('gives back what was recorded', async () => {
      value(await history.record([completed(), failed({ step: 'other', workflowType: 'x', reason: 'OOM' })]));
      expect(value(await history.find('uid-1', 'scale'))).toEqual(completed());
      expect(value(await history.find('uid-1', 'other'))).toEqual(
        failed({ step: 'other', workflowType: 'x', reason: 'OOM' }),
      );
      expect(value(await history.find('uid-1', 'nothing'))).toBeUndefined();
      expect(value(await history.list({ limit: 10 })).actions).toHaveLength(2);
    });

    test('a record that ended is not taken back', async () => {
      value(await history.record([executing()]));
      value(await history.record([completed()]));
      value(await history.record([executing()]));
      expect(value(await history.find('uid-1', 'scale'))).toEqual(completed());
    });

    test('the same again changes nothing', async () => {
      value(await history.record([completed(), executing({ step: 'b' })]));
      const before = await lastChange();
      value(await history.record([completed()]));
      value(await history.record([executing(), executing({ step: 'b' })]));
      expect(await lastChange()).toBe(before);
    });

    test('a later end keeps what only an earlier one knew', async () => {
      value(await history.record([completed()]));
      const { outputs: _outputs, signers: _signers, ...later } = failed({ completedAt: at(9_000), attempts: 2 });
      value(await history.record([later]));
      const { outputs, signers, contract } = completed();
      expect(value(await history.find('uid-1', 'scale'))).toEqual({ ...later, outputs, signers, contract });
    });

    test('every order ends with the same', async () => {
      const all = [executing(), completed(), failed({ completedAt: at(3_000) }), executing({ attempts: 2 })];
      const wanted = all.reduce((one, other) => mergeActions(one, other));
      for (const [index, first] of all.entries()) {
        const rest = all.filter((_, other) => other !== index).toReversed();
        for (const action of [first, ...rest])
          value(await history.record([{ ...action, workflowUid: `uid-${index}` }]));
        expect(value(await history.find(`uid-${index}`, 'scale'))).toMatchObject({
          status: wanted.status,
          completedAt: wanted.completedAt,
          outputs: wanted.outputs,
        });
      }
    });

    test('many at once from many sides are each there once', async () => {
      const all = manyActions(60);
      await Promise.all([0, 1, 2].map(async () => value(await history.record(all))));
      expect(new Set(await steps()).size).toBe(60);
      const { changes } = value(await history.changes(0, 1_000));
      expect(changes.map(({ change }) => change)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    });
  });

  describe('asking', () => {
    beforeEach(async () => value(await history.record(manyActions(40))));

    const all = manyActions(40).toReversed();
    const cases: readonly {
      readonly name: string;
      readonly query: Partial<ActionQuery>;
      readonly fits: (action: ActionRecord) => boolean;
    }[] = [
      { name: 'everything', query: {}, fits: () => true },
      {
        name: 'action type',
        query: { actionType: 'git/commit' },
        fits: ({ actionType }) => actionType === 'git/commit',
      },
      { name: 'status', query: { status: 'failed' }, fits: ({ status }) => status === 'failed' },
      { name: 'engine', query: { engine: 'tekton' }, fits: ({ engine }) => engine === 'tekton' },
      { name: 'workflow', query: { workflow: 'workflow-3' }, fits: ({ workflowId }) => workflowId === 'workflow-3' },
      { name: 'namespace', query: { namespace: 'staging' }, fits: ({ namespace }) => namespace === 'staging' },
      { name: 'time', query: { since: at(30 * 60_000) }, fits: ({ executedAt }) => executedAt >= at(30 * 60_000) },
      {
        name: 'type, status and time',
        query: { actionType: 'git/commit', status: 'failed', since: at(10 * 60_000) },
        fits: ({ actionType, status, executedAt }) =>
          actionType === 'git/commit' && status === 'failed' && executedAt >= at(10 * 60_000),
      },
      { name: 'what nobody has', query: { actionType: 'x' }, fits: () => false },
    ];

    test.each(cases)('by $name, newest first', async ({ query, fits }) => {
      expect(await steps(query)).toEqual(all.filter(fits).map(({ workflowUid }) => workflowUid));
    });

    test.each([1, 7, 39, 40, 41])('in pages of %i', async (limit) => {
      const found: string[] = [];
      let after: string | undefined;
      do {
        const page = value(await history.list({ limit, ...(after === undefined ? {} : { after }) }));
        expect(page.actions.length).toBeLessThanOrEqual(limit);
        found.push(...page.actions.map(({ workflowUid }) => workflowUid));
        after = page.next;
      } while (after !== undefined);
      expect(found).toEqual(all.map(({ workflowUid }) => workflowUid));
    });

    test('pages do not skip what began in the same millisecond', async () => {
      const same = Array.from({ length: 9 }, (_, index) =>
        executing({ workflowUid: 'twin', step: `s${index}`, workflowId: 'twin' }),
      );
      value(await history.record(same));
      const first = value(await history.list({ limit: 4, workflow: 'twin' }));
      const second = value(await history.list({ limit: 5, workflow: 'twin', after: first.next ?? '' }));
      expect(second.next).toBeUndefined();
      expect(new Set([...first.actions, ...second.actions].map(({ step }) => step)).size).toBe(9);
    });

    test('for the oldest', async () => {
      expect(value(await history.oldest())).toEqual(manyActions(1)[0]);
    });

    test('large records come a few at a time, and all of them come', async () => {
      const inputs = { text: 'x'.repeat(900_000) };
      for (let index = 0; index < 12; index += 1)
        value(await history.record([executing({ workflowUid: `big-${index}`, workflowId: 'big', inputs })]));
      const first = value(await history.list({ limit: 100, workflow: 'big' }));
      expect(first.actions.length).toBeGreaterThan(0);
      expect(first.actions.length).toBeLessThan(12);
      const rest = value(await history.list({ limit: 100, workflow: 'big', after: first.next ?? '' }));
      expect(first.actions.length + rest.actions.length).toBe(12);
    });
  });

  test('without anything there is no oldest, no page and no change', async () => {
    expect(value(await history.oldest())).toBeUndefined();
    expect(value(await history.list({ limit: 5 }))).toEqual({ actions: [] });
    expect(value(await history.changes(0, 5)).changes).toEqual([]);
    expect(value(await history.effectiveness({}))).toEqual([]);
  });

  describe('effectiveness', () => {
    test('counts what completed and failed, by type and engine', async () => {
      const runs = Array.from({ length: 20 }, (_, index) =>
        completed({ workflowUid: `u${index}`, durationMs: (index + 1) * 100, completedAt: at((index + 1) * 100) }),
      );
      value(await history.record(runs));
      value(await history.record([failed({ workflowUid: 'f1', engine: 'tekton', durationMs: 50 })]));
      value(await history.record([executing({ workflowUid: 'e1', engine: 'tekton' })]));
      value(await history.record([completed({ workflowUid: 'other', actionType: 'git/commit' })]));
      const [git, scale] = value(await history.effectiveness({}));
      expect(git).toMatchObject({ actionType: 'git/commit', runs: 1, successRate: 1, engines: { job: { runs: 1 } } });
      expect(scale).toMatchObject({ runs: 22, completed: 20, failed: 1, successRate: 20 / 21, assessments: 0 });
      expect(scale?.engines.job).toEqual({
        runs: 20,
        completed: 20,
        failed: 0,
        successRate: 1,
        meanDurationMs: 1_050,
        p95DurationMs: 1_900,
        meanTimeToRepairMs: 1_050,
      });
      expect(scale?.engines.tekton).toEqual({
        runs: 2,
        completed: 0,
        failed: 1,
        successRate: 0,
        meanDurationMs: 50,
        p95DurationMs: 50,
      });
    });

    test('time to repair begins with the first step of the workflow', async () => {
      value(
        await history.record([executing({ step: 'diagnose', actionType: 'x', executedAt: at(-10_000) }), completed()]),
      );
      const [scale] = value(await history.effectiveness({ actionType: 'kubernetes/scale_deployment' }));
      expect(scale).toMatchObject({ meanTimeToRepairMs: 14_000, meanDurationMs: 4_000 });
    });

    test('of one type and time only', async () => {
      value(await history.record(manyActions(40)));
      const found = value(await history.effectiveness({ actionType: 'git/commit', since: at(20 * 60_000) }));
      expect(found).toMatchObject([{ actionType: 'git/commit', runs: 10, completed: 8, failed: 2, successRate: 0.8 }]);
    });

    test('says what assessors found; the same one again replaces what it said', async () => {
      value(await history.assess([assessment(), assessment({ assessor: 'jane', score: 0.25, step: '' })]));
      value(await history.assess([assessment({ score: 1, assessedAt: at(90_000) })]));
      value(await history.assess([assessment({ score: 0 })]));
      const [found] = value(await history.effectiveness({ actionType: 'kubernetes/scale_deployment' }));
      expect(found).toMatchObject({ runs: 0, assessments: 2, meanScore: 0.625 });
    });
  });

  describe('changes', () => {
    test('come in their order, each once, from a number on', async () => {
      value(await history.record([executing(), executing({ step: 'b' })]));
      value(await history.assess([assessment()]));
      value(await history.record([completed()]));
      const { store, changes } = value(await history.changes(0, 10));
      expect(store).not.toBe('');
      expect(changes).toEqual([
        { change: 2, kind: 'action', action: executing({ step: 'b' }) },
        { change: 3, kind: 'assessment', assessment: assessment() },
        { change: 4, kind: 'action', action: completed() },
      ]);
      expect(value(await history.changes(2, 1))).toEqual({ store, changes: changes.slice(1, 2) });
      expect(value(await history.changes(4, 10))).toEqual({ store, changes: [] });
    });

    test('come a few at a time when they are large', async () => {
      const inputs = { text: 'x'.repeat(900_000) };
      for (let index = 0; index < 12; index += 1)
        value(await history.record([executing({ step: `s${index}`, inputs })]));
      const first = value(await history.changes(0, 1_000)).changes;
      expect(first.length).toBeLessThan(12);
      expect(value(await history.changes(first.at(-1)?.change ?? 0, 1_000)).changes.at(-1)?.change).toBe(12);
    });
  });

  describe('retention', () => {
    async function tidy(now: number, days: number): Promise<readonly number[]> {
      const removed: number[] = [];
      do removed.push(value(await history.removeOld(new Date(now), days)));
      while ((removed.at(-1) ?? 0) > 0);
      return removed;
    }

    test('keeps 90 days to the millisecond', async () => {
      value(
        await history.record([
          completed({ workflowUid: 'old', executedAt: at(-1) }),
          completed({ workflowUid: 'kept' }),
        ]),
      );
      value(
        await history.assess([assessment({ assessedAt: at(-1) }), assessment({ assessor: 'b', assessedAt: at(0) })]),
      );
      expect(await tidy(began + 90 * day - 1, 90)).toEqual([0]);
      expect(await tidy(began + 90 * day, 90)).toEqual([1, 1, 0]);
      expect(await steps()).toEqual(['kept']);
      expect(value(await history.oldest())?.workflowUid).toBe('kept');
      expect(await tidy(began + 91 * day, 90)).toEqual([1, 1, 0]);
      expect(await steps()).toEqual([]);
    });

    test('removes a bounded number at a time, the oldest first', async () => {
      value(await history.record(manyActions(4_500)));
      const removed = await tidy(began + 365 * day, 90);
      expect(Math.max(...removed)).toBeLessThanOrEqual(2_000);
      expect(removed.reduce((sum, count) => sum + count, 0)).toBe(4_500);
    });
  });
}
