/** `countersign tasks list | logs | stop`: Tasks of agents, with the rights of whoever runs the command. */
import { Option, type Command } from 'commander';
import type { ApiTaskObjects } from '../adapters/kubernetes/api-task-objects.ts';
import { ageOf } from '../agents/age.ts';
import type { System } from '../agents/model.ts';
import { systems, type TaskView } from '../agents/task-view.ts';
import { quoted } from '../kernel/failure.ts';
import type { AgentTasks } from '../ports/agent-tasks.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, outputFlag } from './flags.ts';
import { printLog } from './task-log.ts';
import { coloured, print, table, type OutputFormat, type Terminal } from './terminal.ts';
import { known, settled, Undecided } from './undecided.ts';
import { UsageError } from './usage-error.ts';

interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly system: System | 'both';
}

interface ListFlags extends ClusterFlags {
  readonly allNamespaces?: true;
  readonly output: OutputFormat;
}

interface LogFlags extends ClusterFlags {
  readonly tail?: string;
  readonly follow?: true;
  readonly raw?: true;
}

const title: Readonly<Record<System, string>> = { kubeopencode: 'KubeOpenCode', kubetask: 'KubeTask' };

export function addTasksCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const tasks = program.command('tasks').description('Tasks of KubeOpenCode and KubeTask in a cluster');
  const ends = (work: Promise<ExitCode>): Promise<void> => settled(terminal, exit, work);

  clusterFlags(tasks.command('list').description('Tasks, their Agents and phases, oldest first'))
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(outputFlag())
    .action((flags: ListFlags) => ends(inCluster(flags, (cluster) => list(cluster, flags, terminal))));

  clusterFlags(tasks.command('logs <task>').description('what its agent has printed, also when it was stopped'))
    .addOption(new Option('--tail <n>', 'the last so many lines; without it all of them, but for more than 16 MiB'))
    .option('-f, --follow', 'wait for it to begin, and go on until it has ended')
    .option('--raw', 'with control characters; by themselves they would steer a terminal')
    .action((name: string, flags: LogFlags) =>
      ends(inCluster(flags, (cluster) => logs(cluster, name, flags, terminal))),
    );

  clusterFlags(
    tasks.command('stop <task>').description('ask KubeOpenCode to stop it; the end of its log is kept'),
  ).action((name: string, flags: ClusterFlags) =>
    ends(inCluster(flags, (cluster) => stop(cluster, name, flags, terminal))),
  );
}

/** The namespace is not one of ours: no variable of the environment speaks of it. */
function clusterFlags(command: Command): Command {
  return command
    .addOption(new Option('-n, --namespace <name>', 'without it the one of the kubeconfig'))
    .addOption(new Option('--system <which>', 'whose Tasks').choices([...systems, 'both']).default('both'))
    .addOption(flag('--kubeconfig <file>', 'cluster to ask; without it the one that kubectl would use'));
}

interface Cluster {
  readonly tasks: AgentTasks;
  readonly objects: ApiTaskObjects;
  /** Where nobody says another. */
  readonly namespace: string;
  readonly signal: AbortSignal;
}

async function inCluster(flags: ClusterFlags, work: (cluster: Cluster) => Promise<ExitCode>): Promise<ExitCode> {
  // The client of the cluster takes longer to load than other commands take as a whole.
  const [{ loadKubeConfigAsKubectl }, { apiTaskObjects }, { agentTasks }] = await Promise.all([
    import('../adapters/kubernetes/kube-config.ts'),
    import('../adapters/kubernetes/api-task-objects.ts'),
    import('../adapters/kubernetes/agent-tasks.ts'),
  ]);
  const kubeConfig = loadKubeConfigAsKubectl(flags.kubeconfig);
  if (!kubeConfig.ok) throw new UsageError(kubeConfig.failure.message);
  const objects = apiTaskObjects(kubeConfig.value);
  const context = kubeConfig.value.getContextObject(kubeConfig.value.getCurrentContext());
  const namespace = nameOf('--namespace', flags.namespace ?? (context?.namespace || 'default'));
  const { signal } = new AbortController();
  try {
    return await work({ tasks: agentTasks(objects, { now: () => new Date() }), objects, namespace, signal });
  } finally {
    objects.close();
  }
}

function nameOf(what: string, text: string): string {
  if (text.length <= 253 && /^[a-z0-9][a-z0-9.-]*$/.test(text)) return text;
  throw new UsageError(`${what}: "${quoted(text, 64)}" is not the name of an object`);
}

function chosen({ system }: ClusterFlags): readonly System[] {
  return systems.filter((one) => system === 'both' || system === one);
}

// ---- list

