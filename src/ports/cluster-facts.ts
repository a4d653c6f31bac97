import type { Result } from '../kernel/result.ts';
import type { ConfigurationName } from './webhook-configurations.ts';

export interface DefinitionFacts {
  /** e.g. "clusterimagepolicies.policy.sigstore.dev". */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Versions that are served. */
  readonly versions: readonly string[];
  readonly scope: string;
  /** A webhook converts between its versions. */
  readonly isConverted?: true;
}

/** Of a webhook configuration with one of our names: in which namespace the Service is that it leads to. */
export interface RegistrationFacts extends ConfigurationName {
  readonly namespace: string | undefined;
}

/** An act in the cluster, for "may I". */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
}

/** What has to be known of a cluster before something is installed into it. */
export interface ClusterFacts {
  version(): Promise<Result<string>>;
  /** Those of the names that exist. */
  definitions(names: readonly string[]): Promise<Result<readonly DefinitionFacts[]>>;
  registrations(names: readonly ConfigurationName[]): Promise<Result<readonly RegistrationFacts[]>>;
  /** Those that whoever asks does not have. */
  missingRights(rights: readonly Right[]): Promise<Result<readonly Right[]>>;
}
