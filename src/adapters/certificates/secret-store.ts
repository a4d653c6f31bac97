/** The certificate Secret through the API server. Every write names the version that it replaces, so none is lost. */
import { CoreV1Api, PatchStrategy, setHeaderOptions, type KubeConfig, type V1Secret } from '@kubernetes/client-node';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CertificateChange, CertificateStore, StoredCertificates } from '../../ports/certificate-store.ts';
import { boundedCall, type ApiFailure, type CallLimits } from '../kubernetes/bounded-call.ts';
import { issueServing, makeAuthority, usualLifetimes, type KeyPair, type Lifetimes } from './authority.ts';
import { ownLabels, secretData, storedCertificates, type SecretContent } from './certificate-secret.ts';

export interface SecretStoreSettings {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly name: string;
  /** DNS names and IP addresses of the serving certificate. */
  readonly names: readonly string[];
  readonly lifetimes?: Lifetimes;
}

/** A Secret has at most 1 MiB. */
const limits: CallLimits = { deadlineMs: 5_000, maxBytes: 4 * 1024 * 1024 };

export function secretStore(settings: SecretStoreSettings): CertificateStore {
  const { kubeConfig, namespace, name, names, lifetimes = usualLifetimes } = settings;
  const api = kubeConfig.makeApiClient(CoreV1Api);
  const title = `Secret ${namespace}/${name}`;

  async function write(stored: StoredCertificates, content: SecretContent): Promise<Result<boolean, ApiFailure>> {
    const data = secretData(content);
    if (stored.kind === 'absent') {
      const body: V1Secret = { metadata: { name, labels: ownLabels }, type: 'kubernetes.io/tls', data };
      const made = await boundedCall(`create ${title}`, limits, (call) =>
        api.createNamespacedSecret({ namespace, body }, call),
      );
      return unlessOvertaken(made);
    }
    // It is not ours to write, whoever asks.
    if (stored.kind === 'foreign') return ok(false);
    const body = { metadata: { resourceVersion: stored.version }, data };
    const patched = await boundedCall(`write ${title}`, limits, (call) =>
      api.patchNamespacedSecret(
        { namespace, name, body },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch, call),
      ),
    );
    return unlessOvertaken(patched);
  }

  return {
    async read() {
      const answer = await boundedCall(`read ${title}`, limits, (call) =>
        api.readNamespacedSecretWithHttpInfo({ namespace, name }, call),
      );
      if (!answer.ok) {
        return answer.failure.status === 404 ? ok({ stored: { kind: 'absent' }, serverTime: undefined }) : answer;
      }
      const { data, headers } = answer.value;
      const serverTime = Date.parse(headers['date'] ?? '');
      return ok({
        stored: storedCertificates(data, names),
        serverTime: Number.isNaN(serverTime) ? undefined : serverTime,
      });
    },

    async apply(stored, change, now) {
      return write(stored, await changed(stored, change, { names, lifetimes, now }));
    },
  };
}

/** 409 for a version that is not the newest and for a Secret that exists by now, 404 for one that is gone. */
function unlessOvertaken(answer: Result<unknown, ApiFailure>): Result<boolean, ApiFailure> {
  if (answer.ok) return ok(true);
  const { status } = answer.failure;
  return status === 409 || status === 404 ? ok(false) : fail(answer.failure);
}

interface Making {
  readonly names: readonly string[];
  readonly lifetimes: Lifetimes;
  readonly now: Date;
}

async function changed(
  stored: StoredCertificates,
  change: CertificateChange,
  { names, lifetimes, now }: Making,
): Promise<SecretContent> {
  if (change.kind === 'start over') {
    const authority = await makeAuthority(now, lifetimes);
    const { keep } = change;
    // Of forced rotations in a row the last few: whatever they have signed is presented for some seconds at most.
    const kept =
      keep?.authorities.filter(({ id }, at, all) => id === keep.serving.issuer || at >= all.length - 3) ?? [];
    return {
      authorities: [...kept.map(({ cert }) => cert), authority.cert],
      authorityKey: authority.key,
      serving: keep?.serving ?? (await issueServing(authority, names, now, lifetimes)),
    };
  }
  if (stored.kind !== 'shared') throw new Error(`nothing can be changed in certificates that are ${stored.kind}`);
  const { authorities, authorityKey, serving } = stored;
  const certs = authorities.map(({ cert }) => cert);
  switch (change.kind) {
    case 'add authority': {
      const authority = await makeAuthority(now, lifetimes);
      return { authorities: [...certs, authority.cert], authorityKey: authority.key, serving };
    }
    case 'issue serving': {
      const signer: KeyPair = { cert: certs.at(-1) ?? '', key: authorityKey };
      return { authorities: certs, authorityKey, serving: await issueServing(signer, names, now, lifetimes) };
    }
    case 'drop authorities': {
      const kept = authorities.filter(({ id }) => !change.ids.includes(id)).map(({ cert }) => cert);
      return { authorities: kept, authorityKey, serving };
    }
  }
}
