/** Work for tests of the workspace: an Agent of namespace `agents`, contexts of namespace `team` unless said otherwise. */
import type { Agent, ConfigMapData, ConfigMaps, ContextItem, Work } from '../../src/agents/model.ts';

export const agent: Agent = {
  namespace: 'agents',
  name: 'default',
  uid: 'agent-uid',
  apiVersion: 'kubeopencode.io/v1alpha1',
  generation: 1,
  deleted: false,
  contexts: [],
  credentials: [],
  pod: { labels: {} },
  serviceAccountName: 'runner',
  agentImage: 'agent:1',
  executorImage: 'executor:1',
  attachImage: 'attach:1',
  workspaceDir: '/workspace',
  allowedNamespaces: [],
};

export function workWith(items: readonly ContextItem[], change: Partial<Agent> = {}, description?: string): Work {
  const changed = { ...agent, ...change };
  const ofAgent = changed.contexts.map((item) => ({ item, namespace: changed.namespace }));
  return {
    task: { namespace: 'team', name: 'fix', uid: 'task-uid', createdAt: '2026-01-01T00:00:00Z' },
    agent: changed,
    ...(description !== undefined && { description }),
    contexts: [...ofAgent, ...items.map((item) => ({ item, namespace: 'team' }))],
  };
}

export function text(content: string, mountPath?: string, name?: string): ContextItem {
  return { type: 'Text', text: content, ...placed(mountPath, name), optional: false };
}

export function fromConfigMap(
  configMap: { name: string; key?: string },
  mountPath?: string,
  optional = false,
): ContextItem {
  return { type: 'ConfigMap', configMap, ...placed(mountPath), optional };
}

export function clone(mountPath?: string, repository = 'https://github.com/org/repo'): ContextItem {
  const git = { repository, ref: 'HEAD', depth: 1, recurseSubmodules: false };
  return { type: 'Git', git, ...placed(mountPath), optional: false };
}

export function download(mountPath?: string, source = 'https://example.com/a.md'): ContextItem {
  const url = { source, headers: [], timeoutSeconds: 30, insecureSkipTlsVerify: false };
  return { type: 'URL', url, ...placed(mountPath), optional: false };
}

export const runtime: ContextItem = { type: 'Runtime', optional: false, mountPath: 'ignored' };

function placed(mountPath?: string, name?: string): { mountPath?: string; name?: string } {
  return { ...(mountPath !== undefined && { mountPath }), ...(name !== undefined && { name }) };
}

export function configMaps(entries: Record<string, Partial<ConfigMapData>>): ConfigMaps {
  return new Map(Object.entries(entries).map(([place, found]) => [place, { data: {}, binaryData: {}, ...found }]));
}
