import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { exchange, type Asked, type Reply } from './exchange.ts';

export type Members = Readonly<Record<string, unknown>>;

/** What a service answered, whatever the status. */
export interface JsonAnswer {
  readonly status: number;
  readonly members: Members | undefined;
  /** Which service answered how, with what it says of it. */
  readonly sentence: string;
}

export async function jsonAnswer(asked: Asked, signal: AbortSignal): Promise<Result<JsonAnswer, string>> {
  const got = await exchange(asked, signal);
  if (!got.ok) return got;
  const { status, body } = got.value;
  const json = parseStrictJson(body);
  const members = json.ok ? asRecord(json.value) : undefined;
  const from = `${asked.what} at ${quoted(asked.url.host)}`;
  return ok({ status, members, sentence: `${from} answered ${status}${said(members, got.value)}` });
}

/** The JSON object of a 200; anything else is a sentence. */
export async function jsonReply(asked: Asked, signal: AbortSignal): Promise<Result<Members, string>> {
  const got = await jsonAnswer(asked, signal);
  if (!got.ok) return got;
  const { status, members, sentence } = got.value;
  if (status !== 200) return fail(sentence);
  const noObject = `${asked.what} at ${quoted(asked.url.host)} did not answer with a JSON object`;
  return members === undefined ? fail(noObject) : ok(members);
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
