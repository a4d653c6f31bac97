/** `countersign audit verify`: the proof for each kind of source. */
import { rawLines } from '../adapters/decision-log/lines.ts';
import { verifyDecisionLog, type Verification } from '../adapters/decision-log/verify-decision-log.ts';
import { quoted } from '../kernel/failure.ts';
import type { ChainPosition, DecisionRecord } from '../ports/records.ts';
import { ChainsCheck, type ChainsVerification } from '../records/verify-chains.ts';
import type { AuditSource, ReadableRecords } from './audit-source.ts';
import { coloured, type Terminal } from './terminal.ts';
import { Undecided } from './undecided.ts';

export type Verified = Verification | ChainsVerification;

export async function verifySource(source: AuditSource, head: string | undefined): Promise<Verified> {
  if (source.kind === 'decision-log') return verifyDecisionLog(source.files, head);
  const check = new ChainsCheck(head);
  for await (const { position, records } of allChains(source.records)) {
    for (const { sequence, line } of records) check.take(placeOf(position, sequence), Buffer.from(line));
    const { first, last, count } = position;
    if (records.length === 0 && count > 0)
      check.broken(placeOf(position, first), `records up to number ${last} are missing`);
  }
  return check.result();
}

/** What `audit export` wrote. */
export async function verifyExport(file: string, head: string | undefined): Promise<ChainsVerification> {
  const check = new ChainsCheck(head);
  for await (const { line, bytes, complete } of rawLines(file)) {
    if (complete) check.take({ file, line }, bytes);
    else check.broken({ file, line }, 'its end is missing: the export was cut off');
  }
  return check.result();
}

const batch = 500;

/** Every chain to where it was at the beginning; a batch without records is the end of one that ends too early. */
export async function* allChains(
  records: ReadableRecords,
): AsyncGenerator<{ readonly position: ChainPosition; readonly records: readonly DecisionRecord[] }> {
  const positions = await records.positions();
  if (!positions.ok) throw new Undecided(positions.failure.message);
  for (const position of positions.value) {
    for (let from = position.first; from <= position.last;) {
      const found = await records.chain(position.writer, from, Math.min(batch, position.last - from + 1));
      if (!found.ok) throw new Undecided(found.failure.message);
      yield { position, records: found.value };
      from = (found.value.at(-1)?.sequence ?? position.last) + 1;
    }
  }
}

function placeOf({ writer }: ChainPosition, sequence: number): { readonly file: string; readonly line: number } {
  return { file: `${writer.id} ${writer.startedAt}`, line: sequence };
}

export function describeVerification(verified: Verified, terminal: Terminal): string {
  const { verdict, records, firstBroken, remarks } = verified;
  const heads = 'chains' in verified ? verified.chains : [];
  const last = 'head' in verified ? `, the last with hash ${verified.head.hash}` : '';
  const lines = [
    `${coloured(terminal, verdict === 'intact' ? 'green' : 'red', verdict)}  ${records} records${last}`,
    ...(firstBroken === undefined ? [] : [`  ${quoted(firstBroken.file)}:${firstBroken.line}: ${firstBroken.why}`]),
    ...heads.map(({ writer, first, last: end, hash }) => {
      return `  ${quoted(writer.id)} since ${quoted(writer.startedAt)}: ${first} to ${end}, the last with hash ${hash}`;
    }),
    ...remarks.map(({ file, line, text }) => `  ${quoted(file)}:${line}: ${quoted(text, 1024)}`),
  ];
  return `${lines.join('\n')}\n`;
}
