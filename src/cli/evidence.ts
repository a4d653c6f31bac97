/** The adapters behind the evidence, put together in one place for every command. */
import { readFileSync } from 'node:fs';
import { createPolicyLanguages, type ClosablePolicyLanguages } from '../adapters/policy-languages/create.ts';
import { createOciRegistry, type OciRegistry } from '../adapters/registry/oci-registry.ts';
import {
  anonymous,
  dockerConfigCredentials,
  parseDockerConfig,
  unusedHelpers,
  type DockerConfig,
} from '../adapters/registry/docker-config.ts';
import { parseRegistryFile, type RegistryFile } from '../adapters/registry/registry-file.ts';
import { createLogLookUp, type ClosableLogLookUp } from '../adapters/sigstore/log-look-up.ts';
import { embeddedPublicTrustRoot } from '../adapters/sigstore/public-trust-root.ts';
import { createInProcessVerifier } from '../adapters/verification/in-process-verifier.ts';
import type { RegistrySettings } from '../config.ts';
import type { CollectPorts } from '../evidence/collect-facts.ts';
import { defined } from '../kernel/defined.ts';
import { digestOf } from '../kernel/digest.ts';
import { publicTrustRoot, type TrustRoot } from '../policy/model.ts';
import { trustRootFromJson } from '../policy/parse-trust-root-json.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Credentials } from '../ports/registry.ts';
import { UsageError } from './usage-error.ts';

export interface EvidenceAdapters extends CollectPorts {
  readonly registry: OciRegistry;
  readonly languages: ClosablePolicyLanguages;
  readonly logLookUp: ClosableLogLookUp;
}

export function createEvidenceAdapters(
  settings: RegistrySettings,
  metrics: Pick<Metrics, 'registryRequest'>,
): EvidenceAdapters {
  return {
    registry: createOciRegistry({
      insecure: settings.insecure,
      ca: settings.ca,
      ...defined('file', readRegistryFile(settings.registryConfig)),
      metrics,
      env: process.env,
    }),
    verifier: createInProcessVerifier(),
    languages: createPolicyLanguages(),
    logLookUp: createLogLookUp(),
    clock: { now: () => new Date() },
  };
}

function readRegistryFile(file: string | undefined): RegistryFile | undefined {
  if (file === undefined) return undefined;
  const parsed = parseRegistryFile(readText(file, '--registry-config'));
  if (!parsed.ok) throw new UsageError(`--registry-config: ${file}: ${parsed.failure.join('; ')}`);
  return parsed.value;
}

/** Connections and threads; none of them would keep the process alive. */
export async function closeEvidenceAdapters({ registry, languages, logLookUp }: EvidenceAdapters): Promise<void> {
  await Promise.all([registry.close(), languages.close(), logLookUp.close()]);
}

export interface InstallationCredentials {
  readonly credentials: Credentials;
  readonly config?: DockerConfig;
}

/** Credentials for everybody, from a docker config.json; anonymous without one. */
export function readDockerConfig(file: string | undefined, warn: (message: string) => void): InstallationCredentials {
  if (file === undefined) return { credentials: anonymous };
  const text = readText(file, '--docker-config');
  const parsed = parseDockerConfig(text);
  if (!parsed.ok) throw new UsageError(`--docker-config: ${file}: ${parsed.failure.message}`);
  const unused = unusedHelpers(text);
  if (unused !== undefined) warn(`--docker-config: ${unused}`);
  return { credentials: dockerConfigCredentials(digestOf(text), parsed.value), config: parsed.value };
}

/** The embedded public-good root, or the file that stands in for it. */
export function readPublicTrustRoot(file: string | undefined): TrustRoot {
  if (file === undefined) return embeddedPublicTrustRoot();
  const parsed = trustRootFromJson(publicTrustRoot, readText(file, '--trusted-root'));
  if (!parsed.ok) throw new UsageError(`--trusted-root: ${file}: ${parsed.failure.join('; ')}`);
  return parsed.value;
}

export function readText(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${flag}: cannot read ${file}: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
}
