/** What `countersign verify` prints: as JSON a form that scripts rely on, whatever the facts inside look like. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import type { SignatureFact, Signer } from '../policy/facts.ts';
import type { Violation } from '../policy/verdict.ts';
import { coloured, type Terminal } from './terminal.ts';

/** Fields may be added, none taken away. */
export interface VerifyReport {
  readonly image: string;
  readonly digest?: string;
  readonly verdict: 'verified' | 'refused' | 'undecided';
  readonly policies: readonly string[];
  readonly signatures: readonly ReportedSignature[];
  readonly reasons: readonly Pick<Violation, 'code' | 'message' | 'policy'>[];
}

export type ReportedSignature = Pick<SignatureFact, 'format' | 'type' | 'predicateType'> &
  (
    | {
        readonly verified: true;
        readonly signer: ReportedSigner;
        readonly log?: { readonly url: string; readonly index: string };
        readonly time?: string;
        readonly annotations: Readonly<Record<string, unknown>>;
      }
    | { readonly verified: false; readonly code: string; readonly message: string }
  );

type ReportedSigner =
  | { readonly key: string }
  | {
      readonly issuer: string;
      readonly subject: string;
      readonly extensions: Readonly<Record<string, string>>;
    };

export function reportSignature(fact: SignatureFact): ReportedSignature {
  const { format, type, predicateType } = fact;
  const what = { format, type, ...defined('predicateType', predicateType) };
  if (!fact.verified) return { ...what, verified: false, code: fact.code, message: fact.message };
  const { annotations, log, time } = fact;
  const signer = reportSigner(fact.signer);
  return { ...what, verified: true, signer, ...defined('log', log), ...defined('time', time), annotations };
}

function reportSigner(signer: Signer): ReportedSigner {
  switch (signer.kind) {
    case 'key':
      return { key: signer.fingerprint };
    case 'certificate': {
      const { issuer, subjects, extensions } = signer;
      return { issuer, subject: subjects.join(', '), extensions };
    }
  }
}

const colours = { verified: 'green', refused: 'red', undecided: 'yellow' } as const;

export function describeReport({ verdict, image, signatures, reasons }: VerifyReport, terminal: Terminal): string {
  const lines = [
    `${coloured(terminal, colours[verdict], verdict)}  ${image}`,
    ...signatures.map((found) => {
      return `  ${found.verified ? '✓' : '✗'} ${found.format} ${found.type}: ${describeSignature(found)}`;
    }),
    ...reasons.map(({ code, message }) => `  ${code}: ${message}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Names of signers and logs are whatever was signed. */
function describeSignature(found: ReportedSignature): string {
  if (!found.verified) return `${found.code}: ${found.message}`;
  const { signer, log, time } = found;
  const who =
    'key' in signer ? `key ${signer.key.slice(0, 16)}…` : `${quoted(signer.subject)} (issuer ${quoted(signer.issuer)})`;
  const logged = log === undefined ? '' : `, logged at ${quoted(log.url)} #${log.index}`;
  return `${who}${logged}${time === undefined ? '' : `, at ${time}`}`;
}
