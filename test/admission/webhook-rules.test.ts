/** What the API server is told to send is what is understood here, and the other way round. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isPolicy } from '../../src/admission/check-policy.ts';
import { isTask } from '../../src/admission/check-task.ts';
import { isWorkflow } from '../../src/admission/check-workflow.ts';
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

function read(name: string): readonly Webhooks[] {
  const text = readFileSync(new URL(`../../manifests/base/${name}`, import.meta.url), 'utf8');
  // Our own files.
  return parseAllDocuments(text).map((document) => document.toJS() as Webhooks);
}

const configurations = read('webhooks.yaml');

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

describe('documents', () => {
  const rules = read('policy-webhook.yaml').flatMap(({ webhooks }) => webhooks.flatMap((webhook) => webhook.rules));

  test('are sent when they are created and changed, and only where somebody reads them', () => {
    const unread = sent(rules).filter((resource) => !isPolicy(resource) && !isWorkflow(resource) && !isTask(resource));

    expect(unread).toStrictEqual([]);
    for (const { operations } of rules) expect(operations).toStrictEqual(['CREATE', 'UPDATE']);
  });

  test('are all sent that somebody reads', () => {
    expect(sent(rules).map(({ group, resource }) => `${resource}.${group}`)).toStrictEqual(
      expect.arrayContaining([
        'clusterimagepolicies.policy.sigstore.dev',
        'trustroots.policy.sigstore.dev',
        'actionpolicies.countersign.dev',
        'workflowexecutions.workflowexecution.kubernaut.ai',
        'workflowexecutions.kubernaut.ai',
        'actionexecutions.execution.kubernaut.ai',
        'tasks.kubeopencode.io',
        'tasktemplates.kubeopencode.io',
        'agents.kubeopencode.io',
        'agents.kubetask.io',
      ]),
    );
  });

  test('are not those of others that have the same name', () => {
    expect(isTask({ group: 'tekton.dev', version: 'v1', resource: 'tasks' })).toBe(false);
    expect(isTask({ group: 'kubeopencode.io', version: 'v1alpha1', resource: 'kubeopencodeconfigs' })).toBe(false);
  });
});
