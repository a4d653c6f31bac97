/**
 * url-fetch: one download into a file of a volume. It is asked for by whoever writes a Task and runs inside the cluster, so
 * that where it goes, how long it takes and how much it brings are all bounded. Proxies of the environment are not used:
 * behind one, nobody here would know which address is asked.
 */
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getCACertificates } from 'node:tls';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import { ownAuthorities } from '../authorities.ts';
import type { InitCommand, InitResult, Surroundings } from '../command.ts';
import { redactor } from '../redact.ts';
import { putFile } from '../volume-files.ts';
import { ask } from './ask.ts';
import { AddressRefused } from './checked-lookup.ts';
import { readUrlSettings, withoutQuery, type UrlSettings } from './url-settings.ts';

class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

export const urlFetch: InitCommand = async (around) => {
  const read = readUrlSettings(around.env);
  if (!read.ok) return read;
  const settings = read.value;
  const authorities = await ownAuthorities(around);
  if (!authorities.ok) return authorities;
  const hide = redactor([settings.authorization?.value, ...Object.values(settings.headers)]);
  const say = (line: string): void => around.say(hide(line));
  announce(settings, say);
  const fetched = await withDeadline(settings, around.signal, (signal) =>
    download({ ...around, say, signal }, settings, authorities.value),
  );
  if (!fetched.ok) return fail(hide(fetched.failure));
  say('url-fetch: Done!');
  return fetched;
};

function announce(settings: UrlSettings, say: (line: string) => void): void {
  const { source, target, timeoutSeconds, insecure, headers, authorization } = settings;
  const hasHeader = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
  say('url-fetch: Fetching content from URL...');
  say(`  Source: ${withoutQuery(source)}`);
  say(`  Target: ${quoted(target)}`);
  say(`  Timeout: ${timeoutSeconds}s`);
  if (insecure) say('  WARNING: TLS certificate verification disabled');
  say(`  Auth: ${authorization?.kind ?? (hasHeader ? 'Custom header' : 'None')}`);
}

async function withDeadline(
  { timeoutSeconds, maxBytes, source }: UrlSettings,
  stopped: AbortSignal,
  work: (signal: AbortSignal) => Promise<InitResult>,
): Promise<InitResult> {
  const deadline = AbortSignal.timeout(timeoutSeconds * 1_000);
  try {
    return await work(AbortSignal.any([deadline, stopped]));
  } catch (error) {
    if (stopped.aborted) return fail('it was stopped');
    if (deadline.aborted) return fail(`${withoutQuery(source)} did not answer in full within ${timeoutSeconds} s`);
    if (error instanceof AddressRefused) return fail(error.message);
    if (error instanceof TooLarge) return fail(`${withoutQuery(source)} has more than ${maxBytes} bytes`);
    // What the network, TLS and unpacking complain about has a code; everything else is a mistake of this program.
    if (error instanceof Error && 'code' in error) return fail(`${withoutQuery(source)}: ${sentenceOf(error)}`);
    throw error;
  }
}

/** When all addresses of a name fail, the error of the whole has no text. */
function sentenceOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return quoted(first instanceof Error ? first.message : error.message, 400);
}

async function download(around: Surroundings, settings: UrlSettings, own: string | undefined): Promise<InitResult> {
  const authorities = own === undefined ? undefined : [...getCACertificates('default'), own];
  const answer = await ask({
    settings,
    signal: around.signal,
    say: around.say,
    ...defined('authorities', authorities),
  });
  if (!answer.ok) return answer;
  const content = unpacked(answer.value);
  if (!content.ok) return content;
  if (Number(answer.value.headers['content-length'] ?? 0) > settings.maxBytes) throw new TooLarge();
  around.say(`url-fetch: Response status: ${answer.value.statusCode}`);
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(bytes > settings.maxBytes ? new TooLarge() : null, chunk);
    },
  });
  const { target, mode } = settings;
  const put = await putFile(around.mountPoints(), {
    path: target,
    mode,
    fill: (temporary) =>
      pipeline([...content.value, counted, createWriteStream(temporary, { flags: 'wx' })], { signal: around.signal }),
  });
  answer.value.destroy();
  if (put.ok) around.say(`url-fetch: Written ${bytes} bytes to ${quoted(target)}`);
  return put.ok ? ok(undefined) : put;
}

/** It was asked for as it is; some stores pack what they hold whatever they are asked. */
function unpacked(response: IncomingMessage): InitResult<readonly [Readable, ...Transform[]]> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  switch (encoding) {
    case 'identity':
    case '':
      return ok([response]);
    case 'gzip':
    case 'x-gzip':
      return ok([response, createGunzip()]);
    case 'deflate':
      return ok([response, createInflate()]);
    case 'br':
      return ok([response, createBrotliDecompress()]);
    default:
      response.destroy();
      return fail(`the answer is packed as "${quoted(encoding, 40)}", which nobody asked for`);
  }
}
