/** Definitions of both kinds of reports, with the constraints of the published ones that a report has to keep. */
import type { ApiObject } from './api.ts';

const text = { type: 'string' };
const count = { type: 'integer' };
const texts = { type: 'object', additionalProperties: text };
const reference = {
  type: 'object',
  properties: {
    apiVersion: text,
    kind: text,
    name: text,
    namespace: text,
    uid: text,
    fieldPath: text,
    resourceVersion: text,
  },
};
const timestamp = {
  type: 'object',
  required: ['nanos', 'seconds'],
  properties: { seconds: { type: 'integer', format: 'int64' }, nanos: { type: 'integer', format: 'int32' } },
};
const result = {
  type: 'object',
  required: ['policy'],
  properties: {
    source: text,
    policy: text,
    rule: text,
    category: text,
    severity: { type: 'string', enum: ['critical', 'high', 'low', 'medium', 'info'] },
    result: { type: 'string', enum: ['pass', 'fail', 'warn', 'error', 'skip'] },
    scored: { type: 'boolean' },
    message: text,
    timestamp,
    resources: { type: 'array', items: reference },
    properties: texts,
  },
};
const summary = { type: 'object', properties: { pass: count, fail: count, warn: count, error: count, skip: count } };
const report = {
  type: 'object',
  properties: {
    apiVersion: text,
    kind: text,
    metadata: { type: 'object' },
    scope: reference,
    summary,
    results: { type: 'array', items: result },
  },
};

export const policyReports: ApiObject = definition('wgpolicyk8s.io', 'v1alpha2', 'PolicyReport', report);

export const openReports: ApiObject = definition('openreports.io', 'v1alpha1', 'Report', {
  ...report,
  properties: { ...report.properties, source: text },
});

function definition(group: string, version: string, kind: string, openAPIV3Schema: object): ApiObject {
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular, listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
}
