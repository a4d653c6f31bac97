import { asRecord } from '../../kernel/strict-json.ts';
import { readManifests, type ManifestDocument } from '../manifest-documents.ts';
import { UsageError } from '../usage-error.ts';

/** As policy-tester demands of them. */
export function readResources(file: string, flagName: string): readonly ManifestDocument[] {
  let documents: readonly ManifestDocument[];
  try {
    documents = readManifests(file);
  } catch (error) {
    throw new UsageError(`${flagName}: ${error instanceof Error ? error.message : `${file} cannot be read`}`);
  }
  for (const { object } of documents) {
    for (const key of ['metadata', 'spec'] as const)
      if (asRecord(object)?.[key] === undefined)
        throw new UsageError(`${flagName}: ${file}: kubernetes resource is missing ${key} key`);
  }
  return documents;
}
