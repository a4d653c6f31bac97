/**
 * Credentials that the installation itself has for a registry, after those that the workload brings: an account of the
 * registry file, or the identity of the cloud in which it runs. A cloud's token goes to that cloud's own hosts, and to
 * hosts for which the file says so; over HTTPS only.
 */
import { readFile } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { defined } from '../../kernel/defined.ts';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { BasicCredentials } from '../../ports/registry.ts';
import type { Env } from '../cloud/exchange.ts';
import type { CloudCredentials } from './cloud-credentials.ts';
import { cloudOf } from './cloud-hosts.ts';
import type { Hosts } from './hosts.ts';
import type { Account, CloudName } from './registry-file.ts';
import type { Transport } from './transport.ts';

export interface Identities {
  forHost(host: string, signal: AbortSignal): Promise<Result<Identified>>;
  /** The registry does not take what it was sent. */
  refused(host: string): void;
}

export interface Identified {
  readonly credentials?: BasicCredentials;
  /** For whoever reads a refusal. */
  readonly tried?: string;
}

interface Wanted {
  readonly cloud: CloudName;
  /** The file says so: without it nothing is asked. */
  readonly demanded: boolean;
}

interface Absence {
  readonly sentence: string;
  readonly until: number;
}

const names = {
  ecr: 'the identity in AWS (ECR)',
  gar: 'the identity in Google Cloud (GAR)',
  acr: 'the identity in Azure (ACR)',
} as const satisfies Record<CloudName, string>;
/** Where there is no identity, public images of a cloud's registry are not to wait for one. */
const undemandedMs = 2_000;
const missingMs = 60_000;
const maxMissing = 1_000;

export function createIdentities(hosts: Hosts, transport: Transport, env: Env | undefined): Identities {
  // By host: whoever names images may name one of the cloud that does not exist.
  const missing = new LRUCache<string, Absence>({ max: maxMissing });
  let loading: Promise<CloudCredentials> | undefined;

  // Most installations never need it.
  const load = async (known: Env): Promise<CloudCredentials> => {
    const { createCloudCredentials } = await import('./cloud-credentials.ts');
    return createCloudCredentials(known, transport);
  };

  async function ofCloud({ cloud, demanded }: Wanted, host: string, signal: AbortSignal): Promise<Result<Identified>> {
    const known = demanded ? undefined : missing.get(host);
    if (known !== undefined && performance.now() < known.until) return ok({ tried: known.sentence });
    loading ??= load(env ?? {});
    const within = demanded ? signal : AbortSignal.any([signal, AbortSignal.timeout(undemandedMs)]);
    const found = await (await loading).for(cloud, host, within);
    if (found.ok) return ok({ credentials: found.value, tried: names[cloud] });
    const sentence = `${names[cloud]} could not be used: ${found.failure}`;
    if (demanded) return fail(withoutIdentity(host, sentence, signal));
    // That one caller had no time left says nothing about the cloud.
    if (signal.aborted) return ok({ tried: sentence });
    const absence = { sentence, until: performance.now() + missingMs };
    missing.set(host, absence);
    if (within.aborted) void onceThere({ cloud, demanded }, host, absence);
    return ok({ tried: sentence });
  }

  /** What was only slow is used as soon as it is there: the exchange goes on after its first caller gave up. */
  async function onceThere({ cloud }: Wanted, host: string, absence: Absence): Promise<void> {
    const found = await (await loading)?.for(cloud, host, AbortSignal.timeout(missingMs));
    if (found?.ok === true && missing.get(host) === absence) missing.delete(host);
  }

  return {
    async forHost(host, signal) {
      const entry = hosts.entryOf(host);
      if (entry?.account !== undefined) return ofAccount(host, entry.account);
      const wanted = wantedFor(host);
      return wanted === undefined ? ok({}) : ofCloud(wanted, host, signal);
    },
    refused(host) {
      const wanted = wantedFor(host);
      if (wanted !== undefined) void loading?.then((cloud) => cloud.forget(wanted.cloud, host));
    },
  };

  function wantedFor(host: string): Wanted | undefined {
    const said = hosts.entryOf(host)?.identity;
    if (said === 'none' || hosts.isInsecure(host)) return undefined;
    if (said !== undefined) return { cloud: said, demanded: true };
    const cloud = env === undefined ? undefined : cloudOf(host);
    return cloud === undefined ? undefined : { cloud, demanded: false };
  }
}

/** Read each time it is asked for, so that a password may be changed while the program runs. */
async function ofAccount(host: string, { username, passwordFile }: Account): Promise<Result<Identified>> {
  try {
    const password = (await readFile(passwordFile, 'utf8')).trim();
    return ok({ credentials: { username, password }, ...defined('tried', `the account ${quoted(username)}`) });
  } catch {
    const sentence = `the password of ${quoted(username)} for ${quoted(host)} cannot be read from ${quoted(passwordFile)}`;
    return fail(failure('SECRET_UNAVAILABLE', sentence, 5));
  }
}

function withoutIdentity(host: string, sentence: string, signal: AbortSignal): Failure {
  const code = signal.aborted ? 'REGISTRY_TIMEOUT' : 'REGISTRY_DENIED';
  return failure(code, `registry ${quoted(host)} was not asked: ${sentence}`, 5);
}
