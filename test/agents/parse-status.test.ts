import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTaskStarts, parseTaskStatus } from '../../src/agents/parse-status.ts';

const at = '2026-01-01T00:00:00Z';

test('a status is read as it was written', () => {
  const condition = { type: 'Ready', status: 'False', reason: 'AgentError', message: 'm', lastTransitionTime: at };
  const status = {
    phase: 'Failed',
    observedGeneration: 2,
    agentRef: { namespace: 'n', name: 'a' },
    podName: 'p',
    podNamespace: 'n',
    startTime: at,
    completionTime: '2026-01-01T01:00:00Z',
    conditions: [condition],
  };
  expect(parseTaskStatus({ status })).toEqual(status);
  expect(parseTaskStatus({ status: { phase: 'Running', jobName: 'j' } })).toEqual({
    phase: 'Running',
    jobName: 'j',
    conditions: [],
  });
});

describe('a phase', () => {
  test.each(['Pending', 'Queued', 'Running', 'Completed', 'Failed'])('%s is what it is', (phase) => {
    expect(parseTaskStatus({ status: { phase } }).phase).toBe(phase);
  });

  test.each([undefined, null, {}, { phase: '' }, { phase: null }, { conditions: [] }, 5, []])(
    'in %j: it is new',
    (status) => {
      expect(parseTaskStatus({ status }).phase).toBe('');
    },
  );

  // What takes up no room would let another Task begin, and what is new would begin once more.
  test.each(['running', 'Succeeded', 'Unknown', 'Complete', 5, true, {}, []])('that is %j takes up room', (phase) => {
    expect(parseTaskStatus({ status: { phase } }).phase).toBe('Running');
  });

  test.each([{ startTime: at }, { podName: 'p' }, { phase: '', startTime: 'once' }, { phase: null, podName: 'p' }])(
    'was lost from %j, which has begun',
    (status) => {
      expect(parseTaskStatus({ status }).phase).toBe('Running');
    },
  );
});

test.each([
  { startTime: 'yesterday' },
  { startTime: 5 },
  { completionTime: '' },
  { agentRef: 'a' },
  { agentRef: { name: 'a' } },
  { agentRef: { name: 'a', namespace: 5 } },
  { podName: 5 },
  { observedGeneration: '1' },
  { conditions: 'none' },
  { conditions: [{ type: 'Ready' }, { type: 'Ready', status: 'Maybe' }, 5, null] },
])('what cannot be read of %j is left out', (members) => {
  expect(parseTaskStatus({ status: { phase: 'Completed', ...members } })).toEqual({
    phase: 'Completed',
    conditions: [],
  });
});

describe('the history of an Agent', () => {
  const record = (taskName: string, startTime: unknown): object => ({ taskName, taskNamespace: 'n', startTime });

  test('is read as it was written', () => {
    const taskStartHistory = [record('a', at), record('b', '2026-01-01T00:05:00+02:00')];
    expect(parseTaskStarts({ status: { taskStartHistory } })).toEqual(taskStartHistory);
  });

  test.each([undefined, {}, { status: {} }, { status: { taskStartHistory: 'x' } }, { status: 5 }])(
    'in %j: there is none',
    (object) => {
      expect(parseTaskStarts(object)).toEqual([]);
    },
  );

  test.each([undefined, 'once', 5, null])('with a time that is %j counts as long as the newest', (startTime) => {
    const newest = '2026-01-01T12:00:00Z';
    const taskStartHistory = [record('a', at), record('b', startTime), record('c', newest), record('d', at)];
    expect(parseTaskStarts({ status: { taskStartHistory } }).map((start) => start.startTime)).toEqual([
      at,
      newest,
      newest,
      at,
    ]);
  });

  test('has as many starts as it has records, whoever they are of', () => {
    fc.assert(
      fc.property(fc.array(fc.anything()), (records) => {
        const taskStartHistory = [...records, record('a', at)];
        expect(parseTaskStarts({ status: { taskStartHistory } })).toHaveLength(taskStartHistory.length);
      }),
    );
  });
});

test('nothing falls over, whatever is written', () => {
  fc.assert(
    fc.property(fc.anything(), (status) => {
      expect(parseTaskStatus({ status }).conditions).toBeInstanceOf(Array);
      expect(parseTaskStarts({ status })).toBeInstanceOf(Array);
    }),
  );
});
