/** Alerts and dashboard speak of metrics that there are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { prometheusMetrics } from '../../src/adapters/metrics/prometheus-metrics.ts';
import { at, listAt, membersAt } from './objects.ts';
import { manifests } from './render.ts';

const folder = join(manifests, 'components/monitoring');
const all = listAt(parse(readFileSync(join(folder, 'rules.yaml'), 'utf8')), 'spec', 'groups').flatMap((group) =>
  listAt(group, 'rules'),
);
const rules = all.filter((rule) => at(rule, 'alert') !== undefined);
const recordings = all.filter((rule) => at(rule, 'record') !== undefined);
const dashboard: unknown = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8'));
const panels = listAt(dashboard, 'panels');

const alerts = rules.map((rule) => [String(at(rule, 'alert')), String(at(rule, 'expr'))] as const);
const recorded = recordings.map((rule) => [String(at(rule, 'record')), String(at(rule, 'expr'))] as const);
const queries = panels.flatMap((panel) =>
  listAt(panel, 'targets').map((target) => [String(at(panel, 'title')), String(at(target, 'expr'))] as const),
);

/** Of others: Prometheus itself and the API server. */
const foreign = ['up', 'apiserver_admission_webhook_rejection_count'];

/** What Prometheus adds to every series of a Service, and what the API server's own metric has. */
const added = ['namespace', 'service', 'pod', 'instance', 'job'];
const foreignLabels = new Set([...added, 'name', 'type', 'error_type', 'operation']);

const known = await series();

describe.each([...alerts, ...recorded, ...queries])('%s', (_name, written) => {
  const expression = withoutRecordings(written);

  test('asks for metrics that are on the page, by labels that they have', () => {
    const asked = [...expression.matchAll(/\b(?<name>[a-z][a-z0-9_]+)\{(?<labels>[^}]*)\}/g)];
    const bare = [
      ...expression.matchAll(/\b(?:countersign|workflow|kubeopencode|kubetask|process|nodejs|apiserver)_[a-z0-9_]+/g),
    ].map(String);
    expect(asked.length + bare.length + Number(expression !== written)).toBeGreaterThan(0);
    const names = [...asked.map(({ groups }) => String(groups?.['name'])), ...bare];
    expect(names.filter((name) => !foreign.includes(name) && !known.has(name))).toStrictEqual([]);
    for (const { groups } of asked) {
      const used = [...String(groups?.['labels']).matchAll(/(?<label>[a-z]+)\s*=/g)].map(
        (one) => one.groups?.['label'],
      );
      const has = known.get(String(groups?.['name'])) ?? foreignLabels;
      expect(used.filter((label) => !has.has(String(label)))).toStrictEqual([]);
    }
  });

  test('has its brackets closed', () => {
    const open = expression.replaceAll(/"[^"]*"/g, '').replaceAll(/[^()[\]{}]/g, '');
    let rest = open;
    for (let before = ''; before !== rest;) [before, rest] = [rest, rest.replaceAll(/\(\)|\[\]|\{\}/g, '')];
    expect(rest).toBe('');
  });
});

/** What is recorded has a colon in its name, and the labels that are kept of it: the engine. */
function withoutRecordings(expression: string): string {
  const names = new Set(recorded.map(([name]) => name));
  return expression.replaceAll(/\b(?<name>engine:[\w:]+)(?<labels>\{[^}]*\})?/g, (text, name: string, labels = '') => {
    const isKnown = names.has(name) && /^(?:\{engine=~?"[^"]*"\})?$/.test(String(labels));
    return isKnown ? '' : text.replaceAll(':', '_');
  });
}

/** Names as they stand on the page, with their labels, when everything has happened once. */
async function series(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const metrics = prometheusMetrics();
  metrics.admission('validate', 'refuse', 'Pod', 0.1);
  metrics.refusal('SIGNATURE_MISSING', 'a-policy');
  metrics.cache('verdict', 'hit');
  metrics.registryRequest('ok', 0.1);
  metrics.decisionLogFailure();
  metrics.policyProblems(() => 1);
  metrics.publicRootRefreshed(() => undefined);
  metrics.servingCertificateEnds(() => new Date(0));
  metrics.delivery.delivered(1);
  metrics.delivery.failed();
  metrics.delivery.lost('removed', 1);
  metrics.delivery.backlog(1);
  metrics.workflows.unfinished(() => []);
  metrics.workflows.history.waiting(() => 0);
  const place = { namespace: 'shop', agent: 'opencode' };
  const systems = ['kubeopencode', 'kubetask'] as const;
  const tasks = systems.map((system) => ({ system, namespace: 'shop', phase: 'Failed', count: 1 }));
  metrics.tasks.gauges(() => ({ agents: [{ ...place, queued: 1, capacity: 1 }], tasks }));
  for (const system of systems) metrics.tasks.taskFinished({ ...place, system, phase: 'Failed', seconds: 1 });
  const found = new Map<string, ReadonlySet<string>>();
  for (const line of (await metrics.text()).split('\n')) {
    const { name, labels } = /^(?<name>[a-z_]\w*)(?:\{(?<labels>.*)\})? /.exec(line)?.groups ?? {};
    if (name === undefined) continue;
    const own = [...(labels ?? '').matchAll(/(?<label>\w+)="/g)].map((one) => String(one.groups?.['label']));
    found.set(name, new Set([...added, ...own]));
  }
  return found;
}

test('every alert says how bad it is, what is wrong and what to do', () => {
  expect(alerts.length).toBeGreaterThan(5);
  for (const rule of rules) {
    expect(['critical', 'warning']).toContain(at(rule, 'labels', 'severity'));
    expect(membersAt(rule, 'annotations')).toMatchObject({
      summary: expect.stringMatching(/\.$/),
      description: expect.stringMatching(/\.$/),
    });
  }
});

test('every alert of a workflow says where to read on', () => {
  const runbooks = rules.map((rule) => at(rule, 'annotations', 'runbook')).filter((one) => typeof one === 'string');
  expect(runbooks.length).toBeGreaterThanOrEqual(10);
  for (const runbook of runbooks) {
    const [file = '', anchor = ''] = runbook.split('#');
    const headings = [...readFileSync(join(manifests, '..', file), 'utf8').matchAll(/^#+ (.+)$/gm)];
    const anchors = headings.map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(anchors).toContain(anchor);
  }
});

test('every panel of the dashboard has a query, a title and a place of its own', () => {
  expect(new Set(panels.map((panel) => at(panel, 'id'))).size).toBe(panels.length);
  expect(new Set(panels.map((panel) => at(panel, 'title'))).size).toBe(panels.length);
  const places = panels.map((panel) => `${String(at(panel, 'gridPos', 'x'))},${String(at(panel, 'gridPos', 'y'))}`);
  expect(new Set(places).size).toBe(panels.length);
  for (const panel of panels) expect(listAt(panel, 'targets')).not.toStrictEqual([]);
});
