/** The certificate that a replica presents, and the CAs that the API server believes. */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { Replica } from './installation.ts';

/** Which of `authorities` has signed it. */
export function issuerAt({ address }: Replica, authorities: readonly X509Certificate[]): Promise<number> {
  return new Promise((resolve, reject) => {
    // Whoever has signed it is what is asked here.
    const socket = connect({ host: address, port: 8443, rejectUnauthorized: false }, () => {
      const presented = socket.getPeerX509Certificate();
      socket.destroy();
      if (presented === undefined) reject(new Error(`${address} presents no certificate`));
      else resolve(authorities.findIndex((authority) => presented.verify(authority.publicKey)));
    });
    socket.setTimeout(5_000, () => socket.destroy(new Error('timed out')));
    socket.once('error', reject);
  });
}

export function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
