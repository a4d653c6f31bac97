import selfsigned from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { publicTrustRoot } from '../../src/policy/model.ts';
import { selectTrust } from '../../src/policy/trust-selection.ts';
import {
  brokenRoot,
  byKey,
  keyless,
  newPublicKey,
  policyFor,
  publicKey,
  publicRoot,
  snapshotOf,
  trustRoot,
} from './kit.ts';

const { cert } = await selfsigned.generate([{ name: 'commonName', value: 'Example CA' }]);
const withLogs = trustRoot('logs', ['https://rekor.example.org/']);
const withoutLogs = trustRoot('plain');
const broken = brokenRoot('broken');

/** In short: what is demanded, by name of trust root, or the problem. */
function demanded(authority: object, roots = [publicRoot, withLogs, withoutLogs, broken]): unknown {
  const [compiled] = policyFor([authority]).authorities;
  if (compiled === undefined || compiled.kind === 'static') throw new Error('no signature authority');
  const selected = selectTrust(compiled, snapshotOf([], 'deny', roots));
  if (!selected.ok) return selected.problem;
  const { trust } = selected;
  return {
    ...(trust.kind === 'certificate' ? { root: trust.root.name, sct: trust.sct } : {}),
    log: trust.log.demand === 'required' ? trust.log.root.name : 'ignored',
    ...(trust.timestamps === undefined ? {} : { timestamps: trust.timestamps.name }),
  };
}

const keylessWith = (inside: object, beside: object = {}) => ({
  keyless: { ...keyless.keyless, ...inside },
  ...beside,
});
const own = (name: string) => keylessWith({ trustRootRef: name });
const timestamp = { rfc3161timestamp: { trustRootRef: 'plain' } };
const publicLog = { ctlog: { url: 'https://rekor.sigstore.dev' } };

describe('a key authority', () => {
  test.each<[string, object, object]>([
    ['alone demands no log', byKey, { log: 'ignored' }],
    ['with a log address demands the public log', { ...byKey, ...publicLog }, { log: publicTrustRoot }],
    [
      'with the address and a slash',
      { ...byKey, ctlog: { url: 'https://rekor.sigstore.dev/' } },
      { log: publicTrustRoot },
    ],
    ['with an empty ctlog demands the public log', { ...byKey, ctlog: {} }, { log: publicTrustRoot }],
    ['with a trust root for its log demands that log', { ...byKey, ctlog: { trustRootRef: 'logs' } }, { log: 'logs' }],
    ['with both', { ...byKey, ctlog: { url: 'https://rekor.example.org', trustRootRef: 'logs' } }, { log: 'logs' }],
    [
      'with both, and another address than the TrustRoot has',
      { ...byKey, ctlog: { url: 'http://rekor.rekor-system.svc', trustRootRef: 'logs' } },
      { log: 'logs' },
    ],
    ['with timestamps demands them', { ...byKey, ...timestamp }, { log: 'ignored', timestamps: 'plain' }],
    [
      'with log and timestamps demands both',
      { ...byKey, ...publicLog, ...timestamp },
      { log: publicTrustRoot, timestamps: 'plain' },
    ],
  ])('%s', (_title, authority, expected) => {
    expect(demanded(authority)).toEqual(expected);
  });

  test('hands on all its keys and its hash', () => {
    const other = newPublicKey();
    const [authority] = policyFor([{ key: { data: `${publicKey}${other}`, hashAlgorithm: 'sha512' } }]).authorities;
    if (authority?.kind !== 'key') throw new Error('no key authority');
    expect(selectTrust(authority, snapshotOf([]))).toMatchObject({
      ok: true,
      trust: { keys: [publicKey.trim(), other.trim()], hashAlgorithm: 'sha512' },
    });
  });
});

