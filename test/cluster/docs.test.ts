/**
 * The documents for administrators, followed to the letter: every block of commands runs, in the order of this list, in one
 * cluster. What stands in their examples for something of the reader's own is named in `examples`.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFacts, hasNode } from './access.ts';
import { leaveTasks, pushAgents } from './docs/agents.ts';
import { hasLine, stepsOf } from './docs/documents.ts';
import { makeWorkplace, type Workplace } from './docs/workplace.ts';
import { pushActions } from '../actions/build.ts';
import type { ApiObject } from './gate/api.ts';
import { optedIn } from './gate/gate.ts';
import { runnableImage, signed, type PushedImage } from './gate/images.ts';
import { prepareInstallation, type Installation } from './install/installation.ts';
import { runProgram } from './install/run-program.ts';
import { freePorts } from './processes.ts';

const documents = [
  'install.md',
  'write-a-policy.md',
  'attestations.md',
  'debug-a-refusal.md',
  'metrics.md',
  'background-scan.md',
  'break-glass.md',
  'air-gap.md',
  'actions.md',
  'workflows.md',
  'runbook-jobs.md',
  'runbook-tekton.md',
  'action-history.md',
  'kubeopencode.md',
  'kubetask.md',
  'tasks-elsewhere.md',
  'migrate-tasks.md',
  'upgrade.md',
  'uninstall.md',
  'helm.md',
];

/** What others have done by then. */
const before: ReadonlyMap<string, (installation: Installation) => Promise<void>> = new Map([
  ['migrate-tasks.md', leaveTasks],
]);

/** A policy is in force and a namespace judged after two seconds at most; nobody reads and types faster. */
const readingMs = 2_000;
/** Blocks that take longer are named, so that nobody has to search where the minutes go. */
const slowSeconds = 5;
const namespaceOf = (name: string): ApiObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
/** Whoever has waited for a Task has waited long enough. */
const waits = /\bwait (?:tk|task)\b/;
const changes = /\b(?:apply|label|annotate|patch|create|delete|replace|scale|rollout|run|set|edit|helm)\b/;

describe.runIf(hasNode)('the documents', () => {
  let installation: Installation;
  let workplace: Workplace;
  let examples: readonly (readonly [from: string, to: string])[];
  let said = '';

  beforeAll(async () => {
    installation = await prepareInstallation();
    // Other suites leave definitions and roles behind, and Pods that would be refused: a scan would find them.
    await installation.delete();
    const { items } = await installation.api.core.listNamespace();
    const others = items.flatMap(({ metadata: { name = '', labels = {} } = {} }) =>
      name.startsWith('gate-') || Object.entries(optedIn).every(([label, value]) => labels[label] === value)
        ? [name]
        : [],
    );
    if (others.length > 0) await installation.kubectl('delete', 'namespace', ...others, '--timeout=120s');
    const { registry, key } = installation;
    // Images that differ: each says what it is. They end when they are told to, so that nobody waits 30 s for each.
    const idle = (repository: string): PushedImage =>
      runnableImage(registry, repository, ['sh', '-c', `echo ${repository}; trap exit TERM; sleep 3600 & wait`]);
    const app = signed(registry, 'shop/app', idle('shop/app'), key);
    idle('shop/unsigned');
    const hotfix = idle('legacy/hotfix').digest;
    for (const tag of ['0.1.0', '0.2.0']) {
      await nameImage(`ghcr.io/countersign/countersign:${tag}`);
      await nameImage(`localhost/countersign:${tag}`);
    }
    const [port, securePort] = await freePorts(2);
    examples = [
      // Where the reader keeps images of Countersign; the node has them and pulls nothing.
      ['registry.example.com/countersign', 'localhost/countersign'],
      ['registry.example.com', registry.host],
      ['sha256:6a1f0d1c5b0a4d6f8e3b2c7d9a8f7e6d5c4b3a291807f6e5d4c3b2a190817263', hotfix],
      ['ghcr.io/kubernaut/actions', `${registry.host}/actions`],
      // The registry here has no certificate.
      [
        "- { name: COUNTERSIGN_SCAN_MINUTES, value: '15' }",
        `- { name: COUNTERSIGN_INSECURE_REGISTRY, value: '${registry.host}' }`,
      ],
      ['8080:8080', `${port}:8080`],
      ['127.0.0.1:8080', `127.0.0.1:${port}`],
      ['9443:443', `${securePort}:443`],
      ['127.0.0.1:9443', `127.0.0.1:${securePort}`],
    ];
    workplace = await makeWorkplace({ COUNTERSIGN_INSECURE_REGISTRY: registry.host });
    workplace.write('cosign.pub', key.publicKeyPem);
    for (const file of ['manifests/actions/registry.yaml', 'policies/action-policy.yaml']) workplace.edit(file, typed);
    await pushActions(registry, key, ['restart-pod', 'scale-deployment', 'notify-only']);
    await pushAgents(installation);
    await runProduction(app.tagged);
  }, 300_000);
  afterAll(async () => {
    workplace?.close();
    await installation?.api.remove(namespaceOf('production'));
    await installation?.api.remove(namespaceOf('kubernaut-system'));
    await installation?.delete();
    for (const name of ['kubeopencode-system', 'kubetask-system', 'agents'])
      await installation?.api.remove(namespaceOf(name));
    await installation?.close();
  }, 120_000);

  /** What the examples of workflows act on: its Pods are there, and nobody schedules them. */
  async function runProduction(image: string): Promise<void> {
    const { api } = installation;
    const template = {
      metadata: { labels: { app: 'payment' } },
      spec: { schedulerName: 'nobody', containers: [{ name: 'main', image }] },
    };
    await api.apply(namespaceOf('production'));
    await api.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'payment-service', namespace: 'production' },
      spec: { replicas: 1, selector: { matchLabels: { app: 'payment' } }, template },
    });
  }

  function nameImage(name: string): Promise<string> {
    const socket = join(clusterFacts().folder, 'containerd.sock');
    const command = ['images', 'tag', '--force', 'localhost/countersign:test', name];
    return runProgram('ctr', ['--address', socket, '--namespace', 'k8s.io', ...command]);
  }

  /** As the reader would type it: with their own names, and the correlation id that they saw last. */
  function typed(text: string): string {
    const ids = [...said.matchAll(/\[request ([0-9a-f-]{36})\]/g)];
    const own = [...examples, ['CORRELATION-ID', ids.at(-1)?.[1] ?? 'none'] as const];
    return own.reduce((result, [from, to]) => result.replaceAll(from, to), text);
  }

  test.each(documents)('docs/%s can be followed', { timeout: 600_000 }, async (name) => {
    let last = 'kubectl apply';
    await before.get(name)?.(installation);
    for (const step of stepsOf(name)) {
      if (step.kind === 'left-out') continue;
      if (step.kind === 'file') {
        workplace.write(step.path, typed(step.text));
        continue;
      }
      if (changes.test(last) && !waits.test(last)) await sleep(readingMs);
      last = step.text;
      const started = performance.now();
      const { exitCode, output } = await workplace.run(typed(step.text));
      const seconds = Math.round((performance.now() - started) / 1000);
      if (seconds >= slowSeconds) process.stderr.write(`${step.where}: ${seconds} s\n`);
      said += output;
      const missing = step.output.filter((line) => !hasLine(output, typed(line)));
      const { where } = step;
      const expected = { where, exitCode: step.exitCode, missing: [], output };
      expect({ where, exitCode, missing, output }).toEqual(expected);
    }
  });
});
