/** Settings of the serving commands: what the gate needs, and what the parts around it need. */
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import {
  Checks,
  oneOf,
  parseListen,
  parseWebhookConfig,
  wholeNumber,
  type Listen,
  type Problems,
  type RawWebhookFlags,
  type WebhookConfig,
} from '../../config.ts';
import { defined } from '../../kernel/defined.ts';
import { parseImageReference } from '../../kernel/image-reference.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Keep } from '../../records/retention.ts';

/** What one process does; which of it is a matter of composition only. */
export interface Parts {
  /** Answers admission requests. */
  readonly gate: boolean;
  /** Writes into the cluster what belongs there: status, certificates, registration, reports. One replica at a time. */
  readonly controller: boolean;
  /** Shows decisions: console and records API. */
  readonly console: boolean;
}

export const partsOf = {
  serve: { gate: true, controller: true, console: true },
  webhook: { gate: true, controller: false, console: false },
  controller: { gate: false, controller: true, console: false },
  records: { gate: false, controller: false, console: true },
} as const satisfies Readonly<Record<string, Parts>>;

export type ServingCommand = keyof typeof partsOf;

export interface RecordsConfig {
  /** postgres://… or the path of an SQLite file. */
  readonly database: string;
  readonly passwordFile?: string;
  readonly keep: Keep;
  /** Absent: records of actions are kept for ever. */
  readonly keepActionsDays?: number;
}

export interface CertificatesSecret {
  readonly name: string;
  /** How long a serving certificate lives; everything else of the schedule follows from it. */
  readonly servingMs: number;
}

export interface ServingConfig extends WebhookConfig {
  readonly parts: Parts;
  /** The name of the Pod, or of the machine. */
  readonly instance: string;
  /** Absent: decisions stay in the decision log. */
  readonly records?: RecordsConfig;
  readonly console?: { readonly listen?: Listen; readonly local?: Listen };
  /** The Secret with the certificates that replicas share; absent: they are files, or made for this process. */
  readonly certificatesSecret?: CertificatesSecret;
  readonly heal: 'connection' | 'everything';
  /** Off: this process leads, whoever else there is. For a single replica only. */
  readonly leaderElect: boolean;
  /** Absent: WorkflowExecutions are left alone. `dataFolder`: for what must not be lost when the process ends. */
  readonly workflows?: { readonly dataFolder: string };
  /** Absent: Tasks and Agents are left alone. */
  readonly tasks?: { readonly systemImage: string };
  /** Absent: what runs already is not looked at. */
  readonly scan?: { readonly intervalMs: number; readonly namespaces: 'opted-in' | 'all' };
}

export interface RawServingFlags extends RawWebhookFlags {
  readonly database?: string;
  readonly databasePasswordFile?: string;
  readonly keepDays: string;
  readonly keepRecords: string;
  readonly keepActionsDays: string;
  readonly consoleListen: string;
  readonly consoleLocal: string;
  readonly certificatesSecret?: string;
  readonly servingCertificateSeconds: string;
  readonly heal: string;
  readonly scanMinutes: string;
  readonly scanNamespaces: string;
  readonly leaderElect: string;
  readonly workflows: string;
  readonly dataFolder?: string;
  readonly tasks: string;
  readonly systemImage: string;
}

/** The settings that `countersign webhook` has when nothing but the gate is configured. */
export function onlyTheGate(config: WebhookConfig): ServingConfig {
  return { ...config, parts: partsOf.webhook, instance: hostname(), heal: 'connection', leaderElect: true };
}

const longestSeconds = 365 * 24 * 3_600;
const inPod = process.env['KUBERNETES_SERVICE_HOST'] !== undefined;

export function parseServingConfig(command: ServingCommand, flags: RawServingFlags): Result<ServingConfig, Problems> {
  const parts = partsOf[command];
  const gate = parseWebhookConfig(flags);
  const checks = new Checks();
  const records = recordsOf(parts, flags, checks);
  const console = consoleOf(parts, flags, checks);
  const heal = checks.use(oneOf('--heal', flags.heal, ['connection', 'everything'] as const), 'connection');
  const certificatesSecret = certificatesSecretOf(flags, checks);
  const scan = scanOf(flags, checks);
  const leaderElect = checks.use(yesOrNo('--leader-elect', flags.leaderElect), true);
  const workflows = workflowsOf(parts, flags, checks);
  const tasks = tasksOf(parts, flags, checks);
  const problems = [...(gate.ok ? [] : gate.failure), ...checks.problems];
  if (!gate.ok || problems.length > 0) return fail(problems);
  return ok(
    Object.freeze({
      ...gate.value,
      parts,
      instance: process.env['POD_NAME'] ?? hostname(),
      ...defined('records', records),
      ...defined('console', console),
      ...defined('certificatesSecret', certificatesSecret),
      heal,
      leaderElect,
      ...defined('workflows', workflows),
      ...defined('tasks', tasks),
      ...defined('scan', scan),
    }),
  );
}

