import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogLookUp, type ClosableLogLookUp } from '../../src/adapters/sigstore/log-look-up.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { publicKeyFromPem } from '../../src/verification/public-key.ts';
import { pemOfKey, pem } from '../verification/kit/certificates.ts';
import { attestationOf, keylessAttestation } from '../verification/kit/attestations.ts';
import { dsseEntry, hashedRekord, logEntry, type SignedEntry } from '../verification/kit/log-entries.ts';
import {
  byKey,
  createSigstore,
  identity,
  image,
  issuer,
  keyless,
  leafOf,
  muchLater,
  otherImage,
} from '../verification/kit/sigstore.ts';
import { annotation, claimOf, legacyOf, statementOf } from '../verification/kit/signatures.ts';
import type { LegacyAttestation, LegacySignature } from '../../src/policy/facts.ts';
import type { Question, TrustQuestion } from '../../src/policy/question.ts';
import {
  answerTo,
  Attestations,
  attested,
  custom,
  demand,
  key,
  never,
  outcomes,
  questionOf,
  sourceOf,
  stranger,
  TextLanguages,
  vuln,
  workload,
} from './attestation-kit.ts';

const sigstore = createSigstore();
const foreign = createSigstore();
const leaf = leafOf(sigstore);
const statement = statementOf(image, { predicateType: vuln });

/** A Rekor that answers what it is told, and remembers what it was asked. */
let asked: unknown[];
let answer: { readonly status: number; readonly body: string | Buffer; readonly location?: string };
let server: Server;
let url: string;
let logLookUp: ClosableLogLookUp;

