/**
 * Flags that several commands share. Every flag has an environment variable (`--decision-log` is
 * COUNTERSIGN_DECISION_LOG) and may stand in the YAML file named by --config; a flag is stronger than the
 * environment, the environment is stronger than the file.
 */
import { Option, type Command } from 'commander';
import { parse } from 'yaml';
import { defaultImages as images } from '../agents/model.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { readText } from './evidence.ts';
import { UsageError } from './usage-error.ts';

export function flag(flags: string, description: string, fallback?: string): Option {
  const option = new Option(flags, description);
  option.env(`COUNTERSIGN_${option.name().toUpperCase().replaceAll('-', '_')}`);
  return fallback === undefined ? option : option.default(fallback);
}

/** May be given several times; in the environment separated by commas. */
export function repeatable(flags: string, description: string): Option {
  return flag(flags, description).argParser((value: string, previous: readonly string[] | undefined) => {
    return [...(previous ?? []), ...value.split(',').filter((item) => item !== '')];
  });
}

export function outputFlag(): Option {
  return flag('-o, --output <format>', 'text, json or yaml', 'text').choices(['text', 'json', 'yaml']);
}

export function registryFlags(command: Command): Command {
  return command
    .addOption(repeatable('--insecure-registry <host>', 'registry host[:port] to speak to over plain HTTP'))
    .addOption(repeatable('--registry-ca <host=file>', 'PEM certificates that a registry host is verified with'))
    .addOption(flag('--docker-config <file>', 'docker config.json with registry credentials'))
    .addOption(flag('--registry-config <file>', 'YAML: certificates, proxies, mirrors and identities for registries'));
}

/** All serving commands take all of them, so that one ConfigMap or environment fits every part of an installation. */
export function servingFlags(command: Command): Command {
  return registryFlags(command)
    .addOption(flag('--config <file>', 'YAML file with values for these flags'))
    .addOption(flag('--print-config', 'print the settings in force and stop'))
    .addOption(flag('--listen <host:port>', 'address of the HTTPS server', '0.0.0.0:8443'))
    .addOption(repeatable('--policies <path>', 'file or folder with policies; without it they come from the cluster'))
    .addOption(flag('--kubeconfig <file>', 'cluster to read policies and pull secrets from'))
    .addOption(flag('--namespace <name>', "Countersign's own namespace", 'countersign-system'))
    .addOption(flag('--on-no-match <mode>', 'images that no policy matches: deny, warn or allow', 'deny'))
    .addOption(
      flag('--on-unresolved-image <mode>', 'images unknown when a Tekton run starts: defer or refuse', 'defer'),
    )
    .addOption(flag('--trusted-root <file>', 'trusted_root.json used instead of the embedded public-good root'))
    .addOption(flag('--public-root-cache <folder>', 'refresh the public-good root by TUF once a day and keep it here'))
    .addOption(flag('--trust-root-minutes <n>', 'minutes between looks at the TUF repositories of TrustRoots', '1440'))
    .addOption(flag('--decision-log <file>', 'decision log, JSON lines, chained', 'countersign-decisions.jsonl'))
    .addOption(flag('--decision-log-max-bytes <n>', 'size at which the log is rotated', '104857600'))
    .addOption(flag('--decision-log-max-files <n>', 'rotated files that are kept', '10'))
    .addOption(flag('--on-decision-log-failure <mode>', 'when a decision cannot be logged: refuse or admit', 'refuse'))
    .addOption(flag('--tls-cert <file>', 'serving certificate (PEM), reloaded when it changes'))
    .addOption(flag('--tls-key <file>', 'its private key (PEM)'))
    .addOption(repeatable('--tls-name <name>', 'DNS name or address in a certificate made here'))
    .addOption(flag('--certificates-folder <folder>', 'keeps the CA made here across restarts'))
    .addOption(flag('--ca-file <file>', 'written when ready: the CA certificate for caBundle'))
    .addOption(flag('--drain-seconds <n>', 'time for requests in flight when stopping', '20'))
    .addOption(
      flag('--certificates-secret <name>', 'Secret with certificates that replicas share; the default in a Pod'),
    )
    .addOption(flag('--serving-certificate-seconds <n>', 'life of serving certificates in that Secret', '7776000'))
    .addOption(flag('--heal <what>', 'of our webhook configurations: connection or everything', 'connection'))
    .addOption(flag('--scan-minutes <n>', 'minutes between looks at what already runs; 0: never', '60'))
    .addOption(flag('--scan-namespaces <which>', 'namespaces that are looked at: opted-in or all', 'opted-in'))
    .addOption(flag('--leader-elect <true|false>', 'one replica at a time leads; false: this one does', 'true'))
    .addOption(flag('--workflows <true|false>', "run Kubernaut's WorkflowExecutions", 'true'))
    .addOption(flag('--tasks <true|false>', 'run Tasks of KubeOpenCode and KubeTask', 'true'))
    .addOption(
      flag(
        '--system-image <image>',
        'for init containers of Tasks, where no KubeOpenCodeConfig names one',
        images.system,
      ),
    )
    .addOption(
      flag('--data-folder <folder>', 'for action records on their way; the default is that of the decision log'),
    )
    .addOption(flag('--database <url|file>', 'where decisions are kept: postgres://… or an SQLite file'))
    .addOption(flag('--database-password-file <file>', 'password for a postgres:// database'))
    .addOption(flag('--keep-days <n>', 'days that decisions are kept in the database; 0: for ever', '90'))
    .addOption(flag('--keep-records <n>', 'decisions that are kept in the database; 0: all', '1000000'))
    .addOption(flag('--keep-actions-days <n>', 'days that the action history is kept; 0: for ever', '90'))
    .addOption(flag('--console-listen <host:port>', 'address of console and records API, or none', '0.0.0.0:9443'))
    .addOption(flag('--console-local <host:port>', 'the same for kubectl port-forward, or none', '127.0.0.1:8080'))
    .hook('preAction', (_parent, acting) => {
      applyConfigFile(acting);
    });
}