describe('a keyless authority', () => {
  test.each<[string, object, object]>([
    [
      'alone demands the public root, its log and its certificate log',
      keyless,
      { root: publicTrustRoot, sct: 'required', log: publicTrustRoot },
    ],
    [
      'with insecureIgnoreSCT demands no certificate log',
      keylessWith({ insecureIgnoreSCT: true }),
      { root: publicTrustRoot, sct: 'ignored', log: publicTrustRoot },
    ],
    ['with a trust root that has logs demands its log', own('logs'), { root: 'logs', sct: 'required', log: 'logs' }],
    ['with a trust root without logs demands none', own('plain'), { root: 'plain', sct: 'required', log: 'ignored' }],
    [
      'with a log address demands the log of its own root',
      keylessWith({ trustRootRef: 'logs' }, { ctlog: { url: 'https://rekor.example.org' } }),
      { root: 'logs', sct: 'required', log: 'logs' },
    ],
    [
      'with a trust root for its log demands that log',
      keylessWith({ trustRootRef: 'plain' }, { ctlog: { trustRootRef: 'logs' } }),
      { root: 'plain', sct: 'required', log: 'logs' },
    ],
    [
      'with timestamps demands them in place of the log',
      keylessWith({}, timestamp),
      { root: publicTrustRoot, sct: 'required', log: 'ignored', timestamps: 'plain' },
    ],
    [
      'with log and timestamps demands both',
      keylessWith({}, { ...publicLog, ...timestamp }),
      { root: publicTrustRoot, sct: 'required', log: publicTrustRoot, timestamps: 'plain' },
    ],
    [
      'with certificates of its own demands nothing of the public root',
      keylessWith({ 'ca-cert': { data: cert } }),
      { root: '(ca-cert)', sct: 'required', log: 'ignored' },
    ],
    [
      'with certificates of its own and a log demands the log',
      keylessWith({ 'ca-cert': { data: cert } }, publicLog),
      { root: '(ca-cert)', sct: 'required', log: publicTrustRoot },
    ],
  ])('%s', (_title, authority, expected) => {
    expect(demanded(authority)).toEqual(expected);
  });
});

const gone = 'that is not there or cannot be used';

describe('cannot be judged', () => {
  test.each<[string, object, string]>([
    ['without keys', { key: { kms: 'gcpkms://x' } }, 'there are no public keys for authority authority-0'],
    ['under a root that is not there', own('gone'), 'there is no usable trust root for authority authority-0'],
    ['under a root that cannot be used', own('broken'), 'there is no usable trust root for authority authority-0'],
    [
      'with the log of a root that is not there',
      { ...byKey, ctlog: { trustRootRef: 'gone' } },
      `demands a log of a trust root ${gone}`,
    ],
    [
      'with the log of a root that cannot be used',
      { ...byKey, ctlog: { trustRootRef: 'broken' } },
      `demands a log of a trust root ${gone}`,
    ],
    [
      'with timestamps of a root that is not there',
      { ...byKey, rfc3161timestamp: { trustRootRef: 'gone' } },
      `demands timestamps of a trust root ${gone}`,
    ],
    [
      'with timestamps of a root that cannot be used',
      keylessWith({}, { rfc3161timestamp: { trustRootRef: 'broken' } }),
      `demands timestamps of a trust root ${gone}`,
    ],
    [
      'with a log that the public root does not know',
      { ...byKey, ctlog: { url: 'https://rekor.example.org' } },
      'demands the log https://rekor.example.org, which its trust root does not know: name a TrustRoot with ctlog.trustRootRef',
    ],
    [
      'with the beginning of a log address',
      { ...byKey, ctlog: { url: 'https://rekor.sig' } },
      'which its trust root does not know',
    ],
    [
      'with a log that its own root does not know',
      keylessWith({ trustRootRef: 'logs' }, publicLog),
      'which its trust root does not know',
    ],
  ])('%s', (_title, authority, problem) => {
    expect(demanded(authority)).toContain(problem);
  });

  test('without the public root', () => {
    expect(demanded(keyless, [])).toContain('no usable trust root');
    expect(demanded(keyless, [brokenRoot(publicTrustRoot)])).toContain('no usable trust root');
    expect(demanded({ ...byKey, ...publicLog }, [brokenRoot(publicTrustRoot)])).toContain(gone);
  });
});
