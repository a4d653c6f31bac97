/** What a proof is made with, and what it yields. */
import type { TrustMaterial } from '@sigstore/verify';
import { defined } from '../kernel/defined.ts';
import type { Signer } from '../policy/facts.ts';
import type { TrustQuestion } from '../policy/question.ts';
import type { Choice } from './choices.ts';
import { checkLoggedSigner, logOf, type ProvenSigner } from './log-entry.ts';
import { noKeys, trustMaterialOf } from './trust-material.ts';

export interface Proof {
  readonly signer: Signer;
  readonly log?: { readonly url: string; readonly index: string };
  readonly time?: string;
}

export function materialFor(trust: TrustQuestion): TrustMaterial {
  const log = trust.log.demand === 'required' ? trustMaterialOf(trust.log.root) : nothing;
  const own = trust.kind === 'certificate' ? trustMaterialOf(trust.root) : undefined;
  const times = trust.timestamps === undefined ? (own ?? log) : trustMaterialOf(trust.timestamps);
  const sct = trust.kind === 'certificate' && trust.sct === 'required';
  return {
    certificateAuthorities: (own ?? nothing).certificateAuthorities,
    ctlogs: sct ? (own ?? nothing).ctlogs : [],
    tlogs: log.tlogs,
    timestampAuthorities: times.timestampAuthorities,
    publicKey: noKeys,
  };
}

const nothing: TrustMaterial = {
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey: noKeys,
};

/** After the library has passed: what it does not look at, and the facts. */
export function proofOf(
  signer: Signer,
  proven: ProvenSigner,
  material: TrustMaterial,
  { entry, token }: Choice,
  now: Date,
): Proof {
  const promised = entry?.inclusionPromise === undefined ? undefined : new Date(Number(entry.integratedTime) * 1_000);
  const [time] = [promised, token?.signingTime]
    .filter((known) => known !== undefined)
    .sort((a, b) => a.getTime() - b.getTime());
  if (entry === undefined) return { signer, ...defined('time', time?.toISOString()) };
  checkLoggedSigner(entry, proven);
  return { signer, log: logOf(entry, material, time ?? now), ...defined('time', time?.toISOString()) };
}
