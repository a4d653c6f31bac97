import type { Command } from 'commander';
import type { RegistryFlags } from '../../config.ts';
import { flag, registryFlags, repeatable } from '../flags.ts';
import { checkOutputFlag, type CheckFormat } from '../policy-reports/formats.ts';

export interface TestFlags extends RegistryFlags {
  readonly policy: readonly string[];
  readonly image?: readonly string[];
  readonly resource?: string;
  readonly trustroot?: string;
  readonly trustedRoot?: string;
  readonly onNoMatch: 'deny' | 'warn' | 'allow';
  readonly expect?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly compat?: true;
  readonly output: CheckFormat;
}

export function testFlags(command: Command): Command {
  return registryFlags(command)
    .addOption(repeatable('--policy <file|folder|url>', 'policies, with what they name').makeOptionMandatory())
    .addOption(repeatable('--image <image>', 'image to judge').conflicts('expect'))
    .addOption(flag('--resource <file>', 'objects that policies look at, in place of a Pod with the image alone'))
    .addOption(flag('--trustroot <file>', 'TrustRoot that the policies name'))
    .addOption(flag('--trusted-root <file>', 'trusted_root.json used instead of the public-good root'))
    .addOption(flag('--on-no-match <mode>', 'images that no policy matches', 'deny').choices(['deny', 'warn', 'allow']))
    .addOption(
      flag('--expect <file>', 'YAML list of verdicts that must come out: {policy?, image, resource?, verdict}'),
    )
    .addOption(
      flag('--log-level <level>', 'warn and error: no progress', 'info').choices(['debug', 'info', 'warn', 'error']),
    )
    .addOption(flag('--compat', "policy-tester's output: nothing, or {errors, warnings} of the one image"))
    .addOption(flag('--enable-oci11', 'as policy-tester has it; referrers are always looked at').hideHelp())
    .addOption(checkOutputFlag());
}

const goFlags = ['policy', 'image', 'resource', 'trustroot', 'log-level', 'enable-oci11'];

/** Go programs such as policy-tester take `-policy` for `--policy`, and a value for what is on or off. */
export function withLongFlags(args: readonly string[]): readonly string[] {
  const [command, subcommand] = args;
  if (command !== 'policy' || subcommand !== 'test') return args;
  return args.map((arg) => {
    const [, name, value = ''] = /^-([a-z][a-z0-9-]+)(=.*)?$/s.exec(arg) ?? [];
    // The library that reads flags would take `--no-match` for "not --match".
    if (/^--?no-match(?:=|$)/.test(arg)) return arg.replace(/^--?/, '--on-');
    if (name === undefined || !goFlags.includes(name)) return arg;
    return name === 'enable-oci11' ? `--${name}` : `--${name}${value}`;
  });
}
