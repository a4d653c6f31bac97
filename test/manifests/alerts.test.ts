/** Prometheus' own rule engine says which alerts fire. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { alertCases, type Series } from './alert-cases.ts';
import { at, listAt } from './objects.ts';
import { promtool, runPromtool, type Told } from './promtool.ts';
import { manifests } from './render.ts';

const folder = join(manifests, 'components/monitoring');
const object: unknown = parse(readFileSync(join(folder, 'rules.yaml'), 'utf8'));
const rules = at(object, 'spec');
const alerts = listAt(rules, 'groups')
  .flatMap((group) => listAt(group, 'rules'))
  .filter((rule) => at(rule, 'alert') !== undefined)
  .map((rule) => String(at(rule, 'alert')));
const dashboard: unknown = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8'));

const files = { 'rules.json': rules };

/** Whether so many alerts of that name fire when these series are there. */
function firing(alert: string, series: Series, wanted: number): Told {
  const { at: moment, every = '1m' } = alertCases[alert] ?? { at: '' };
  const expr = `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`;
  const world = {
    interval: every,
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [{ expr, eval_time: moment, exp_samples: [{ labels: '{}', value: wanted }] }],
  };
  const suite = { rule_files: ['rules.json'], evaluation_interval: every, tests: [world] };
  return runPromtool('test', { 'suite.json': suite, ...files });
}

test('every alert has a world in which it fires and one in which it does not', () => {
  expect(Object.keys(alertCases).toSorted()).toStrictEqual([...alerts].toSorted());
  for (const { silent } of Object.values(alertCases)) expect(Object.keys(silent)).not.toStrictEqual([]);
});

describe.runIf(promtool !== undefined)('with promtool', () => {
  test('the rules are such that Prometheus takes them', () => {
    expect(runPromtool('check', files)).toMatchObject({ isGood: true });
  });

  test('every query of the dashboard can be parsed', () => {
    const expressions = listAt(dashboard, 'panels').flatMap((panel) =>
      listAt(panel, 'targets').map((target) => String(at(target, 'expr'))),
    );
    const asRules = expressions.map((expr, index) => ({
      record: `panel:${index}`,
      // As Grafana fills them in.
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$namespace', 'countersign-system'),
    }));
    const checked = runPromtool('check', { 'panels.json': { groups: [{ name: 'panels', rules: asRules }] } });
    expect(checked).toMatchObject({ isGood: true, text: expect.stringContaining(`${expressions.length} rules found`) });
  });

  test('a query that cannot be parsed is noticed', () => {
    const broken = { groups: [{ name: 'broken', rules: [{ record: 'panel:0', expr: 'sum(up' }] }] };
    expect(runPromtool('check', { 'panels.json': broken }).isGood).toBe(false);
  });

  test.each(Object.entries(alertCases))('%s fires', (alert, { fires }) => {
    expect(firing(alert, fires, 1)).toMatchObject({ isGood: true });
  });

  const near = Object.entries(alertCases).flatMap(([alert, { silent }]) =>
    Object.entries(silent).map(([when, series]) => [alert, when, series] as const),
  );
  test.each(near)('%s is silent when %s', (alert, _when, series) => {
    expect(firing(alert, series, 0)).toMatchObject({ isGood: true });
  });
});