async function list(cluster: Cluster, flags: ListFlags, terminal: Terminal): Promise<ExitCode> {
  if (flags.allNamespaces === true && flags.namespace !== undefined)
    throw new UsageError('--namespace and --all-namespaces: one of them says where');
  const namespace = flags.allNamespaces === true ? undefined : cluster.namespace;
  const wanted = chosen(flags);
  const found: TaskView[] = [];
  const problems: string[] = [];
  let missing = 0;
  for (const system of wanted) {
    const listed = await cluster.tasks.list(system, namespace, cluster.signal);
    if (!listed.ok) problems.push(listed.failure.message);
    else if (listed.value === undefined) missing += 1;
    else found.push(...listed.value);
  }
  if (missing === wanted.length) throw new UsageError(notInstalled(wanted));
  if (problems.length + missing === wanted.length) throw new Undecided(problems.join('; '));
  for (const problem of problems) terminal.err(`countersign: ${problem}\n`);
  const sorted = found.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt) || pathOf(a).localeCompare(pathOf(b)));
  print(terminal, flags.output, sorted.map(printed), () => described(sorted, terminal));
  return problems.length > 0 ? exitCodes.undecided : exitCodes.ok;
}

function notInstalled(wanted: readonly System[]): string {
  const those = wanted.map((system) => title[system]).join(' or ');
  return `the cluster does not have ${those}: their definitions are not installed`;
}

function pathOf({ namespace, name }: Pick<TaskView, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** Undefined members are left out of JSON, and of YAML. */
function printed({ system, namespace, name, agent, phase, why, createdAt, status }: TaskView): object {
  const { startTime, completionTime, podName, podNamespace, jobName } = status;
  const pod = podName === undefined ? undefined : { namespace: podNamespace ?? namespace, name: podName };
  const all = { system, namespace, name, agent, phase, ...why, createdAt, startTime, completionTime, pod, jobName };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const colours = { Pending: 'dim', Queued: 'yellow', Running: 'yellow', Completed: 'green', Failed: 'red' } as const;

function described(tasks: readonly TaskView[], terminal: Terminal): string {
  if (tasks.length === 0) return 'no Tasks\n';
  const now = new Date();
  const rows = tasks.map((task) => {
    const { system, namespace, name, agent, phase, createdAt, why } = task;
    const from = agent.namespace === namespace ? agent.name : pathOf(agent);
    const reason = why === undefined ? '' : `${why.reason}: ${why.message}`;
    const [shownNamespace = '', shownName = '', shownAgent = '', shownReason = ''] = [
      namespace,
      name,
      from,
      task.isStopping ? 'it is to stop' : reason,
    ].map((text) => quoted(text, 160));
    const shownPhase = coloured(terminal, colours[phase], phase);
    return [shownNamespace, shownName, title[system], shownAgent, shownPhase, ageOf(createdAt, now), shownReason];
  });
  return table([['NAMESPACE', 'NAME', 'SYSTEM', 'AGENT', 'PHASE', 'AGE', 'REASON'], ...rows]);
}

// ---- one Task

/** Of the system that has one of this name; both is a question. */
async function taskNamed({ tasks, namespace, signal }: Cluster, name: string, flags: ClusterFlags): Promise<TaskView> {
  const place = { namespace, name: nameOf('the Task', name) };
  const found: TaskView[] = [];
  for (const system of chosen(flags)) {
    const task = known(await tasks.find({ system, ...place }, signal));
    if (task !== undefined) found.push(task);
  }
  const [task, another] = found;
  if (task === undefined) throw new UsageError(`there is no Task ${pathOf(place)}`);
  if (another === undefined) return task;
  throw new UsageError(`${pathOf(place)} is a Task of KubeOpenCode and one of KubeTask: say which with --system`);
}

function linesOf(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError(`--tail: "${quoted(text, 64)}" is not a number of lines`);
}

async function logs(cluster: Cluster, name: string, flags: LogFlags, terminal: Terminal): Promise<ExitCode> {
  const tailLines = flags.tail === undefined ? undefined : linesOf(flags.tail);
  const task = await taskNamed(cluster, name, flags);
  const shown = { tailLines, isFollowed: flags.follow === true, isRaw: flags.raw === true };
  return printLog(cluster, task, shown, terminal);
}

async function stop(cluster: Cluster, name: string, flags: ClusterFlags, terminal: Terminal): Promise<ExitCode> {
  const task = await taskNamed(cluster, name, flags);
  const path = pathOf(task);
  if (task.system === 'kubetask')
    throw new UsageError(
      `KubeTask has no stop. What ends the Job of ${path}, and removes the Task: kubectl delete tasks.kubetask.io ${task.name} -n ${task.namespace}`,
    );
  const stopped = known(await cluster.tasks.stop(task, cluster.signal));
  switch (stopped.kind) {
    case 'asked':
      terminal.out(`${path} is asked to stop\n`);
      return exitCodes.ok;
    case 'ended':
      terminal.out(`${path} has ended already: ${task.phase}\n`);
      return exitCodes.ok;
    case 'gone':
      throw new UsageError(`there is no Task ${path} any more`);
    case 'refused':
      terminal.err(`countersign: ${stopped.message}\n`);
      return exitCodes.refused;
  }
}
