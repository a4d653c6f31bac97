import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { prometheusMetrics } from '../../src/adapters/metrics/prometheus-metrics.ts';

const document = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

async function exposed(): Promise<ReadonlyMap<string, string>> {
  const metrics = prometheusMetrics();
  metrics.policyProblems(() => 0);
  metrics.publicRootRefreshed(() => undefined);
  metrics.servingCertificateEnds(() => new Date(0));
  metrics.scan(() => ({
    state: 'waiting',
    namespaces: { done: 0, total: 0 },
    pods: 0,
    images: 0,
    summary: { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 },
  }));
  metrics.workflows.unfinished(() => []);
  metrics.workflows.history.waiting(() => 0);
  const types = (await metrics.text()).matchAll(
    /^# TYPE ((?:countersign|workflow|kubeopencode|kubetask)_\w+) (\w+)$/gm,
  );
  return new Map([...types].map(([, name = '', type = '']) => [name, type]));
}

const listed = (): ReadonlyMap<string, string> =>
  new Map(
    [...document.matchAll(/^\| `((?:countersign|workflow|kubeopencode|kubetask)_\w+)` +\| (\w+) /gm)].map(
      ([, name = '', type = '']) => [name, type],
    ),
  );

test('docs/metrics.md lists every metric with its type, and no other', async () => {
  expect(Object.fromEntries(listed())).toEqual(Object.fromEntries(await exposed()));
});

test('every query of docs/metrics.md asks for the metric of its row', () => {
  const rows = [
    ...document.matchAll(/^\| `((?:countersign|workflow|kubeopencode|kubetask)_\w+)` .*\| `([^`]+)` +\|$/gm),
  ];
  expect(rows).toHaveLength(listed().size);
  for (const [, name = '', query = ''] of rows) expect(query).toContain(name);
});
