/** CUSTOM_CA_CERT_PATH: certificates of a company's own authority, in addition to those that are known anyway. */
import { readFile } from 'node:fs/promises';
import { quoted } from '../kernel/failure.ts';
import { fail, ok } from '../kernel/result.ts';
import type { InitResult, Surroundings } from './command.ts';
import { textOf } from './settings.ts';
import { isMissing } from './volume-files.ts';

const name = 'CUSTOM_CA_CERT_PATH';
const maxBytes = 4_194_304;

/** PEM; undefined: none is named. */
export async function ownAuthorities({ env }: Pick<Surroundings, 'env'>): Promise<InitResult<string | undefined>> {
  const path = textOf(env, name);
  if (path === undefined) return ok(undefined);
  try {
    const text = await readFile(path, 'latin1');
    if (text.length <= maxBytes && text.includes('-----BEGIN CERTIFICATE-----')) return ok(text);
    return fail(`${name}: ${quoted(path)} holds no PEM certificates`);
  } catch (error) {
    if (isMissing(error)) return fail(`${name}: there is no file ${quoted(path)}`);
    throw error;
  }
}
