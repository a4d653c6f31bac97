/**
 * What an action image says about itself in /action-contract.yaml: immutable data, every default filled in and every part
 * checked. A contract is read only from an image whose signatures passed; here nothing is fetched and nothing is trusted.
 */
import type { Glob } from '../kernel/glob.ts';
import type { Pattern } from '../kernel/pattern.ts';
import type { Quantity } from './quantity.ts';
import type { SecurityContext } from './security-context.ts';
import type { Version } from './version.ts';

export interface ActionContract {
  /** The action. A DNS-1123 label. */
  readonly name: string;
  readonly version: Version;
  readonly description: string;
  /** In the order of the file; names are unique. */
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
  readonly resources: { readonly requests: Resources; readonly limits: Resources };
  /** Empty: no access to the API server, hence no token. */
  readonly permissions: readonly Permission[];
  /** As in a container; absent members are not spoken about. */
  readonly securityContext: SecurityContext;
  /** Where it may run; absent: no limit of its own. */
  readonly run?: readonly Glob[];
  /** What it may act on; absent: no limit of its own. */
  readonly target?: readonly Glob[];
  /** Names of the inputs that hold a target namespace. */
  readonly targetInputs: readonly string[];
  /** False: the image has no /bin/sh. */
  readonly shell: boolean;
  /** Milliseconds. */
  readonly timeoutMs?: number;
  readonly workspace: 'required' | 'optional' | 'none';
}

/** By resource name, e.g. "memory". */
export type Resources = ReadonlyMap<string, Quantity>;

export type ValueType = (typeof valueTypes)[number];
export const valueTypes = ['string', 'integer', 'number', 'boolean', 'duration', 'object', 'array'] as const;

export interface InputSpec {
  readonly name: string;
  readonly type: ValueType;
  readonly required: boolean;
  readonly description: string;
  /** Of the right type, as JSON. */
  readonly default?: unknown;
  /** Allowed values, all of the right type. */
  readonly enum?: readonly unknown[];
  /** For texts; RE2, matches anywhere unless it anchors itself. */
  readonly pattern?: Pattern;
  /** For numbers, and for durations in milliseconds. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** For texts: characters; for lists: items. */
  readonly maxLength?: number;
}

export interface OutputSpec {
  readonly name: string;
  readonly type: ValueType;
  readonly description: string;
}

/** rbac.authorization.k8s.io/v1 PolicyRule, namespaced part. */
export interface Permission {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames: readonly string[];
}
