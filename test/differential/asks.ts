/** Whose signature is asked for: the same question as cosign's flags and as an authority of a policy. */
import type { KeyName } from './keys.ts';
import { release, stranger, type Lab } from './lab.ts';

export interface PublicKeys {
  publicKeyPem(name: KeyName): string;
}

export type About = 'key' | 'identity';

export interface Ask {
  readonly name: string;
  readonly about: About;
  readonly cosign: (lab: Lab) => readonly string[];
  readonly authority: (keys: PublicKeys) => object;
  /** The answer depends on the time of asking. */
  readonly fleeting?: true;
  /** Must be in the signature. Policies cannot ask for it: it is looked up in what we report. */
  readonly annotations?: Readonly<Record<string, string>>;
}

const unlogged = '--insecure-ignore-tlog';
const withRoot = (lab: Lab, file = 'root.json'): readonly string[] => ['--trusted-root', lab.file(file)];

function key(name: KeyName): Ask {
  return {
    name: `${name} key`,
    about: 'key',
    cosign: (lab) => ['--key', lab.publicKey(name), unlogged],
    authority: (keys) => ({ key: { data: keys.publicKeyPem(name) } }),
  };
}

function hashedKey(name: KeyName, hash: string): Ask {
  return {
    name: `${name} key, ${hash}`,
    about: 'key',
    cosign: (lab) => ['--key', lab.publicKey(name), unlogged, '--signature-digest-algorithm', hash],
    authority: (keys) => ({ key: { data: keys.publicKeyPem(name), hashAlgorithm: hash } }),
  };
}

function logged(name: KeyName, hash?: string): Ask {
  return {
    name: `${name} key, logged`,
    about: 'key',
    cosign: (lab) => [
      ...withRoot(lab),
      `--key=${lab.publicKey(name)}`,
      ...(hash === undefined ? [] : ['--signature-digest-algorithm', hash]),
    ],
    authority: (keys) => ({ key: { data: keys.publicKeyPem(name) }, ctlog: {} }),
  };
}

const annotated = (annotations: Record<string, string>): Ask => ({
  ...key('p256'),
  name: `p256 key, ${JSON.stringify(annotations)}`,
  cosign: (lab) => [
    ...key('p256').cosign(lab),
    ...Object.entries(annotations).flatMap(([name, value]) => ['-a', `${name}=${value}`]),
  ],
  annotations,
});

interface Named {
  readonly subject: string;
  readonly issuer: string;
}

const exactly = ({ subject, issuer }: Named): readonly string[] => [
  '--certificate-identity',
  subject,
  '--certificate-oidc-issuer',
  issuer,
];
const identity = ({ subject, issuer }: Named): object => ({ subject, issuer });

function keyless(name: string, who: Named): Ask {
  return {
    name: `identity: ${name}`,
    about: 'identity',
    cosign: (lab) => [...withRoot(lab), ...exactly(who)],
    authority: () => ({ keyless: { identities: [identity(who)] } }),
  };
}

export const asks: readonly Ask[] = [
  key('p256'),
  key('other'),
  key('p384'),
  key('p521'),
  key('rsa'),
  key('ed25519'),
  hashedKey('p384', 'sha384'),
  hashedKey('p521', 'sha512'),
  hashedKey('p256', 'sha512'),
  logged('p256'),
  logged('p384', 'sha384'),
  logged('ed25519'),
  {
    name: 'p256 key, timestamped',
    about: 'key',
    cosign: (lab) => [...withRoot(lab), ...key('p256').cosign(lab), '--use-signed-timestamps'],
    authority: (keys) => ({
      key: { data: keys.publicKeyPem('p256') },
      rfc3161timestamp: { trustRootRef: 'lab' },
    }),
  },
  annotated({ env: 'prod' }),
  annotated({ env: 'test' }),
  annotated({ env: 'prod', team: 'a' }),
  keyless('release workflow', release),
  keyless('stranger', stranger),
  keyless('another issuer', { ...release, issuer: 'https://accounts.google.com' }),
  keyless('part of the subject', { ...release, subject: 'https://github.com/acme/app/.github/workflows/' }),
  {
    name: 'identity: regular expressions',
    about: 'identity',
    cosign: (lab) => [
      ...withRoot(lab),
      '--certificate-identity-regexp=^https://github.com/[^/]+/app/.*@refs/heads/',
      '--certificate-oidc-issuer-regexp=githubusercontent',
    ],
    authority: () => ({
      keyless: {
        identities: [
          { subjectRegExp: '^https://github.com/[^/]+/app/.*@refs/heads/', issuerRegExp: 'githubusercontent' },
        ],
      },
    }),
  },
  {
    name: 'identity, timestamp instead of log',
    about: 'identity',
    cosign: (lab) => [...withRoot(lab), ...exactly(release), '--use-signed-timestamps', unlogged],
    authority: () => ({ keyless: { identities: [identity(release)] }, rfc3161timestamp: { trustRootRef: 'lab' } }),
  },
  {
    name: 'identity, timestamp and log',
    about: 'identity',
    cosign: (lab) => [...withRoot(lab), ...exactly(release), '--use-signed-timestamps'],
    authority: () => ({
      keyless: { identities: [identity(release)] },
      ctlog: {},
      rfc3161timestamp: { trustRootRef: 'lab' },
    }),
  },
  {
    name: 'identity, neither log nor timestamp',
    about: 'identity',
    fleeting: true,
    cosign: (lab) => [...withRoot(lab, 'root-without-log.json'), ...exactly(release), unlogged],
    authority: () => ({ keyless: { identities: [identity(release)], trustRootRef: 'lab-without-log' } }),
  },
];

/** One question of the other sort is enough where nobody signed that way. */
export function asksAbout(about: About | 'both'): readonly Ask[] {
  const [other] = asks.filter((ask) => ask.about !== about);
  return asks.filter((ask) => about === 'both' || ask.about === about || ask === other);
}