beforeEach(async () => {
  asked = [];
  answer = { status: 200, body: '[]' };
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push([request.method, request.url, JSON.parse(Buffer.concat(chunks).toString())]);
      const headers = answer.location === undefined ? {} : { location: answer.location };
      response.writeHead(answer.status, headers).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has this kind of address.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  logLookUp = createLogLookUp({ anyAddress: [url], timeoutMs: 3_000, maxBytes: 100_000 });
});
afterEach(async () => {
  await logLookUp.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function answerWith(...entries: readonly SignedEntry[]): void {
  const list = entries.map((entry, index) => ({
    [`24296fb24b8ad77a${index}`]: {
      body: entry.body.toString('base64'),
      integratedTime: entry.integratedTime,
      logIndex: entry.logIndex,
      logID: entry.logId.toString('hex'),
      verification: { signedEntryTimestamp: entry.set.toString('base64'), inclusionProof: {} },
    },
  }));
  answer = { status: 200, body: JSON.stringify(list) };
}

function looking(trust: TrustQuestion, lookUp = url): TrustQuestion {
  return { ...trust, log: { demand: 'required', root: sigstore.root, lookUp } };
}

const identities = [{ issuer: { kind: 'exact', text: issuer }, subject: { kind: 'exact', text: identity } }] as const;

async function askFor(attestations: readonly LegacyAttestation[], trust: TrustQuestion): Promise<readonly string[]> {
  const registry = new Attestations();
  registry.addLegacy(attestations);
  const source = sourceOf(registry, new TextLanguages(), { logLookUp, clock: { now: () => muchLater } });
  return outcomes(await answerTo(questionOf([demand('vuln')], { trust }), source));
}

const signatureIn = ({ envelope }: LegacyAttestation): Buffer =>
  Buffer.from(JSON.parse(Buffer.from(envelope).toString()).signatures[0].sig, 'base64');
const unlogged = ({ annotations, ...rest }: LegacyAttestation): LegacyAttestation => {
  const { [annotation.rekor]: _, ...others } = annotations;
  return { ...rest, annotations: others };
};
const spkiPem = (): string => publicKeyFromPem(pemOfKey(key)).key.export({ type: 'spki', format: 'pem' }).toString();

describe('an entry that the log has', () => {
  test('proves an attestation by a key', async () => {
    const artifact = attested(vuln);
    answerWith(logEntry(sigstore, { body: dsseEntry(statementIn(artifact), signatureIn(artifact), spkiPem()) }));
    expect(await askFor([artifact], looking(byKey(key)))).toEqual(['0:met']);
    const [[method, path, body]] = asked as [[string, string, { entries: [{ spec: Record<string, unknown> }] }]];
    expect([method, path]).toEqual(['POST', '/api/v1/log/entries/retrieve']);
    expect(body.entries).toEqual([
      {
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          proposedContent: {
            envelope: Buffer.from(artifact.envelope).toString(),
            verifiers: [Buffer.from(spkiPem()).toString('base64')],
          },
        },
      },
    ]);
  });

  test('proves when an attestation by a certificate was signed', async () => {
    const artifact = unlogged(keylessAttestation(sigstore, leaf, { statement }));
    answerWith(
      logEntry(sigstore, { body: dsseEntry(statement, signatureIn(artifact), pem(leaf.der)), time: muchLater }),
      logEntry(sigstore, { body: dsseEntry(statement, signatureIn(artifact), pem(leaf.der)) }),
    );
    expect(await askFor([artifact], looking(keyless(sigstore, { identities })))).toEqual(['0:met']);
  });

  test('proves a legacy signature', async () => {
    const artifact = legacyOf({ key });
    const signature = Buffer.from(artifact.annotations[annotation.signature] ?? '', 'base64');
    answerWith(logEntry(sigstore, { body: hashedRekord(claimOf(image), signature, spkiPem()) }));
    const facts = await signatureFacts(artifact, looking(byKey(key)));
    expect(facts).toMatchObject({ ok: true, value: [{ verified: true, log: { url: 'https://rekor.test' } }] });
  });

  function statementIn({ envelope }: LegacyAttestation): Buffer {
    return Buffer.from(String(asRecord(JSON.parse(Buffer.from(envelope).toString()))?.['payload']), 'base64');
  }
});

async function signatureFacts(artifact: LegacySignature, trust: TrustQuestion) {
  const registry = new Attestations();
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: registry.putBlob(artifact.payload),
    size: artifact.payload.length,
    annotations: artifact.annotations,
  };
  const config = { mediaType: 'x', digest: image, size: 1 };
  registry.putManifest({ schemaVersion: 2, config, layers: [layer] }, `sha256-${image.slice(7)}.sig`);
  const { wanted: _, ...parts } = questionOf([], { trust });
  const question: Question = { ...parts, kind: 'signatures' };
  const source = sourceOf(registry, new TextLanguages(), { logLookUp });
  return (await source.answer([question], workload, never)).get(question.id);
}

describe('an entry that does not prove it', () => {
  const artifact = attestationOf({ key, statement });
  const good = dsseEntry(statement, signatureIn(artifact), pemOfKey(key));
  test.each<[string, () => SignedEntry, string]>([
    ['of another log', () => logEntry(foreign, { body: good }), 'TLOG_INVALID'],
    ['with a promise by another key', () => logEntry(sigstore, { body: good, key: foreign.rekorKey }), 'TLOG_INVALID'],
    [
      'with the promise of another entry',
      () => ({ ...logEntry(sigstore, { body: good }), set: logEntry(sigstore, { body: {} }).set }),
      'TLOG_INVALID',
    ],
    [
      'of another payload',
      () => logEntry(sigstore, { body: dsseEntry(Buffer.from('{}'), signatureIn(artifact), pemOfKey(key)) }),
      'TLOG_INVALID',
    ],
    [
      'of another signature',
      () => logEntry(sigstore, { body: dsseEntry(statement, Buffer.from('other'), pemOfKey(key)) }),
      'TLOG_INVALID',
    ],
    [
      'of another key',
      () => logEntry(sigstore, { body: dsseEntry(statement, signatureIn(artifact), pemOfKey(stranger)) }),
      'TLOG_INVALID',
    ],
    ['without a body', () => ({ ...logEntry(sigstore, { body: good }), body: Buffer.alloc(0) }), 'SIGNATURE_MALFORMED'],
  ])('%s', async (_name, entry, code) => {
    answerWith(entry());
    expect(await askFor([artifact], looking(byKey(key)))).toEqual([code]);
  });

  test('from long after the certificate expired', async () => {
    const late = unlogged(keylessAttestation(sigstore, leaf, { statement }));
    answerWith(logEntry(sigstore, { body: dsseEntry(statement, signatureIn(late), pem(leaf.der)), time: muchLater }));
    expect(await askFor([late], looking(keyless(sigstore, { identities })))).toEqual(['CERTIFICATE_EXPIRED']);
  });

  test('none at all', async () => {
    expect(await askFor([artifact], looking(byKey(key)))).toEqual(['TLOG_MISSING']);
    expect(asked).toHaveLength(1);
  });

  test('what is not understood is passed over', async () => {
    answer = { status: 200, body: JSON.stringify([null, {}, { a: 1 }, { b: { body: 1 } }]) };
    expect(await askFor([artifact], looking(byKey(key)))).toEqual(['TLOG_MISSING']);
  });
});