/** Unknown keys are errors: a misspelt setting must not silently be the default. */
function applyConfigFile(command: Command): void {
  const file: unknown = command.opts()['config'];
  if (typeof file !== 'string') return;
  for (const [key, value] of Object.entries(readSettings(file))) {
    const option = command.options.find((candidate) => candidate.attributeName() === key);
    if (option === undefined) throw new UsageError(`--config: ${file} has an unknown key "${key}"`);
    const source = command.getOptionValueSource(key);
    const given = fromFile(option, value, `--config: ${file}: ${key}`);
    if (source === undefined || source === 'default') command.setOptionValueWithSource(key, given, 'config');
  }
}

function readSettings(file: string): Readonly<Record<string, unknown>> {
  let settings: unknown;
  try {
    settings = parse(readText(file, '--config'), { maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--config: ${file} is not YAML: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
  const mapping = asRecord(settings);
  if (mapping === undefined) throw new UsageError(`--config: ${file} is not a YAML mapping`);
  return mapping;
}

/** A value as the command line would give it. */
function fromFile(option: Option, value: unknown, where: string): unknown {
  const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  // Only repeatable flags have a parser.
  if (option.parseArg !== undefined) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (values.every((item) => typeof item === 'string' || typeof item === 'number')) return values.map(String);
  } else if (isScalar && (typeof value === 'boolean') === option.isBoolean()) {
    return option.isBoolean() ? value : String(value);
  }
  throw new UsageError(`${where} has no value that fits ${option.flags}`);
}

export function countOf(name: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new UsageError(`${name}: "${text}" is not a number of records`);
}

export function timeOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (!/^\d{4}-\d\d-\d\d(?:T|$)/.test(text) || Number.isNaN(date.getTime()))
    throw new UsageError(`${name}: "${text}" is not a time such as 2030-01-31T12:00:00Z`);
  return date;
}
