import { afterEach, describe, expect, test } from 'vitest';
import { clusterPolicyReports } from '../../../src/adapters/kubernetes/policy-reports.ts';
import { ok } from '../../../src/kernel/result.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { PolicyReports, Report, StoredReport } from '../../../src/ports/policy-reports.ts';
import { scriptedApiServer, type Call, type Script, type ScriptedApiServer } from './scripted-api-server.ts';

let server: ScriptedApiServer | undefined;
afterEach(() => server?.close());
const never = new AbortController().signal;

const report: Report = {
  summary: { pass: 1, fail: 1, warn: 0, error: 0, skip: 0 },
  leftOut: 3,
  results: [
    {
      source: 'countersign',
      policy: 'signed',
      rule: 'SIGNATURE_MISSING',
      result: 'fail',
      message: 'no signatures',
      timestamp: { seconds: 1_772_445_600, nanos: 0 },
      resources: [{ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web', uid: 'uid of web' }],
      properties: { image: 'ghcr.io/acme/web:1' },
    },
  ],
};

const served: Readonly<Record<string, object>> = {
  'GET /apis/openreports.io/v1alpha1': { resources: [{ name: 'clusterreports' }, { name: 'reports' }] },
  'GET /apis/wgpolicyk8s.io/v1alpha2': { resources: [{ name: 'policyreports' }] },
};
const role = {
  'GET /apis/rbac.authorization.k8s.io/v1/clusterroles/countersign': { metadata: { uid: 'uid of role' } },
};
const reportsOfShop = '/apis/wgpolicyk8s.io/v1alpha2/namespaces/shop/policyreports';

/** Of the kind that is served, once it was looked for. */
async function reportsOf(script: Script): Promise<PolicyReports> {
  server = await scriptedApiServer(script);
  const reports = clusterPolicyReports(server.kubeConfig, { deadlineMs: 1_000, maxBytes: 1_000_000 });
  await reports.served(never);
  server.calls.length = 0;
  return reports;
}

const older: Script = ({ line }) =>
  ({ ...role, 'GET /apis/wgpolicyk8s.io/v1alpha2': served['GET /apis/wgpolicyk8s.io/v1alpha2'] })[line];

function lines(): readonly string[] {
  return server?.calls.map(({ line }) => line) ?? [];
}

function bodyOf(call: Call | undefined): Readonly<Record<string, unknown>> {
  return asRecord(call?.body) ?? {};
}

describe('the kind of reports', () => {
  test.each<[string, Script, string | undefined]>([
    ['openreports.io where both are served', ({ line }) => served[line], 'reports.openreports.io/v1alpha1'],
    ['wgpolicyk8s.io where it is the only one', older, 'policyreports.wgpolicyk8s.io/v1alpha2'],
    ['none where there is none', () => undefined, undefined],
    ['none where a group of that name has other resources', () => ({ resources: [{ name: 'others' }] }), undefined],
  ])('is %s', async (_which, script, expected) => {
    server = await scriptedApiServer(script);
    expect(await clusterPolicyReports(server.kubeConfig).served(never)).toEqual(ok(expected));
  });

  test.each<[string, Script]>([
    ['the API server fails', () => 500],
    ['it is not known whether the installation owns them', ({ line }) => served[line] ?? 500],
  ])('is not known while %s', async (_why, script) => {
    server = await scriptedApiServer(script);
    const found = await clusterPolicyReports(server.kubeConfig).served(never);
    expect(found).toMatchObject({ ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } });
  });
});

describe('a report', () => {
  test('is written as ours, owned by the installation, and read back as it was', async () => {
    let stored: object | undefined;
    const reports = await reportsOf((call) => {
      if (call.line === `POST ${reportsOfShop}`) {
        stored = { ...bodyOf(call), metadata: { ...asRecord(bodyOf(call)['metadata']), resourceVersion: '7' } };
        return stored;
      }
      return call.line === `GET ${reportsOfShop}` ? { items: [stored] } : older(call);
    });
    expect(await reports.write('shop', report, { kind: 'none' }, never)).toEqual(ok(undefined));
    expect(bodyOf(server?.calls[0])).toMatchObject({
      apiVersion: 'wgpolicyk8s.io/v1alpha2',
      kind: 'PolicyReport',
      metadata: {
        name: 'countersign',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'countersign' },
        annotations: { 'countersign.dev/results-left-out': '3' },
        ownerReferences: [{ kind: 'ClusterRole', name: 'countersign', uid: 'uid of role' }],
      },
      scope: { kind: 'Namespace', name: 'shop' },
    });
    expect(await reports.read('shop', never)).toEqual(ok({ kind: 'ours', version: '7', report }));
    expect(server?.calls.at(-1)?.query).toMatchObject({ fieldSelector: 'metadata.name=countersign' });
  });

  test('is replaced and deleted in the version that was read, and no other', async () => {
    const reports = await reportsOf((call) => (call.line.startsWith('PUT') ? 409 : older(call)));
    const before: StoredReport = { kind: 'ours', version: '7', report };
    expect(await reports.write('shop', report, before, never)).toMatchObject({ ok: false, failure: { status: 409 } });
    expect(await reports.remove('shop', before, never)).toEqual(ok(undefined));
    expect(lines()).toEqual([`PUT ${reportsOfShop}/countersign`, `DELETE ${reportsOfShop}/countersign`]);
    expect(bodyOf(server?.calls[0])['metadata']).toMatchObject({ resourceVersion: '7' });
    expect(bodyOf(server?.calls[1])).toEqual({ preconditions: { resourceVersion: '7' } });
  });

  test.each<[string, object, StoredReport['kind']]>([
    ['no label', { metadata: { name: 'countersign' } }, 'foreign'],
    ['the label of another', { metadata: { labels: { 'app.kubernetes.io/managed-by': 'kyverno' } } }, 'foreign'],
    ['our label', { metadata: { labels: { 'app.kubernetes.io/managed-by': 'countersign' } } }, 'ours'],
  ])('with %s is %s', async (_what, object, kind) => {
    const reports = await reportsOf((call) =>
      call.line === `GET ${reportsOfShop}` ? { items: [object] } : older(call),
    );
    expect(await reports.read('shop', never)).toMatchObject({ ok: true, value: { kind } });
  });

  test('of somebody else is neither written nor deleted, whatever is asked', async () => {
    const reports = await reportsOf(older);
    await reports.write('shop', report, { kind: 'foreign' }, never);
    await reports.remove('shop', { kind: 'foreign' }, never);
    await reports.remove('shop', { kind: 'none' }, never);
    expect(lines()).toEqual([]);
  });

  test('whose results make no sense is ours, without them', async () => {
    const object = {
      metadata: { resourceVersion: '7', labels: { 'app.kubernetes.io/managed-by': 'countersign' } },
      summary: { fail: 'many' },
      results: [7, {}, { policy: 'p', message: 'm', result: 'perhaps', timestamp: { seconds: 1 } }, ...report.results],
    };
    const reports = await reportsOf((call) =>
      call.line === `GET ${reportsOfShop}` ? { items: [object] } : older(call),
    );
    const read = await reports.read('shop', never);
    expect(read).toMatchObject({
      ok: true,
      value: { kind: 'ours', report: { summary: { fail: 0 }, leftOut: 0, results: report.results } },
    });
  });

  test('that is not there is none', async () => {
    const reports = await reportsOf((call) => (call.line === `GET ${reportsOfShop}` ? { items: [] } : older(call)));
    expect(await reports.read('shop', never)).toEqual(ok({ kind: 'none' }));
  });
});

test('namespaces with a report of ours are found by its label, without the reports', async () => {
  const items = [
    { metadata: { name: 'countersign', namespace: 'shop' } },
    { metadata: { name: 'another', namespace: 'bank' } },
  ];
  const reports = await reportsOf((call) => (call.line.endsWith('/policyreports') ? { items } : older(call)));
  expect(await reports.namespaces(never)).toEqual(ok(['shop']));
  expect(server?.calls[0]).toMatchObject({
    query: { labelSelector: 'app.kubernetes.io/managed-by=countersign' },
    accept: expect.stringContaining('PartialObjectMetadataList'),
  });
});

test('without the ClusterRole a report has no owner', async () => {
  const reports = await reportsOf(({ line }) => served[line]);
  await reports.write('shop', report, { kind: 'none' }, never);
  expect(bodyOf(server?.calls[0])).toMatchObject({ source: 'countersign' });
  expect(asRecord(bodyOf(server?.calls[0])['metadata'])?.['ownerReferences']).toBeUndefined();
});
