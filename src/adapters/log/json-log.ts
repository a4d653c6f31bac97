/**
 * The program's log: one JSON object per line on standard error, so that standard output stays for results. Fields are
 * bounded in length and depth, and fields whose name says that they hold a secret are not written.
 */
import { destination, pino, stdTimeFunctions, type DestinationStream } from 'pino';
import type { Logger } from '../../ports/logger.ts';

export interface JsonLog extends Logger {
  /** Writes what is buffered; call before the process ends. */
  flush(): void;
}

const textLimit = 2048;
const listLimit = 32;
const memberLimit = 64;
const depthLimit = 4;
/** Of a name in lower case, without "-" and "_". */
const secretName =
  /pass(?:word|phrase)|secret|token|authorization|cookie|credential|(?:api|private|signing)key|^key$|^auth$/;
/** User and password in an address. */
const userInfo = /:\/\/[^/@\s]*@/g;

type Fields = Readonly<Record<string, unknown>>;

export function jsonLog(level: 'debug' | 'info' | 'warn' | 'error' = 'info', stream?: DestinationStream): JsonLog {
  // Not synchronous: a slow reader of the log must not hold up admissions.
  const standardError = destination({ dest: 2, sync: false });
  const log = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are plain fields already; pino's own serializer would name them anew.
      serializers: { err: (fields: unknown) => fields },
    },
    stream ?? standardError,
  );
  return {
    info: (fields, message) => log.info(bounded(fields), message),
    warn: (fields, message) => log.warn(bounded(fields), message),
    error: (fields, message) => log.error(bounded(fields), message),
    flush: () => {
      if (stream === undefined) standardError.flushSync();
    },
  };
}

function bounded(fields: Fields, depth = 1): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields).slice(0, memberLimit)) {
    result[name] = isSecret(name) ? '[redacted]' : boundedValue(value, depth);
  }
  return result;
}

function isSecret(name: string): boolean {
  return secretName.test(name.toLowerCase().replaceAll(/[-_]/g, ''));
}

function boundedValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return boundedText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return errorFields(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= depthLimit) return '[…]';
  if (Array.isArray(value)) return value.slice(0, listLimit).map((item) => boundedValue(item, depth + 1));
  // Any other object is a record of unknown members.
  return bounded(value as Fields, depth + 1);
}

function boundedText(text: string): string {
  // Cut after it, so that nothing is left of a user and password that the cut goes through.
  const clean = text.slice(0, 2 * textLimit).replaceAll(userInfo, '://[redacted]@');
  return clean.length > textLimit ? `${clean.slice(0, textLimit)}…` : clean;
}

/** Not the whole object: errors of network libraries carry requests, with their headers. */
function errorFields(error: Error): Fields {
  const cause = error.cause instanceof Error ? { cause: boundedValue(error.cause.message, 1) } : {};
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return {
    type: error.name,
    message: boundedValue(error.message, 1),
    ...code,
    ...cause,
    stack: boundedValue(error.stack, 1),
  };
}
