/**
 * Settings of the serving commands: raw flag values (from flags, environment and one YAML file, in that order of
 * strength) become one frozen Config, or the list of everything wrong with them. Nothing else reads the environment.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { defined } from './kernel/defined.ts';
import { fail, ok, type Result } from './kernel/result.ts';

export interface Listen {
  readonly host: string;
  readonly port: number;
}

export interface RegistrySettings {
  /** Hosts (with port) that are spoken to over plain HTTP and may have any address. */
  readonly insecure: readonly string[];
  /** PEM certificates per host. */
  readonly ca: ReadonlyMap<string, string>;
  /** A docker config.json with credentials for every namespace. */
  readonly dockerConfig?: string;
  /** The file that says how single registries are reached. */
  readonly registryConfig?: string;
}

export interface WebhookConfig {
  readonly listen: Listen;
  /** Files and folders; empty: policies come from the cluster. */
  readonly policies: readonly string[];
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly onNoMatch: 'deny' | 'warn' | 'allow';
  /** Of a Tekton run, when it is created. */
  readonly onUnresolvedImage: 'defer' | 'refuse';
  readonly trustedRoot?: string;
  /** Folder in which the public-good root is kept fresh; absent: the embedded one. */
  readonly publicRootCache?: string;
  /** Between looks at the TUF repositories of TrustRoots. */
  readonly trustRootMinutes: number;
  readonly decisionLog: { readonly file: string; readonly maxBytes: number; readonly maxFiles: number };
  readonly onDecisionLogFailure: 'refuse' | 'admit';
  readonly tls:
    { readonly cert: string; readonly key: string } | { readonly names: readonly string[]; readonly folder?: string };
  readonly caFile?: string;
  readonly registry: RegistrySettings;
  readonly drainSeconds: number;
}

/** Flag values as the command line gives them. */
export interface RawWebhookFlags {
  readonly listen: string;
  readonly policies?: readonly string[];
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly onNoMatch: string;
  readonly onUnresolvedImage: string;
  readonly trustedRoot?: string;
  readonly publicRootCache?: string;
  readonly trustRootMinutes?: string;
  readonly decisionLog: string;
  readonly decisionLogMaxBytes: string;
  readonly decisionLogMaxFiles: string;
  readonly onDecisionLogFailure: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsName?: readonly string[];
  readonly certificatesFolder?: string;
  readonly caFile?: string;
  readonly drainSeconds: string;
  readonly insecureRegistry?: readonly string[];
  readonly registryCa?: readonly string[];
  readonly dockerConfig?: string;
  readonly registryConfig?: string;
}

export type Problems = readonly string[];

/** Collects every problem, so that one run shows them all. */
export class Checks {
  readonly problems: string[] = [];

  use<T>(result: Result<T, string>, fallback: T): T {
    if (result.ok) return result.value;
    this.problems.push(result.failure);
    return fallback;
  }
}

export function parseWebhookConfig(flags: RawWebhookFlags): Result<WebhookConfig, Problems> {
  const checks = new Checks();
  const config: WebhookConfig = Object.freeze({
    listen: checks.use(parseListen('--listen', flags.listen), { host: '', port: 0 }),
    policies: flags.policies ?? [],
    ...defined('kubeconfig', flags.kubeconfig),
    namespace: checks.use(parseNamespace(flags.namespace), ''),
    onNoMatch: checks.use(oneOf('--on-no-match', flags.onNoMatch, ['deny', 'warn', 'allow'] as const), 'deny'),
    onUnresolvedImage: checks.use(
      oneOf('--on-unresolved-image', flags.onUnresolvedImage, ['defer', 'refuse'] as const),
      'refuse',
    ),
    ...checks.use(parsePublicRoot(flags), {}),
    trustRootMinutes: checks.use(
      wholeNumber('--trust-root-minutes', flags.trustRootMinutes ?? '1440', 1, 35_000),
      1440,
    ),
    decisionLog: {
      file: flags.decisionLog,
      maxBytes: checks.use(wholeNumber('--decision-log-max-bytes', flags.decisionLogMaxBytes, 65_536), 0),
      maxFiles: checks.use(wholeNumber('--decision-log-max-files', flags.decisionLogMaxFiles, 1), 0),
    },
    onDecisionLogFailure: checks.use(
      oneOf('--on-decision-log-failure', flags.onDecisionLogFailure, ['refuse', 'admit'] as const),
      'refuse',
    ),
    tls: checks.use(parseTls(flags), { names: [] }),
    ...defined('caFile', flags.caFile),
    registry: checks.use(parseRegistrySettings(flags), { insecure: [], ca: new Map<string, string>() }),
    drainSeconds: checks.use(wholeNumber('--drain-seconds', flags.drainSeconds, 0, 3600), 0),
  });
  return checks.problems.length > 0 ? fail(checks.problems) : ok(config);
}

