/** What the API server is told to send is what is understood here, and the other way round. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { judgedKind } from '../../src/admission/judged-kinds.ts';
import { kindsOfPods, kindsOfTekton } from './places.ts';

interface Webhooks {
  readonly kind: string;
  readonly webhooks: readonly {
    readonly failurePolicy: string;
    readonly matchPolicy: string;
    readonly timeoutSeconds: number;
    readonly admissionReviewVersions: readonly string[];
    readonly rules: readonly Rule[];
  }[];
}

interface Rule {
  readonly operations: readonly string[];
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
}

const file = new URL('../../manifests/base/webhooks.yaml', import.meta.url);
// Our own file.
const configurations = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Webhooks);

function sent(rules: readonly Rule[]) {
  return rules.flatMap(({ apiGroups, apiVersions, resources }) =>
    apiGroups.flatMap((group) =>
      apiVersions.flatMap((version) => resources.map((resource) => ({ group, version, resource }))),
    ),
  );
}

const subresources = ['pods/ephemeralcontainers', 'pods/resize'];

test('both webhooks are there', () => {
  expect(configurations.map(({ kind }) => kind).toSorted()).toStrictEqual([
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
  ]);
});

describe.each(configurations.flatMap(({ kind, webhooks }) => webhooks.map((webhook) => ({ kind, webhook }))))(
  '$kind',
  ({ kind, webhook }) => {
    test('fails closed, within the time that an answer takes, and is asked in the version that is understood', () => {
      expect(webhook).toMatchObject({
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        admissionReviewVersions: ['v1'],
      });
      expect(webhook.timeoutSeconds).toBeLessThanOrEqual(30);
    });

    test('sends nothing that would be refused unseen', () => {
      const unknown = sent(webhook.rules)
        .filter(({ resource }) => !subresources.includes(resource))
        .filter((resource) => judgedKind(resource) === undefined);

      expect(unknown).toStrictEqual([]);
    });

    test('sends creations and updates of every kind that Pods are made of', () => {
      const known = sent(webhook.rules).map(({ group, resource }) => `${resource}.${group}`);
      const kinds = [...kindsOfPods, ...kindsOfTekton].map(({ group, resource }) => `${resource}.${group}`);
      // There is nothing to set in a Pod that is resized.
      const wanted = kind === 'ValidatingWebhookConfiguration' ? subresources : subresources.slice(0, 1);

      expect([...new Set(known)].toSorted()).toStrictEqual(
        [...kinds, ...wanted.map((resource) => `${resource}.`)].toSorted(),
      );
      for (const { operations } of webhook.rules) expect(operations).toStrictEqual(['CREATE', 'UPDATE']);
    });
  },
);
