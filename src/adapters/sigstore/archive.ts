/** A TUF repository in a tar.gz, read into memory: nothing in it is ever a path of this host. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { readEntries, type Given, type Need } from '../../contract/tar-entries.ts';
import { MalformedLayer } from '../../contract/tar-header.ts';
import { RepositoryProblem } from './tuf-problem.ts';
import type { FetchFile } from './tuf-repository.ts';

/** Unpacked bytes: an object of the API server holds one and a half million packed ones. */
const maxBytes = 32 * 1024 * 1024;
const maxFiles = 10_000;
/** Repositories are packed with the folder that they are in. */
const usualFolder = /^repository\//;

export async function openArchive(archive: Buffer): Promise<FetchFile> {
  const files = readFiles(await unpack(archive));
  return async (path, limit) => {
    const found = files.get(path);
    if (found !== undefined && found.length > limit)
      throw new RepositoryProblem(`${path} is larger than ${limit} bytes`);
    return found;
  };
}

async function unpack(archive: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(archive, { maxOutputLength: maxBytes });
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw new RepositoryProblem(
      tooLarge
        ? `spec.repository.mirrorFS unpacks to more than ${maxBytes} bytes`
        : 'spec.repository.mirrorFS is no gzip',
    );
  }
}

function readFiles(tar: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const steps = readEntries(({ path, type }) => {
    if (type !== 'file') return undefined;
    if (files.size >= maxFiles)
      throw new RepositoryProblem(`spec.repository.mirrorFS holds more than ${maxFiles} files`);
    return (content) => void files.set(path.replace(usualFolder, ''), content);
  });
  let at = 0;
  const give = (need: Need): Given => {
    const size = 'take' in need ? need.take : need.skip;
    const bytes = tar.subarray(at, at + size);
    at += bytes.length;
    if (bytes.length === size) return bytes;
    return bytes.length === 0 ? 'end' : 'cut';
  };
  try {
    for (let next = steps.next(); next.done !== true; next = steps.next(give(next.value)));
    return files;
  } catch (error) {
    if (!(error instanceof MalformedLayer)) throw error;
    throw new RepositoryProblem(`spec.repository.mirrorFS cannot be read as tar: ${error.message}`);
  }
}
