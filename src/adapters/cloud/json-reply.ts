import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { exchange, type Asked, type Reply } from './exchange.ts';

export type Members = Readonly<Record<string, unknown>>;

/** The JSON object of a 200; anything else is a sentence, with what the service says of it. */
export async function jsonReply(asked: Asked, signal: AbortSignal): Promise<Result<Members, string>> {
  const got = await exchange(asked, signal);
  if (!got.ok) return got;
  const { status, body } = got.value;
  const json = parseStrictJson(body);
  const members = json.ok ? asRecord(json.value) : undefined;
  const from = `${asked.what} at ${quoted(asked.url.host)}`;
  if (status !== 200) return fail(`${from} answered ${status}${said(members, got.value)}`);
  return members === undefined ? fail(`${from} did not answer with a JSON object`) : ok(members);
}

export function textOf(members: Members | undefined, name: string): string | undefined {
  const value = members?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Every cloud has a place of its own for what went wrong. */
function said(members: Members | undefined, { body }: Reply): string {
  const error = asRecord(members?.['error']) ?? asRecord(members?.['Error']) ?? members;
  const { errors } = members ?? {};
  const listed = Array.isArray(errors) ? errors.filter((one) => typeof one === 'string').join('; ') : undefined;
  const parts = ['__type', 'Code', 'code', 'status', 'error', 'Message', 'message', 'error_description'].map((name) =>
    textOf(error, name),
  );
  const text = listed ?? parts.filter((part) => part !== undefined).join(': ');
  const shown = text === '' && members === undefined ? Buffer.from(body).toString('utf8').trim() : text;
  return shown === '' ? '' : ` (${quoted(shown, 200)})`;
}