describe('a log that does not answer leaves it open', () => {
  const artifact = attestationOf({ key, statement });
  test.each<[string, () => void]>([
    ['with an error', () => (answer = { status: 500, body: 'oops' })],
    ['with a redirect', () => (answer = { status: 302, body: '', location: 'http://127.0.0.1:1/' })],
    ['with no JSON', () => (answer = { status: 200, body: '<html>' })],
    ['with an object', () => (answer = { status: 200, body: '{}' })],
    ['with too much', () => (answer = { status: 200, body: Buffer.alloc(200_000, 0x20) })],
    ['because it is gone', () => server.closeAllConnections() ?? server.close()],
    ['because it hangs', () => server.removeAllListeners('request')],
  ])('%s', async (_name, arrange) => {
    arrange();
    expect(await askFor([artifact], looking(byKey(key)))).toEqual(['unavailable TLOG_UNAVAILABLE']);
  });

  test.each([
    'http://127.0.0.1:9/',
    'http://169.254.169.254/latest',
    'http://[::1]/',
    'http://localhost:9',
    'file:///etc/passwd',
    'rekor',
  ])('because %s may not be asked', async (address) => {
    expect(await askFor([artifact], looking(byKey(key), address))).toEqual(['unavailable TLOG_UNAVAILABLE']);
    expect(asked).toEqual([]);
  });
});

describe('a log is not asked', () => {
  const logged = { demand: 'required', root: sigstore.root } as const;
  const ofAnother = attestationOf({ key, statement: statementOf(otherImage) });
  test.each<[string, LegacyAttestation, TrustQuestion, string]>([
    ['when the policy names none', attested(vuln), byKey(key, { log: logged }), 'TLOG_MISSING'],
    ['when the policy demands no log', attested(vuln), byKey(key), '0:met'],
  ])('%s', async (_name, artifact, trust, expected) => {
    expect(await askFor([artifact], trust)).toEqual([expected]);
    expect(asked).toEqual([]);
  });

  test.each<[string, LegacyAttestation, TrustQuestion, string]>([
    [
      'the entry came along',
      keylessAttestation(sigstore, leaf, { statement }),
      keyless(sigstore, { identities }),
      '0:met',
    ],
    ['another key has signed', attested(vuln, {}, stranger), byKey(key), 'TLOG_MISSING'],
    ['the statement is about another image', ofAnother, byKey(key), 'CLAIM_MISMATCH'],
  ])('when %s', async (_name, artifact, trust, expected) => {
    expect(await askFor([artifact], looking(trust))).toEqual([expected]);
    expect(asked).toEqual([]);
  });

  test('more than ten times for one image', async () => {
    await askFor(
      Array.from({ length: 30 }, () => attested(custom)),
      looking(byKey(key)),
    );
    expect(asked).toHaveLength(10);
  });

  test('about what somebody else has signed with a certificate, more than ten times', async () => {
    const one = unlogged(keylessAttestation(foreign, leafOf(foreign), { statement }));
    await askFor(
      Array.from({ length: 30 }, () => one),
      looking(keyless(sigstore, { identities })),
    );
    expect(asked).toHaveLength(10);
  });
});
