import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { ParsedSignature } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';

/** in-toto Statement v1 and v0.1; github.com/in-toto/attestation spec/v1/statement.md */
export interface Statement {
  readonly predicateType: string;
  /** Annotations of the subject with this SHA-256 in hexadecimal; undefined when there is no such subject. */
  annotationsOf(sha256: string): Readonly<Record<string, unknown>> | undefined;
}

export const inTotoPayload = 'application/vnd.in-toto+json';

const types = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

export function readStatement(payload: Uint8Array): Statement {
  const json = parseStrictJson(payload);
  if (!json.ok) throw new Rejection('SIGNATURE_MALFORMED', `the statement: ${json.problem}`);
  const { _type: type, predicateType, subject } = asRecord(json.value) ?? {};
  if (
    typeof type !== 'string' ||
    !types.includes(type) ||
    typeof predicateType !== 'string' ||
    !Array.isArray(subject)
  ) {
    throw new Rejection('SIGNATURE_MALFORMED', 'the payload is not an in-toto statement');
  }
  const subjects: readonly unknown[] = subject;
  return {
    predicateType,
    annotationsOf(sha256) {
      const found = subjects.map(asRecord).find((entry) => asRecord(entry?.['digest'])?.['sha256'] === sha256);
      return found === undefined ? undefined : (asRecord(found['annotations']) ?? {});
    },
  };
}

/** What the statement says about the image; CLAIM_MISMATCH when it is about others only. */
export function statementAbout(
  statement: Statement,
  sha256: string,
): Pick<ParsedSignature, 'annotations'> & { readonly predicateType: string } {
  const annotations = statement.annotationsOf(sha256);
  if (annotations === undefined) throw new Rejection('CLAIM_MISMATCH', 'it is a statement about another image');
  return { annotations, predicateType: statement.predicateType };
}
