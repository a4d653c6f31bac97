/**
 * Asks a Rekor (v1) for the entry of a signature. What it answers proves nothing by itself, so it may come over plain HTTP
 * as from a log inside the cluster; but the address is in a policy, so the rules about addresses hold here as well.
 * sigstore/rekor openapi.yaml, searchLogQuery
 */
import { Agent, request, type Dispatcher } from 'undici';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { LoggedEntry, LogLookUp } from '../../ports/log-look-up.ts';
import { readAtMost } from '../read-at-most.ts';
import { hasRefusedAddress, lookupAllowed } from '../registry/addresses.ts';

export interface LogLookUpSettings {
  /** Origins that may have any address, such as a log on this host. */
  readonly anyAddress?: readonly string[];
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

export interface ClosableLogLookUp extends LogLookUp {
  close(): Promise<void>;
}

const path = 'api/v1/log/entries/retrieve';

export function createLogLookUp(settings: LogLookUpSettings = {}): ClosableLogLookUp {
  const { anyAddress = [], timeoutMs = 5_000, maxBytes = 4 * 1024 * 1024 } = settings;
  const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connections: 8, maxHeaderSize: 16_384 };
  const careful = new Agent({ ...limits, connect: { timeout: timeoutMs, lookup: lookupAllowed } });
  const free = new Agent({ ...limits, connect: { timeout: timeoutMs } });

  return {
    async find(address, proposed, signal) {
      const base = `${address.replace(/\/+$/, '')}/`;
      const url = URL.canParse(path, base) ? new URL(path, base) : undefined;
      if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
        return unavailable(address, 'its address is not an http or https URL');
      }
      const isFree = anyAddress.includes(url.origin);
      if (!isFree && hasRefusedAddress(url)) return unavailable(address, 'its address may not be spoken to');
      const asked = { url, body: JSON.stringify({ entries: [proposed] }), maxBytes };
      return ask(address, asked, isFree ? free : careful, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    },
    async close() {
      await Promise.all([careful.destroy(), free.destroy()]);
    },
  };
}

interface Asked {
  readonly url: URL;
  readonly body: string;
  readonly maxBytes: number;
}

async function ask(
  address: string,
  { url, body, maxBytes }: Asked,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<Result<readonly LoggedEntry[]>> {
  const headers = {
    'user-agent': 'countersign',
    'content-type': 'application/json',
    accept: 'application/json',
    'accept-encoding': 'identity',
  };
  try {
    // Redirects are not followed: a log is asked where the policy says it is.
    const answer = await request(url, { method: 'POST', headers, body, dispatcher, signal });
    const bytes = await readAtMost(answer.body, maxBytes);
    if (answer.statusCode !== 200) return unavailable(address, `it answers with status ${answer.statusCode}`);
    if (bytes === undefined) return unavailable(address, `its answer has more than ${maxBytes} bytes`);
    const entries = readEntries(bytes);
    return entries === undefined ? unavailable(address, 'its answer is not a list of log entries') : ok(entries);
  } catch {
    return unavailable(address, signal.aborted ? 'it does not answer in time' : 'it cannot be reached');
  }
}

/** A list of objects with one member each: the entry, by its name. */
function readEntries(bytes: Uint8Array): readonly LoggedEntry[] | undefined {
  const json = parseStrictJson(bytes);
  if (!json.ok || !Array.isArray(json.value)) return undefined;
  const list: readonly unknown[] = json.value;
  const entries = list.flatMap((item) => Object.values(asRecord(item) ?? {})).map(readEntry);
  // One that is not understood proves nothing; the others may.
  return entries.filter((entry) => entry !== undefined);
}

function readEntry(value: unknown): LoggedEntry | undefined {
  const { body, integratedTime, logIndex, logID, verification } = asRecord(value) ?? {};
  const signedEntryTimestamp = asRecord(verification)?.['signedEntryTimestamp'];
  const isEntry =
    typeof body === 'string' &&
    typeof integratedTime === 'number' &&
    typeof logIndex === 'number' &&
    typeof logID === 'string' &&
    typeof signedEntryTimestamp === 'string';
  return isEntry ? { body, integratedTime, logIndex, logID, signedEntryTimestamp } : undefined;
}

function unavailable(address: string, why: string): Result<never> {
  return fail(failure('TLOG_UNAVAILABLE', `the transparency log ${quoted(address)} that the policy names: ${why}`, 2));
}
