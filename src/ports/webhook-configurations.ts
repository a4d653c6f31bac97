import type { PatchOperation } from '../kernel/json-patch.ts';
import type { Result } from '../kernel/result.ts';

export interface ConfigurationName {
  /** A definition may have a webhook too, which converts between its versions. */
  readonly kind: 'ValidatingWebhookConfiguration' | 'MutatingWebhookConfiguration' | 'CustomResourceDefinition';
  readonly name: string;
}

/** A webhook configuration as the API server has it. */
export interface WebhookConfiguration extends ConfigurationName {
  readonly version: string;
  readonly uid: string;
  readonly document: unknown;
}

/** The configurations by which the API server asks Countersign. */
export interface WebhookConfigurations {
  /** Those that exist. */
  read(): Promise<Result<readonly WebhookConfiguration[]>>;
  /** Gives false when somebody else has written since it was read. */
  patch(configuration: WebhookConfiguration, operations: readonly PatchOperation[]): Promise<Result<boolean>>;
}