export function parseListen(flag: string, text: string): Result<Listen, string> {
  const match = /^(?:\[(?<six>[0-9a-fA-F:]+)\]|(?<host>[A-Za-z0-9.-]+)):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port']);
  const host = match?.groups?.['six'] ?? match?.groups?.['host'];
  if (host === undefined || port > 65_535) return fail(`${flag}: "${text}" is not HOST:PORT, e.g. 0.0.0.0:8443`);
  return ok({ host, port });
}

/** It becomes a part of host names. */
function parseNamespace(text: string): Result<string, string> {
  const isName = text.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text);
  return isName ? ok(text) : fail(`--namespace: "${text}" is not the name of a namespace`);
}

function parseTls(flags: RawWebhookFlags): Result<WebhookConfig['tls'], string> {
  const { tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    return fail('--tls-cert and --tls-key go together: give both, or none for a certificate made here');
  }
  if (tlsCert !== undefined && tlsKey !== undefined) return ok({ cert: tlsCert, key: tlsKey });
  const services = ['countersign', 'countersign-console'].map((name) => `${name}.${flags.namespace}.svc`);
  const inCluster = services.flatMap((service) => [service, `${service}.cluster.local`]);
  const names = flags.tlsName ?? ['localhost', '127.0.0.1', '::1', ...inCluster];
  return ok({ names, ...defined('folder', flags.certificatesFolder) });
}

function parsePublicRoot({
  trustedRoot,
  publicRootCache,
}: RawWebhookFlags): Result<Pick<WebhookConfig, 'trustedRoot' | 'publicRootCache'>, string> {
  if (trustedRoot !== undefined && publicRootCache !== undefined) {
    return fail('--trusted-root and --public-root-cache exclude each other: a root from a file is not refreshed');
  }
  return ok({ ...defined('trustedRoot', trustedRoot), ...defined('publicRootCache', publicRootCache) });
}

export type RegistryFlags = Pick<
  RawWebhookFlags,
  'insecureRegistry' | 'registryCa' | 'dockerConfig' | 'registryConfig'
>;

export function parseRegistrySettings(flags: RegistryFlags): Result<RegistrySettings, string> {
  const insecure = flags.insecureRegistry ?? [];
  const notHost = insecure.find((host) => !isHost(host));
  if (notHost !== undefined) return fail(`--insecure-registry: "${notHost}" is not HOST or HOST:PORT`);
  const ca = new Map<string, string>();
  for (const entry of flags.registryCa ?? []) {
    const [host = '', file = ''] = entry.split('=', 2);
    if (!isHost(host) || file === '') return fail(`--registry-ca: "${entry}" is not HOST=FILE`);
    const pem = readText(file);
    if (pem === undefined) return fail(`--registry-ca: cannot read ${file}`);
    if (!isCertificate(pem)) return fail(`--registry-ca: ${file} does not begin with a PEM certificate`);
    ca.set(host, pem);
  }
  return ok({
    insecure,
    ca,
    ...defined('dockerConfig', flags.dockerConfig),
    ...defined('registryConfig', flags.registryConfig),
  });
}

/** As in image names; an address with https:// before it would never be found. */
function isHost(text: string): boolean {
  return /^[A-Za-z0-9.-]+(?::\d{1,5})?$/.test(text);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

export function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): Result<T, string> {
  const choice = choices.find((candidate) => candidate === text);
  return choice === undefined ? fail(`${flag}: "${text}" is not one of ${choices.join(', ')}`) : ok(choice);
}

export function wholeNumber(
  flag: string,
  text: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): Result<number, string> {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return ok(value);
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return fail(`${flag}: "${text}" is not a whole number ${range}`);
}
