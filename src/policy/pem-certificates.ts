import { X509Certificate } from 'node:crypto';

export const certificatesWanted = 'expected PEM certificates, root last';

/** Base64 DER of every certificate in a PEM text; undefined when there is none or one cannot be read. */
export function pemCertificates(text: string): readonly string[] | undefined {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const found = blocks.map((block) => new X509Certificate(block).raw.toString('base64'));
    return found.length === 0 ? undefined : found;
  } catch {
    return undefined;
  }
}
