/**
 * When certificates are renewed. A new authority is published in every caBundle first; the serving certificate of the new
 * authority is presented when all of them have it, and the old authority leaves when it has ended: its key is gone by then,
 * and a replica that cannot read the Secret may still present what it has signed.
 */
import type { CertificateChange, SharedCertificates, StoredCertificates } from '../../ports/certificate-store.ts';

export interface RotationSettings {
  /** How long before its end a certificate is replaced. */
  readonly renewAuthorityMs: number;
  readonly renewServingMs: number;
  /** API servers notice a changed configuration each in its own time. */
  readonly settleMs: number;
}

export interface Observed {
  readonly stored: StoredCertificates;
  /** The last good certificates, which replicas present while the stored ones are of no use. */
  readonly inUse: SharedCertificates;
  /** For how long every caBundle has had this authority, by its id; absent: not every one has it. */
  readonly publishedMs: ReadonlyMap<string, number>;
  /** What the clock of the API server says, in milliseconds. */
  readonly now: number;
}

/** At most one change at a time; the next one follows from what is stored then. */
export function decideRotation(observed: Observed, settings: RotationSettings): CertificateChange | undefined {
  const { stored, now } = observed;
  switch (stored.kind) {
    case 'foreign':
      return undefined;
    case 'absent':
    case 'damaged':
      return startOver(observed.inUse, now);
    case 'shared':
      return decideShared(stored, observed, settings);
  }
}

function decideShared(
  stored: SharedCertificates,
  { publishedMs, now }: Observed,
  settings: RotationSettings,
): CertificateChange | undefined {
  const { authorities, serving } = stored;
  const newest = authorities.at(-1);
  if (newest === undefined || !isValid(newest, now)) return startOver(stored, now);
  // There is nothing left to be careful with.
  if (!isValid(serving, now) || serving.missingNames.length > 0) return { kind: 'issue serving' };
  if (serving.issuer === newest.id) {
    if (newest.notAfter - now < settings.renewAuthorityMs) return { kind: 'add authority' };
    if (serving.notAfter - now < settings.renewServingMs) return { kind: 'issue serving' };
  } else if ((publishedMs.get(newest.id) ?? -1) >= settings.settleMs) {
    return { kind: 'issue serving' };
  }
  const ended = authorities.filter(({ id, notAfter }) => notAfter <= now && id !== serving.issuer).map(({ id }) => id);
  return ended.length > 0 ? { kind: 'drop authorities', ids: ended } : undefined;
}

/** What is presented goes on being presented, so that the new authority can be published in peace. */
function startOver(known: SharedCertificates, now: number): CertificateChange {
  const issuer = known.authorities.find(({ id }) => id === known.serving.issuer);
  const isUseful = issuer !== undefined && isValid(issuer, now) && isValid(known.serving, now);
  return isUseful && known.serving.missingNames.length === 0
    ? { kind: 'start over', keep: known }
    : { kind: 'start over' };
}

function isValid({ notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number }, now: number) {
  return notBefore <= now && now < notAfter;
}
