/** One replica asked by itself, as the API server would ask it through the Service. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { Api, ApiObject } from '../gate/api.ts';
import type { Replica } from './installation.ts';

export interface ReplicaAnswer {
  readonly allowed: boolean;
  readonly code: number;
  readonly message: string;
}

const serverName = 'countersign.countersign-system.svc';

/** `ca`: PEM; the certificate must be of the Service's name, as the API server demands. */
export async function askReplica({ address }: Replica, ca: string, object: ApiObject): Promise<ReplicaAnswer> {
  const dispatcher = new Agent({ connect: { ca, servername: serverName } });
  try {
    const answer = await request(`https://${address}:8443/validate`, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(reviewOf(object)),
      signal: AbortSignal.timeout(12_000),
    });
    const { allowed, status } = asRecord(asRecord(await answer.body.json())?.['response']) ?? {};
    const { code, message } = asRecord(status) ?? {};
    return { allowed: allowed === true, code: Number(code ?? 0), message: String(message) };
  } finally {
    await dispatcher.close();
  }
}

const consoleName = 'countersign-console.countersign-system.svc';

/** What its action history has about a namespace: the answer as it is. */
export async function askHistory({ address }: Replica, ca: string, token: string, namespace: string): Promise<string> {
  const dispatcher = new Agent({ connect: { ca, servername: consoleName } });
  try {
    const answer = await request(`https://${address}:9443/api/v1/audit/actions?namespace=${namespace}`, {
      dispatcher,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    return await answer.body.text();
  } finally {
    await dispatcher.close();
  }
}

/** Of a Pod that is being created. */
function reviewOf(object: ApiObject): object {
  const { name, namespace } = object.metadata;
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      requestResource: { group: '', version: 'v1', resource: 'pods' },
      name,
      namespace,
      operation: 'CREATE',
      userInfo: { username: 'admin', groups: ['system:masters'] },
      object,
      dryRun: true,
    },
  };
}

/** The CA that the API server believes, PEM. */
export async function certificateAuthority(api: Api): Promise<string> {
  const configuration = asRecord(await api.read(webhooks));
  const [first] = Array.isArray(configuration?.['webhooks']) ? (configuration['webhooks'] as readonly unknown[]) : [];
  const caBundle = asRecord(asRecord(first)?.['clientConfig'])?.['caBundle'];
  return Buffer.from(String(caBundle), 'base64').toString('utf8');
}

const webhooks = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'countersign' },
};
