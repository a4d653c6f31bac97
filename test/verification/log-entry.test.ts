// A log entry has to be in a log of the trust root, and about this signature by this signer. GHSA-whqx-f9j3-ch6m
import { describe, expect, test } from 'vitest';
import type { SignatureArtifact } from '../../src/policy/facts.ts';
import { ecKey, pem, pemOfKey } from './kit/certificates.ts';
import { bundleEntry, dsseEntry, hashedRekord, hashedRekordV2, logEntry } from './kit/log-entries.ts';
import { byKey, createSigstore, image, keyless, leafOf, outcome, trustRoot } from './kit/sigstore.ts';
import { annotation, claimOf, keylessBundle, keylessBundleV2, keylessLegacy, legacyOf } from './kit/signatures.ts';

const sigstore = createSigstore();
const stranger = createSigstore();
const leaf = leafOf(sigstore);
const other = leafOf(sigstore);
const key = ecKey();
const logged = { demand: 'required', root: sigstore.root } as const;

function v2With(certificate: Buffer): SignatureArtifact {
  return keylessBundleV2(sigstore, leaf, {
    entries: (signature, message) => [
      bundleEntry(
        logEntry(sigstore, { body: hashedRekordV2(message, signature, certificate) }),
        'hashedrekord',
        '0.0.2',
        { promise: false },
      ),
    ],
  });
}

describe('refuses an entry about another signer', () => {
  test.each([
    ['hashedrekord, another certificate', keylessLegacy(sigstore, leaf, { verifier: pem(other.der) })],
    ['hashedrekord, a key', keylessLegacy(sigstore, leaf, { verifier: pemOfKey(key) })],
    ['dsse, another certificate', keylessBundle(sigstore, leaf, { verifier: pem(other.der) })],
    ['dsse, nothing', keylessBundle(sigstore, leaf, { verifier: '' })],
    ['hashedrekord of Rekor v2, another certificate', v2With(other.der)],
    ['hashedrekord of Rekor v2, nothing', v2With(Buffer.alloc(0))],
  ])('%s', (_name, artifact) => {
    expect(outcome(artifact, keyless(sigstore))).toBe('TLOG_INVALID');
  });

  test.each([
    ['another key', pemOfKey(ecKey())],
    ['a certificate, even of the same key', pem(leaf.der)],
    ['nothing', ''],
    ['no PEM', 'nothing'],
  ])('%s, for a bare key', (_name, verifier) => {
    expect(outcome(keyLogged(leaf.key, verifier), byKey(leaf.key, { log: logged }))).toBe('TLOG_INVALID');
  });

  test('but not one about this key', () => {
    expect(outcome(keyLogged(key, pemOfKey(key)), byKey(key, { log: logged }))).toBe('verified signature');
  });
});

describe('an entry may record the payload', () => {
  const logging = (payload: Buffer, algorithm: string): SignatureArtifact =>
    legacyOf({
      key,
      entry: (signature) => logEntry(sigstore, { body: hashedRekord(payload, signature, pemOfKey(key), algorithm) }),
    });

  test.each(['sha256', 'sha384', 'sha512'])('by its %s, and no other payload', (algorithm) => {
    expect(outcome(logging(claimOf(image), algorithm), byKey(key, { log: logged }))).toBe('verified signature');
    expect(outcome(logging(Buffer.from('x'), algorithm), byKey(key, { log: logged }))).toBe('TLOG_INVALID');
  });

  test.each(['md5', 'sha1', 'sha224'])('but not by its %s', (algorithm) => {
    expect(outcome(logging(claimOf(image), algorithm), byKey(key, { log: logged }))).toBe('TLOG_INVALID');
  });
});

function keyLogged(by: typeof key, verifier: string): SignatureArtifact {
  return legacyOf({
    key: by,
    entry: (signature) => logEntry(sigstore, { body: hashedRekord(claimOf(image), signature, verifier) }),
  });
}

describe('refuses an entry that is not in a log of the trust root', () => {
  const withoutLogs = trustRoot({ ...sigstore.trustedRoot, tlogs: [] });

  test.each([
    ['but in another log', keylessLegacy({ ...sigstore, rekorKey: stranger.rekorKey }, leaf), keyless(sigstore)],
    [
      'which knows none',
      keylessLegacy(sigstore, leaf),
      keyless(sigstore, { log: { demand: 'required', root: withoutLogs } }),
    ],
    ['by its proof, although promised', swappedProof(), keyless(sigstore)],
    ['by its promise, although proven', swappedPromise(), keyless(sigstore)],
    ['but claims its name', impostor(), keyless(sigstore)],
  ])('%s', (_name, artifact, trust) => {
    expect(outcome(artifact, trust)).toBe('TLOG_INVALID');
  });
});

