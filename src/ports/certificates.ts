/** What a TLS server presents, PEM. */
export interface ServingCertificate {
  /** The certificate, then its intermediates. */
  readonly cert: string;
  readonly key: string;
  /** What clients verify it with, for caBundle; absent when only the operator knows. */
  readonly ca?: string;
}

/** A serving certificate that is replaced while the server runs. */
export interface CertificateSource {
  current(): ServingCertificate;
  /** Calls back after `current` has changed; returns how to stop. */
  onChange(listener: () => void): () => void;
  /** Stops timers and watchers. */
  close(): void;
}
