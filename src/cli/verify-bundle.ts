/**
 * `countersign verify-bundle`: the client protocol of the sigstore-conformance suite. One bundle against one artifact or
 * digest; exit code 0 when it is verified.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseDigest, type Digest } from '../kernel/digest.ts';
import type { TrustRoot } from '../policy/model.ts';
import { parsePublicKeys } from '../policy/public-keys.ts';
import { verifyBundle, type ExpectedSigner } from '../verification/verify-bundle.ts';
import { readPublicTrustRoot, readText } from './evidence.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag } from './flags.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface BundleFlags {
  readonly bundle: string;
  readonly staging?: true;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  readonly key?: string;
  readonly trustedRoot?: string;
}

const maxBytes = 128 * 1024 * 1024;

export function addVerifyBundleCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  program
    .command('verify-bundle <file-or-digest>')
    .description('verify one Sigstore bundle (the sigstore-conformance client protocol)')
    .addOption(flag('--bundle <file>', 'the bundle').makeOptionMandatory())
    .addOption(flag('--certificate-identity <text>', 'subject that must have signed'))
    .addOption(flag('--certificate-oidc-issuer <url>', 'issuer of that identity'))
    .addOption(flag('--key <file>', 'PEM public key that must have signed'))
    .addOption(flag('--trusted-root <file>', 'trusted_root.json used instead of the public-good root'))
    .addOption(flag('--staging', 'use the staging instance; needs its root as --trusted-root'))
    .action((artifact: string, flags: BundleFlags) => {
      const verified = verifyBundle({
        bundle: readBytes(flags.bundle),
        artifact: artifactOf(artifact),
        expected: expectedOf(flags),
        root: rootOf(flags),
        now: new Date(),
      });
      if (!verified.ok) terminal.err(`${verified.failure.code}: ${verified.failure.message}\n`);
      exit(verified.ok ? exitCodes.ok : exitCodes.refused);
    });
}

function rootOf(flags: BundleFlags): TrustRoot {
  if (flags.staging === true && flags.trustedRoot === undefined) {
    throw new UsageError('--staging: the root of the staging instance is not embedded; give it as --trusted-root');
  }
  return readPublicTrustRoot(flags.trustedRoot);
}

function expectedOf({ key, certificateIdentity: subject, certificateOidcIssuer: issuer }: BundleFlags): ExpectedSigner {
  if (key !== undefined && (subject !== undefined || issuer !== undefined)) {
    throw new UsageError('--key and --certificate-identity name two different signers: give one of them');
  }
  if (key !== undefined) return { kind: 'key', keys: readKeys(key) };
  if (subject !== undefined && issuer !== undefined) return { kind: 'identity', subject, issuer };
  throw new UsageError('give --key, or --certificate-identity and --certificate-oidc-issuer');
}

function readKeys(file: string): readonly string[] {
  const parsed = parsePublicKeys(readText(file, '--key'));
  if (!parsed.ok) throw new UsageError(`--key: ${file}: ${parsed.problem}`);
  return parsed.keys;
}

/** A digest only when there is no file of that name. */
function artifactOf(
  text: string,
): { readonly kind: 'bytes'; readonly bytes: Buffer } | { readonly kind: 'digest'; readonly digest: Digest } {
  const digest = parseDigest(text);
  if (digest === undefined) return { kind: 'bytes', bytes: readBytes(text) };
  try {
    return { kind: 'bytes', bytes: readFileSync(text) };
  } catch {
    return { kind: 'digest', digest };
  }
}

function readBytes(file: string): Buffer {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > maxBytes) throw new UsageError(`${file} is larger than ${maxBytes} bytes`);
    return bytes;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
}