function swappedProof(): SignatureArtifact {
  return keylessBundle(sigstore, leaf, {
    entries: (signature, _message, payload) => {
      const entry = logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)) });
      const { checkpoint, rootHash } = logEntry(sigstore, { body: { another: 'entry' } });
      return [bundleEntry({ ...entry, checkpoint, rootHash }, 'dsse', '0.0.1')];
    },
  });
}

function swappedPromise(): SignatureArtifact {
  return keylessBundle(sigstore, leaf, {
    entries: (signature, _message, payload) => {
      const entry = logEntry(sigstore, { body: dsseEntry(payload, signature, pem(leaf.der)) });
      const { set } = logEntry(sigstore, { body: { another: 'entry' } });
      return [bundleEntry({ ...entry, set }, 'dsse', '0.0.1')];
    },
  });
}

describe('the name in a checkpoint', () => {
  const host = 'rekor-00001-deployment-56bf7777c9-jds5x';

  test('is that of the host for Rekor v1: the log is known by its key', () => {
    const named = (log: typeof sigstore): SignatureArtifact =>
      keylessBundle(sigstore, leaf, {
        entries: (signature, _message, payload) => {
          const body = dsseEntry(payload, signature, pem(leaf.der));
          return [bundleEntry(logEntry(log, { body, host }), 'dsse', '0.0.1')];
        },
      });
    expect(outcome(named(sigstore), keyless(sigstore))).toBe('verified signature');
    expect(outcome(named({ ...sigstore, rekorKey: stranger.rekorKey }), keyless(sigstore))).toBe('TLOG_INVALID');
  });

  test('is that of the log for Rekor v2', () => {
    const artifact = keylessBundleV2(sigstore, leaf, {
      entries: (signature, message) => {
        const entry = logEntry(sigstore, { body: hashedRekordV2(message, signature, leaf.der), host });
        return [bundleEntry(entry, 'hashedrekord', '0.0.2', { promise: false })];
      },
    });
    expect(outcome(artifact, keyless(sigstore))).toBe('TLOG_INVALID');
  });
});

/** The id of the known log on an entry that another log has signed. */
function impostor(): SignatureArtifact {
  return keylessBundleV2(sigstore, leaf, {
    entries: (signature, message) => {
      const body = hashedRekordV2(message, signature, leaf.der);
      const entry = logEntry(stranger, { body });
      const { logId } = logEntry(sigstore, { body });
      return [bundleEntry({ ...entry, logId }, 'hashedrekord', '0.0.2', { promise: false })];
    },
  });
}

describe('refuses an entry that cannot be read', () => {
  const good = keylessLegacy(sigstore, leaf);
  const bundle = good.annotations[annotation.rekor] ?? '';

  test.each([
    ['no JSON', 'nothing'],
    ['null', 'null'],
    ['no payload', '{"SignedEntryTimestamp":"AA=="}'],
    ['a key twice', bundle.replace('"Payload":', '"Payload":{},"Payload":')],
    ['an integrated time as text', bundle.replace(/"integratedTime":(\d+)/, '"integratedTime":"$1"')],
    ['a fractional index', bundle.replace(/"logIndex":(\d+)/, '"logIndex":$1.5')],
    ['a log id in base64', bundle.replace(/"logID":"\w+"/, '"logID":"AAAA"')],
    ['a body that is no base64', bundle.replace('"body":"', '"body":"*')],
  ])('%s', (_name, text) => {
    const artifact = { ...good, annotations: { ...good.annotations, [annotation.rekor]: text } };
    expect(outcome(artifact, keyless(sigstore))).toBe('SIGNATURE_MALFORMED');
  });
});

test('refuses the absence of an entry where the policy demands one', () => {
  const unlogged = legacyOf({ key: leaf.key, certificate: leaf.der });
  expect(outcome(unlogged, keyless(sigstore))).toBe('TLOG_MISSING');
  expect(outcome(legacyOf({ key }), byKey(key, { log: logged }))).toBe('TLOG_MISSING');
});
