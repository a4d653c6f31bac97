import type * as Demo from './demo.ts';
import { UsageError } from './usage-error.ts';

/** The demo signs with a development dependency and is no part of an installation: neither image nor package has it. */
export async function loadDemo(): Promise<typeof Demo> {
  try {
    return await import('./demo.ts');
  } catch (error) {
    if (!isMissingModule(error)) throw error;
    throw new UsageError('the demo is not part of an installation: run `npm ci` and `npm run demo` in a checkout');
  }
}

function isMissingModule(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}
