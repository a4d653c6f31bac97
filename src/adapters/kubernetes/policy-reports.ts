/**
 * Reports of the background scan: openreports.io where the API server serves it, wgpolicyk8s.io otherwise. Each is one object
 * `countersign` in its namespace, and goes away with the installation, because ClusterRole `countersign` owns it.
 */
import { CustomObjectsApi, RbacAuthorizationV1Api, type KubeConfig } from '@kubernetes/client-node';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { PolicyReports } from '../../ports/policy-reports.ts';
import { boundedCall, usualLimits, type CallLimits } from './bounded-call.ts';
import { listPages } from './list-pages.ts';
import { documentOf, kinds, name, ours, storedReport, type Kind } from './report-documents.ts';

const reportsPerPage = 500;

export function clusterPolicyReports(kubeConfig: KubeConfig, limits: CallLimits = usualLimits): PolicyReports {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  let kind: Kind | undefined;
  let owner: object | undefined;

  async function isServed({ group, version, plural }: Kind, signal: AbortSignal): Promise<Result<boolean>> {
    const answer = await boundedCall(
      `read what ${group} serves`,
      limits,
      (call): Promise<unknown> => api.getAPIResources({ group, version }, call),
      signal,
    );
    if (!answer.ok) return answer.failure.status === 404 ? ok(false) : fail(answer.failure);
    const listed = asRecord(answer.value)?.['resources'];
    return ok(Array.isArray(listed) && listed.some((one: unknown) => asRecord(one)?.['name'] === plural));
  }

  /** Without the role, as on a developer's machine, nobody owns them. */
  async function ownerOf(signal: AbortSignal): Promise<Result<object | undefined>> {
    const rbac = kubeConfig.makeApiClient(RbacAuthorizationV1Api);
    const role = `ClusterRole ${name}`;
    const read = await boundedCall(`read ${role}`, limits, (call) => rbac.readClusterRole({ name }, call), signal);
    const status = read.ok ? undefined : read.failure.status;
    if (!read.ok && status !== 403 && status !== 404) return fail(read.failure);
    const uid = read.ok ? read.value.metadata?.uid : undefined;
    const reference = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name, uid };
    return ok(uid === undefined ? undefined : reference);
  }

  return {
    async served(signal) {
      for (const candidate of kinds) {
        const found = await isServed(candidate, signal);
        if (!found.ok) return found;
        if (!found.value) continue;
        const role = await ownerOf(signal);
        if (!role.ok) return role;
        kind = candidate;
        owner = role.value;
        return ok(`${candidate.plural}.${candidate.group}/${candidate.version}`);
      }
      kind = undefined;
      return ok(undefined);
    },

    async namespaces(signal) {
      if (kind === undefined) return ok([]);
      const { group, version, plural } = kind;
      const listing = { title: plural, group: { name: group, version }, plural, labelSelector: ours } as const;
      const pages = listPages(
        kubeConfig,
        { ...listing, metadataOnly: true },
        { limits, pageSize: reportsPerPage },
        signal,
      );
      const found: string[] = [];
      for await (const page of pages) {
        if (!page.ok) return fail(page.failure);
        for (const item of page.value) {
          const metadata = asRecord(asRecord(item)?.['metadata']);
          if (metadata?.['name'] === name && typeof metadata['namespace'] === 'string')
            found.push(metadata['namespace']);
        }
      }
      return ok(found);
    },

    async read(namespace, signal) {
      if (kind === undefined) return ok({ kind: 'none' });
      const { group, version, plural } = kind;
      // By a list, which is permitted anyway: one verb less that the installation has to be given.
      const listing = { title: `${plural} of ${namespace}`, group: { name: group, version }, plural, namespace };
      const only = { ...listing, fieldSelector: `metadata.name=${name}` };
      for await (const page of listPages(kubeConfig, only, { limits, pageSize: 1 }, signal)) {
        if (!page.ok) return fail(page.failure);
        const [found] = page.value;
        if (found !== undefined) return ok(storedReport(found));
      }
      return ok({ kind: 'none' });
    },

    async write(namespace, report, before, signal) {
      if (kind === undefined || before.kind === 'foreign') return ok(undefined);
      const version = before.kind === 'ours' ? before.version : undefined;
      const body = documentOf(kind, namespace, report, { version, owner });
      const request = { ...place(kind), namespace, body };
      const written = await boundedCall(
        `write the report of ${namespace}`,
        limits,
        (call): Promise<unknown> =>
          version === undefined
            ? api.createNamespacedCustomObject(request, call)
            : api.replaceNamespacedCustomObject({ ...request, name }, call),
        signal,
      );
      return written.ok ? ok(undefined) : fail(written.failure);
    },

    async remove(namespace, before, signal) {
      if (kind === undefined || before.kind !== 'ours') return ok(undefined);
      // Of that version alone: what somebody has put there since is not ours to take.
      const body = { preconditions: { resourceVersion: before.version } };
      const request = { ...place(kind), namespace, name, body };
      const removed = await boundedCall(
        `delete the report of ${namespace}`,
        limits,
        (call): Promise<unknown> => api.deleteNamespacedCustomObject(request, call),
        signal,
      );
      return removed.ok || removed.failure.status === 404 ? ok(undefined) : fail(removed.failure);
    },
  };
}

function place({ group, version, plural }: Kind): Pick<Kind, 'group' | 'version' | 'plural'> {
  return { group, version, plural };
}
