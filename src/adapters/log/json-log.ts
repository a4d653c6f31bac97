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
const depthLimit = 4;
const secretName = /pass(?:word|phrase)|secret|token|authorization|cookie|credential|privatekey|^key$|^auth$/i;

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
  for (const [name, value] of Object.entries(fields)) {
    result[name] = secretName.test(name) ? '[redacted]' : boundedValue(value, depth);
  }
  return result;
}

function boundedValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > textLimit ? `${value.slice(0, textLimit)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return errorFields(value);
  if (value instanceof Date) return value.toISOString();
  if (depth >= depthLimit) return '[…]';
  if (Array.isArray(value)) return value.slice(0, listLimit).map((item) => boundedValue(item, depth + 1));
  // Any other object is a record of unknown members.
  return bounded(value as Fields, depth + 1);
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
