/** Where we mean to judge otherwise than cosign, and why. A pair that is listed and does not differ fails the suite. */
export interface IntendedDifference {
  readonly scenes: readonly string[];
  readonly asks: readonly string[];
  readonly we: 'accept' | 'refuse';
  readonly because: string;
}

export const intendedDifferences: readonly IntendedDifference[] = [
  {
    scenes: ['p384-legacy', 'p384-bundle', 'logged-p384-legacy'],
    asks: ['p384 key'],
    we: 'accept',
    because:
      'cosign 3 signs with SHA-384 when the key is P-384, but verifies with SHA-256 unless told otherwise. ' +
      'We try SHA-256 and the hash that fits the curve; a policy with hashAlgorithm is taken at its word.',
  },
  {
    scenes: ['p521-legacy', 'p521-bundle'],
    asks: ['p521 key'],
    we: 'accept',
    because: 'As with P-384: cosign 3 signs with SHA-512 and looks for SHA-256.',
  },
  {
    scenes: ['ed25519-legacy', 'ed25519-bundle', 'logged-ed25519-legacy'],
    asks: ['ed25519 key'],
    we: 'accept',
    because:
      'cosign 3 signs with Ed25519ph and verifies as plain Ed25519, so that it refuses its own signatures. We know both.',
  },
  {
    scenes: ['logged-p384-legacy'],
    asks: ['p384 key, logged'],
    we: 'accept',
    because:
      'cosign 3 logs the SHA-384 that it signs and then refuses a log entry with anything but SHA-256. ' +
      'The entry names payload, signature and key as any other.',
  },
  {
    scenes: ['logged-ed25519-legacy'],
    asks: ['ed25519 key, logged'],
    we: 'accept',
    because: 'The same with SHA-512.',
  },
  {
    scenes: ['attestation-only-bundle'],
    asks: ['p256 key'],
    we: 'refuse',
    because:
      'cosign verify takes a bundle with any predicate for a signature. An attestation says something about the image, ' +
      'not that it may run; only the predicate https://sigstore.dev/cosign/sign/v1 is a signature.',
  },
  {
    scenes: ['keyless-legacy', 'keyless-legacy-nothing', 'keyless-without-cosign-legacy'],
    asks: ['identity, timestamp instead of log'],
    we: 'refuse',
    because:
      'Without a timestamp in a legacy signature, cosign quietly holds the certificate against the current time although ' +
      '--use-signed-timestamps was given. What a policy demands is demanded.',
  },
  {
    scenes: ['keyless-legacy', 'keyless-without-cosign-legacy'],
    asks: ['identity, timestamp and log'],
    we: 'refuse',
    because: 'The same: the demanded timestamp is missing.',
  },
  {
    scenes: [
      'p256-legacy',
      'logged-key-legacy',
      'annotated-legacy',
      'two-keys-legacy',
      'signature-and-attestation-legacy',
      'foreign-rekor-entry',
      'index-legacy',
      'platform-signed-too-legacy',
      'claim-of-atomic-type',
      'claim-of-another-type',
      'claim-in-upper-case',
      'claim-twice-good-last',
    ],
    asks: ['p256 key, timestamped'],
    we: 'refuse',
    because: 'The same of signatures by a key.',
  },
  {
    scenes: ['good-legacy-foreign-bundle', 'good-legacy-foreign-bundle-by-referrers', 'legacy-key-bundle-keyless'],
    asks: ['p256 key'],
    we: 'accept',
    because:
      'As soon as one bundle is there, cosign does not look at legacy signatures: whoever can push a bundle makes a ' +
      'signed image unusable. One good signature in any format is enough for us.',
  },
  {
    scenes: ['good-bundle-foreign-legacy'],
    asks: ['other key'],
    we: 'accept',
    because: 'The same rule seen from the other side: the legacy signature is by the key that is asked for.',
  },
  {
    scenes: ['claim-of-another-type'],
    asks: ['p256 key'],
    we: 'refuse',
    because:
      'cosign does not look at critical.type, so that a signature made for another purpose passes for one of an image.',
  },
  {
    scenes: ['claim-in-upper-case'],
    asks: ['p256 key'],
    we: 'refuse',
    because: 'Go reads JSON keys in any case. We take the exact names that every version of cosign writes.',
  },
  {
    scenes: ['claim-twice-good-last'],
    asks: ['p256 key'],
    we: 'refuse',
    because:
      'Of a key that occurs twice Go takes the last, other readers the first: such a payload claims two images. RFC 8259 §4',
  },
];
