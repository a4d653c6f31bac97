/** What stands in front of an entry to say more about it: PAX records, and GNU's long names. */
import { MalformedLayer } from './tar-header.ts';

export interface TarExtension {
  readonly path?: string;
  readonly size?: number;
}

/** Go's limit too. */
export const maxExtensionBytes = 1024 * 1024;

export function parseLongName(bytes: Buffer): TarExtension {
  const text = bytes.toString('latin1');
  const nul = text.indexOf('\0');
  return named(nul === -1 ? text : text.slice(0, nul));
}

/** Records about the next entry. POSIX pax §extended header */
export function parsePax(bytes: Buffer): TarExtension {
  const records = paxRecords(bytes);
  const path = records.get('path');
  const size = records.get('size');
  return {
    ...named(path),
    ...(size === undefined || size === '' ? {} : { size: sizeOf(size) }),
  };
}

/** Records about all entries that follow: POSIX applies them and Go does not, so those that matter are refused. */
export function checkGlobalPax(bytes: Buffer): void {
  const records = paxRecords(bytes);
  for (const key of ['path', 'size', 'linkpath']) {
    if (records.has(key)) throw new MalformedLayer(`it sets "${key}" for all of its entries at once`);
  }
}

/** Empty: as if it were not there. */
function named(path: string | undefined): TarExtension {
  return path === undefined || path === '' ? {} : { path };
}

function paxRecords(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space === -1 ? '' : bytes.toString('latin1', at, Math.min(space, at + 16));
    const end = at + (/^\d{1,8}$/.test(length) ? Number(length) : 0);
    if (end <= space || end > bytes.length || bytes[end - 1] !== 0x0a) throw malformedRecord();
    addRecord(records, bytes.toString('latin1', space + 1, end - 1));
    at = end;
  }
  return records;
}

function addRecord(records: Map<string, string>, record: string): void {
  const equals = record.indexOf('=');
  if (equals < 1) throw malformedRecord();
  const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
  if (key.startsWith('GNU.sparse.')) throw sparse();
  if (key !== 'path' && key !== 'size' && key !== 'linkpath') return;
  if (records.has(key) || value.includes('\0')) throw malformedRecord();
  records.set(key, value);
}

function malformedRecord(): MalformedLayer {
  return new MalformedLayer('a PAX record is malformed');
}

export function sparse(): MalformedLayer {
  return new MalformedLayer('it holds a sparse file, whose name and size depend on who reads it');
}

function sizeOf(text: string): number {
  const size = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new MalformedLayer('an entry has an impossible size');
  return size;
}
