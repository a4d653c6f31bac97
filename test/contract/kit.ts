import { parseContract } from '../../src/contract/parse-contract.ts';
import type { ActionContract } from '../../src/contract/model.ts';

/** The example of the design documents. */
export const gitClone = {
  apiVersion: 'kubernaut.ai/v1alpha1',
  kind: 'ActionContract',
  metadata: { name: 'git-clone', version: 'v1.0.0' },
  spec: {
    description: 'Clone Git repository to workspace',
    inputs: [
      { name: 'repository', type: 'string', required: true, description: 'Git repository URL' },
      { name: 'branch', type: 'string', required: false, default: 'main' },
    ],
    outputs: [{ name: 'commitSHA', type: 'string', description: 'Cloned commit SHA' }],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
    rbac: { permissions: [] as readonly unknown[] },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1000,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
  },
};

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The example with other members of spec. */
export function withSpec(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...gitClone, spec: { ...gitClone.spec, ...members } };
}

/** What is said about a document: empty when it is read. */
export function problemsOf(document: unknown): readonly string[] {
  const read = parseContract(bytes(typeof document === 'string' ? document : JSON.stringify(document)));
  return read.ok ? [] : read.failure;
}

export function contractOf(document: unknown): ActionContract {
  const read = parseContract(bytes(typeof document === 'string' ? document : JSON.stringify(document)));
  if (!read.ok) throw new Error(read.failure.join('\n'));
  return read.value;
}

export function contractWith(members: Readonly<Record<string, unknown>>): ActionContract {
  return contractOf(withSpec(members));
}
