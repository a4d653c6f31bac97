/** Why a TUF repository is not used, for people: the library's errors are told by their kind, never by their text. */
import { LengthOrHashMismatchError, UnsignedMetadataError } from '@tufjs/models/dist/error.js';
import { BadVersionError, ExpiredMetadataError, RepositoryError } from 'tuf-js/dist/error.js';
import { quoted } from '../../kernel/failure.ts';

/** Its message begins with the file and needs a "because" before it. */
export class RepositoryProblem extends Error {
  constructor(message: string) {
    super(quoted(message, 512));
  }
}

export function problemOf(file: string, error: unknown): RepositoryProblem {
  return error instanceof RepositoryProblem ? error : new RepositoryProblem(`${file} ${why(error)}`);
}

function why(error: unknown): string {
  if (error instanceof ExpiredMetadataError) return 'leads to metadata that has expired';
  if (error instanceof BadVersionError)
    return 'is of another version than it must be: the repository was rolled back, or is not whole';
  if (error instanceof UnsignedMetadataError) return 'is not signed by as many of the trusted keys as it must be';
  if (error instanceof LengthOrHashMismatchError) return 'was changed: it has another hash or length than was signed';
  if (error instanceof RepositoryError) return 'does not fit the rest of the repository';
  return 'cannot be read as TUF metadata';
}