/** In a Pod replicas share their certificates, unless they are given some. */
function certificatesSecretOf(flags: RawServingFlags, checks: Checks): CertificatesSecret | undefined {
  const lifetime = wholeNumber('--serving-certificate-seconds', flags.servingCertificateSeconds, 60, longestSeconds);
  const servingMs = checks.use(lifetime, 0) * 1_000;
  const isGiven = flags.tlsCert !== undefined || flags.certificatesFolder !== undefined;
  const isUsual = inPod && flags.kubeconfig === undefined && !isGiven;
  const name = flags.certificatesSecret ?? (isUsual ? 'countersign-certificates' : undefined);
  return name === undefined ? undefined : { name, servingMs };
}

/** Without a console nobody asks, so that only a database that is named gets something. */
function recordsOf(parts: Parts, flags: RawServingFlags, checks: Checks): RecordsConfig | undefined {
  const database = flags.database ?? (parts.console ? 'countersign-records.sqlite' : undefined);
  const days = checks.use(wholeNumber('--keep-days', flags.keepDays, 0), 0);
  const records = checks.use(wholeNumber('--keep-records', flags.keepRecords, 0), 0);
  const actionsDays = checks.use(wholeNumber('--keep-actions-days', flags.keepActionsDays, 0), 0);
  if (database === undefined) return undefined;
  const keep = { ...(days > 0 ? { days } : {}), ...(records > 0 ? { records } : {}) };
  return {
    database,
    ...defined('passwordFile', flags.databasePasswordFile),
    keep,
    ...(actionsDays > 0 ? { keepActionsDays: actionsDays } : {}),
  };
}

function scanOf(flags: RawServingFlags, checks: Checks): ServingConfig['scan'] {
  const minutes = checks.use(wholeNumber('--scan-minutes', flags.scanMinutes, 0, 7 * 24 * 60), 0);
  const choices = ['opted-in', 'all'] as const;
  const namespaces = checks.use(oneOf('--scan-namespaces', flags.scanNamespaces, choices), 'opted-in');
  return minutes === 0 ? undefined : { intervalMs: minutes * 60_000, namespaces };
}

function workflowsOf(parts: Parts, flags: RawServingFlags, checks: Checks): ServingConfig['workflows'] {
  const isOn = checks.use(yesOrNo('--workflows', flags.workflows), false);
  // The decision log already is where the process may write, and what it writes stays.
  return isOn && parts.controller ? { dataFolder: flags.dataFolder ?? dirname(flags.decisionLog) } : undefined;
}

function tasksOf(parts: Parts, { tasks, systemImage }: RawServingFlags, checks: Checks): ServingConfig['tasks'] {
  const isOn = checks.use(yesOrNo('--tasks', tasks), false);
  const reference = parseImageReference(systemImage);
  if (!reference.ok) checks.problems.push(`--system-image: ${reference.failure.message}`);
  return isOn && parts.controller ? { systemImage } : undefined;
}

function yesOrNo(flag: string, text: string): Result<boolean, string> {
  const word = oneOf(flag, text, ['true', 'false'] as const);
  return word.ok ? ok(word.value === 'true') : word;
}

function consoleOf(parts: Parts, flags: RawServingFlags, checks: Checks): ServingConfig['console'] | undefined {
  if (!parts.console) return undefined;
  const local = consoleAt('--console-local', flags.consoleLocal, checks);
  // Nobody is asked who they are there.
  if (local !== undefined && !['127.0.0.1', '::1'].includes(local.host))
    checks.problems.push(`--console-local: "${flags.consoleLocal}" is not on 127.0.0.1 or [::1]`);
  return {
    ...defined('listen', consoleAt('--console-listen', flags.consoleListen, checks)),
    ...defined('local', local),
  };
}

function consoleAt(flag: string, text: string, checks: Checks): Listen | undefined {
  return text === 'none' ? undefined : checks.use(parseListen(flag, text), { host: '', port: 0 });
}
