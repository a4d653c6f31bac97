import type { Result } from '../kernel/result.ts';
import type { SignatureArtifact, SignatureFact } from '../policy/facts.ts';
import type { Question } from '../policy/question.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogLookUp } from '../ports/log-look-up.ts';
import type { Verifier } from '../ports/verifier.ts';
import { proposedEntries, withLogEntry, type LegacyArtifact } from '../verification/log-query.ts';

export interface ProvePorts {
  readonly verifier: Verifier;
  readonly clock: Clock;
  /** Absent: a signature without the log entry that is demanded is rejected. */
  readonly logLookUp?: LogLookUp;
}

/** One signature at a time is proven; of a thousand without an entry only the first few are worth a call. */
export interface LookUps {
  left: number;
}

export const maxLookUps = 10;
/** Rekor answers with one for each of its shards. */
const maxEntries = 5;

/** Proves what was found. When all that is missing is a log entry, the log that the policy names is asked for it. */
export async function proveArtifact(
  ports: ProvePorts,
  question: Question,
  artifact: SignatureArtifact,
  lookUps: LookUps,
  signal: AbortSignal,
): Promise<Result<SignatureFact>> {
  const fact = await verify(ports, question, artifact, signal);
  const log = urlToAsk(question);
  if (log === undefined || ports.logLookUp === undefined || artifact.format === 'bundle') return fact;
  if (!fact.ok || fact.value.verified || fact.value.code !== 'TLOG_MISSING') return fact;
  if (lookUps.left <= 0 || !(await mayBeGood(ports, question, artifact, signal))) return fact;
  lookUps.left -= 1;
  const found = await lookUp(ports, { question, artifact, logLookUp: ports.logLookUp, log }, signal);
  return found ?? fact;
}

function urlToAsk({ trust: { log } }: Question): string | undefined {
  return log.demand === 'required' ? log.lookUp : undefined;
}

/** What is not even signed by one of the keys is not asked about. Who owns a certificate shows only with the entry. */
async function mayBeGood(
  ports: ProvePorts,
  question: Question,
  artifact: SignatureArtifact,
  signal: AbortSignal,
): Promise<boolean> {
  const { trust } = question;
  if (trust.kind === 'certificate') return true;
  const unlogged = { ...question, trust: { ...trust, log: { demand: 'ignored' } as const } };
  const fact = await verify(ports, unlogged, artifact, signal);
  return fact.ok && fact.value.verified;
}

interface Asked {
  readonly question: Question;
  readonly artifact: LegacyArtifact;
  readonly logLookUp: LogLookUp;
  readonly log: string;
}

/** Undefined: the log has nothing that proves it. */
async function lookUp(
  ports: ProvePorts,
  { question, artifact, logLookUp, log }: Asked,
  signal: AbortSignal,
): Promise<Result<SignatureFact> | undefined> {
  let rejected: Result<SignatureFact> | undefined;
  for (const proposed of proposedEntries(artifact, question.trust)) {
    const entries = await logLookUp.find(log, proposed, signal);
    if (!entries.ok) return entries;
    // The earliest is the time of signing.
    const earliest = entries.value.toSorted((a, b) => a.integratedTime - b.integratedTime).slice(0, maxEntries);
    for (const entry of earliest) {
      const fact = await verify(ports, question, withLogEntry(artifact, entry), signal);
      if (!fact.ok || fact.value.verified) return fact;
      rejected = fact;
    }
  }
  return rejected;
}

function verify(
  { verifier, clock }: ProvePorts,
  { image, trust }: Question,
  artifact: SignatureArtifact,
  signal: AbortSignal,
): Promise<Result<SignatureFact>> {
  return verifier.verify(artifact, image.digest, trust, clock.now(), signal);
}
