/**
 * Connections to registries, kept open: one pool for each way in which hosts are reached (certificates, proxy, whether
 * addresses are looked at), never shared between two of them. Files of certificates are read again when they change.
 */
import { readFileSync, statSync } from 'node:fs';
import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici';
import { lookupAllowed } from './addresses.ts';
import type { HostRule } from './hosts.ts';
import type { Account, RegistryEntry } from './registry-file.ts';

export interface Connections {
  /** Throws the error of the operating system when a file of the rule was never readable. */
  for(rule: HostRule): Dispatcher;
  close(): Promise<void>;
}

interface Opened {
  readonly dispatcher: Dispatcher;
  readonly version: string;
  readonly checked: number;
}

const recheckMs = 5_000;
/** What is still asked over replaced connections ends within this. */
const limits = {
  keepAliveTimeout: 30_000,
  headersTimeout: 10_000,
  bodyTimeout: 10_000,
  maxHeaderSize: 32_768,
  connections: 32,
  // These limits are those of HTTP/1.1, and a few requests each gain nothing from another protocol.
  allowH2: false,
};
const connectTimeoutMs = 5_000;

export function createConnections(): Connections {
  const pools = new Map<string, Opened>();

  function open(rule: HostRule, known: Opened | undefined): Opened {
    const checked = performance.now();
    const version = versionOf(rule.entry);
    // A file that cannot be read just now, as while it is being replaced, changes nothing.
    if (known !== undefined && (version === undefined || version === known.version)) return { ...known, checked };
    const dispatcher = newDispatcher(rule);
    // Requests in flight end as they began.
    if (known !== undefined) void known.dispatcher.close();
    return { dispatcher, version: version ?? '', checked };
  }

  return {
    for(rule) {
      const key = keyOf(rule);
      const known = pools.get(key);
      if (known !== undefined && performance.now() - known.checked < recheckMs) return known.dispatcher;
      const pool = open(rule, known);
      pools.set(key, pool);
      return pool.dispatcher;
    },
    async close() {
      await Promise.all([...pools.values()].map(({ dispatcher }) => dispatcher.destroy()));
    },
  };
}

function keyOf(rule: HostRule): string {
  const pem = rule.kind === 'ca' ? rule.pem : undefined;
  return JSON.stringify([rule.kind, pem, rule.entry?.files, rule.entry?.proxy]);
}

function filesOf({ files, proxy }: RegistryEntry): readonly string[] {
  return [files.ca, files.certificate, files.key, proxy?.ca, proxy?.account?.passwordFile].filter(
    (it) => it !== undefined,
  );
}

/** Undefined: one of the files is not there. */
function versionOf(entry: RegistryEntry | undefined): string | undefined {
  if (entry === undefined) return '';
  const stats = filesOf(entry).map((file) => statSync(file, { throwIfNoEntry: false }));
  if (stats.includes(undefined)) return undefined;
  return stats.map((stat) => `${stat?.mtimeMs} ${stat?.ino} ${stat?.size}`).join();
}

function newDispatcher(rule: HostRule): Dispatcher {
  const { entry } = rule;
  const tls = tlsOf(rule);
  if (entry?.proxy === undefined) {
    const lookup = rule.kind === 'unknown' ? { lookup: lookupAllowed } : {};
    return new Agent({ ...limits, connect: { timeout: connectTimeoutMs, ...lookup, ...tls } });
  }
  const { url, ca, account } = entry.proxy;
  return new ProxyAgent({
    ...limits,
    uri: url.href,
    // Also to plain HTTP: the proxy is to see no more than it must.
    proxyTunnel: true,
    // Else a proxy that never answers keeps a connection for five minutes.
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: connectTimeoutMs }),
    ...(account === undefined ? {} : { token: basicHeader(account) }),
    requestTls: { timeout: connectTimeoutMs, ...tls },
    proxyTls: { timeout: connectTimeoutMs, ...(ca === undefined ? {} : { ca: readFileSync(ca) }) },
  });
}

function tlsOf(rule: HostRule): { readonly ca?: string | Buffer; readonly cert?: Buffer; readonly key?: Buffer } {
  const { ca, certificate, key } = rule.entry?.files ?? {};
  const pem = rule.kind === 'ca' ? rule.pem : undefined;
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(pem === undefined ? {} : { ca: pem }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { cert: readFileSync(certificate), key: readFileSync(key) }),
  };
}

function basicHeader({ username, passwordFile }: Account): string {
  const password = readFileSync(passwordFile, 'utf8').trim();
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
