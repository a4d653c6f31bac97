// A real Kubernetes until it is interrupted: node test/cluster/up.ts [--no-node] [--json]
// With --json one line on standard output says what there is, and the end of standard input ends the cluster: so the
// tests' cluster goes with the process that asked for it, however that ends.
import { parseArgs } from 'node:util';
import { say } from './builds.ts';
import { startCluster } from './cluster.ts';

const { values } = parseArgs({ options: { 'no-node': { type: 'boolean' }, json: { type: 'boolean' } } });
const asked = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  if (values.json === true) process.stdin.resume().on('close', () => resolve());
});

const started = performance.now();
const start = await startCluster({ node: values['no-node'] !== true });
if ('obstacle' in start) {
  if (values.json === true) process.stdout.write(`${JSON.stringify(start)}\n`);
  say(start.obstacle);
  process.exit(3);
}
const { cluster } = start;
say(`ready in ${Math.round((performance.now() - started) / 1000)} s; logs are in ${cluster.folder}`);
if (cluster.withoutNode !== undefined) say(`there is no node: ${cluster.withoutNode}`);
if (values.json === true) process.stdout.write(`${JSON.stringify(cluster)}\n`);
else process.stdout.write(`export KUBECONFIG=${cluster.kubeconfig}\n`);
await asked;
await cluster.stop();
process.exit(0);
