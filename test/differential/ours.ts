/** Our answer: the command `verify` on a policy that holds the question, against the same registry. */
import { readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { runProgram } from '../../src/cli/program.ts';
import type { Ask, PublicKeys } from './asks.ts';

/** Where images and trust are: the lab, or what was frozen of one. */
export interface Place extends PublicKeys {
  /** root.json and root-without-log.json are there, and policies may be written beside them. */
  file(name: string): string;
}

/** Files with the policy of each question, by the question's name. */
export function writePolicies(place: Place, asks: readonly Ask[]): ReadonlyMap<string, string> {
  const roots = [
    trustRoot('lab', readFileSync(place.file('root.json'), 'utf8')),
    trustRoot('lab-without-log', readFileSync(place.file('root-without-log.json'), 'utf8')),
  ];
  return new Map(
    asks.map((ask, index) => {
      const file = place.file(`policy-${index}.yaml`);
      const authority = ask.authority(place);
      const named = JSON.stringify(authority).includes('trustRootRef') ? roots : [];
      writeFileSync(file, [policy(authority), ...named].map((document) => stringify(document)).join('---\n'));
      return [ask.name, file];
    }),
  );
}

function policy(authority: object): object {
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'asked' },
    spec: { images: [{ glob: '**' }], authorities: [authority] },
  };
}

interface RootJson {
  readonly certificateAuthorities: readonly AuthorityJson[];
  readonly timestampAuthorities: readonly AuthorityJson[];
  readonly tlogs: readonly LogJson[];
  readonly ctlogs: readonly LogJson[];
}
interface AuthorityJson {
  readonly subject: object;
  readonly uri: string;
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
}
interface LogJson {
  readonly baseUrl: string;
  readonly publicKey: { readonly rawBytes: string };
}

/** The same trust as a trusted_root.json, in the custom resource. */
function trustRoot(name: string, json: string): object {
  // Made by the lab itself.
  const { certificateAuthorities, timestampAuthorities, tlogs, ctlogs } = JSON.parse(json) as RootJson;
  const authority = ({ subject, uri, certChain }: AuthorityJson): object => ({
    subject,
    uri,
    certChain: base64(certChain.certificates.map(({ rawBytes }) => pem('CERTIFICATE', rawBytes)).join('')),
  });
  const log = ({ baseUrl, publicKey }: LogJson): object => ({
    baseURL: baseUrl,
    hashAlgorithm: 'sha-256',
    publicKey: base64(pem('PUBLIC KEY', publicKey.rawBytes)),
  });
  const sigstoreKeys = {
    certificateAuthorities: certificateAuthorities.map(authority),
    timestampAuthorities: timestampAuthorities.map(authority),
    tLogs: tlogs.map(log),
    ctLogs: ctlogs.map(log),
  };
  return { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name }, spec: { sigstoreKeys } };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function pem(label: string, der: string): string {
  return [`-----BEGIN ${label}-----`, ...(der.match(/.{1,64}/g) ?? []), `-----END ${label}-----`, ''].join('\n');
}

export interface Answer {
  readonly accepted: boolean;
  /** Codes and sentences, for who has to find out why. */
  readonly why: string;
}

type Annotations = Readonly<Record<string, unknown>>;

interface Report {
  readonly verdict: 'verified' | 'refused' | 'undecided';
  readonly signatures: readonly { readonly verified: boolean; readonly annotations?: Annotations }[];
  readonly reasons: readonly { readonly code: string; readonly message: string }[];
}

export async function ourAnswer(place: Place, reference: string, ask: Ask, policies: string): Promise<Answer> {
  let out = '';
  let err = '';
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    colour: false,
  };
  const flags = ['--policies', policies, '--trusted-root', place.file('root.json')];
  const registry = ['--insecure-registry', reference.split('/')[0] ?? ''];
  const code = await runProgram(['verify', reference, ...flags, ...registry, '-o', 'json'], terminal);
  if (code !== 0 && code !== 1) throw new Error(`verify ${reference} ended with ${code}: ${err}${out}`);
  const { verdict, signatures, reasons } = JSON.parse(out) as Report;
  const wanted = Object.entries(ask.annotations ?? {});
  const carries = (annotations: Annotations = {}): boolean =>
    wanted.every(([name, value]) => annotations[name] === value);
  const why = reasons.map((reason) => `${reason.code}: ${reason.message}`).join('; ');
  return {
    accepted: verdict === 'verified' && signatures.some((each) => each.verified && carries(each.annotations)),
    why,
  };
}
