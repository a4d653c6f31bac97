/** The console and the records API: over HTTPS for whoever has a token, and on the loopback for port-forward. */
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterAccess } from '../../adapters/kubernetes/access-reviews.ts';
import type { Listen } from '../../config.ts';
import { startConsole, type ConsoleListener } from '../../http/console/start-console.ts';
import { recordsRoutes } from '../../http/records/records-routes.ts';
import { defined } from '../../kernel/defined.ts';
import type { AgentTasks } from '../../ports/agent-tasks.ts';
import type { CertificateSource } from '../../ports/certificates.ts';
import type { PolicyCatalogue } from '../../ports/policies.ts';
import { asSetting, type Foundation } from './foundation.ts';
import type { KeptRecords } from './records.ts';

/** Other replicas look every two seconds: the last decisions of this one are theirs before it goes. */
const lastCopyMs = 2_500;

/** Gives where they are, as URLs. */
export async function startConsoles(
  base: Foundation,
  certificates: CertificateSource,
  policies: PolicyCatalogue,
  { records, isCopied }: KeptRecords,
  tasks: AgentTasks | undefined,
): Promise<readonly string[]> {
  const { config, kubeConfig, clock, log, onClose } = base;
  const { listen, local } = config.console ?? {};
  const api = recordsRoutes({ records, log });
  const urls: string[] = [];

  async function open(flag: string, listener: ConsoleListener): Promise<void> {
    const console = await asSetting(
      flag,
      startConsole(listener, {
        records,
        policies,
        api,
        history: records.history,
        clock,
        log,
        ...defined('tasks', tasks),
      }),
    );
    onClose(() => console.close());
    urls.push(`${listener.kind === 'https' ? 'https' : 'http'}://${hostOf(console.address)}/console`);
  }

  // Without a cluster nobody can say who is behind a token.
  if (listen !== undefined && kubeConfig !== undefined) {
    const access = clusterAccess(kubeConfig);
    await open('--console-listen', { kind: 'https', address: listen, certificates, access });
  }
  if (local !== undefined) await open('--console-local', { kind: 'local', address: local });
  if (isCopied) onClose(() => sleep(lastCopyMs));
  return urls;
}

function hostOf({ host, port }: Listen): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
