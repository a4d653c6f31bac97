/** `countersign policy test`: policies × images × resources, each judged as admission would. */
import type { Command } from 'commander';
import { concurrently } from '../../admission/concurrently.ts';
import { quoted } from '../../kernel/failure.ts';
import { readPublicTrustRoot } from '../evidence.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import type { ManifestDocument } from '../manifest-documents.ts';
import { printChecked } from '../policy-reports/formats.ts';
import type { Terminal } from '../terminal.ts';
import { createTrial } from '../trial.ts';
import { UsageError } from '../usage-error.ts';
import { checkExpectations, readExpectations } from './expectations.ts';
import { describeExpectations, describeImages, thingOfExpectation, thingsOfImages } from './test-report.ts';
import { namedPolicies, type NamedPolicies } from './policy-sources.ts';
import { readResources } from './resources.ts';
import { testFlags, type TestFlags } from './test-flags.ts';
import { testedImage, worst, type TestedImage, type TestVerdict } from './tested.ts';
import { createImageTrial, podWith, triedObject, type TriedObject } from './try-image.ts';

/** One image on behalf of one object. */
export interface TestCase {
  readonly image: string;
  readonly resource?: ManifestDocument;
}

const imagesAtOnce = 8;
const progressMs = 2_000;

const codes = {
  pass: exitCodes.ok,
  warn: exitCodes.ok,
  fail: exitCodes.refused,
  undecided: exitCodes.undecided,
} as const satisfies Record<TestVerdict, ExitCode>;

export function addTestCommand(policy: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const command = policy.command('test').description('judge images under policies, as a cluster would');
  testFlags(command).action(async (flags: TestFlags) => {
    const sources = [...flags.policy, ...(flags.trustroot === undefined ? [] : [flags.trustroot])];
    const policies = await namedPolicies(sources, {
      noMatch: flags.onNoMatch,
      publicTrustRoot: readPublicTrustRoot(flags.trustedRoot),
    });
    if (flags.expect === undefined) exit(await testImages(flags, policies, terminal));
    else exit(await testExpectations(flags.expect, flags, policies, terminal));
  });
}

async function testImages(flags: TestFlags, policies: NamedPolicies, terminal: Terminal): Promise<ExitCode> {
  const images = flags.image ?? [];
  if (images.length === 0) throw new UsageError('give --image, once for each image, or --expect');
  const resources = flags.resource === undefined ? [undefined] : readResources(flags.resource, '--resource');
  if (flags.compat === true && images.length * resources.length > 1)
    throw new UsageError('--compat prints what policy-tester does, which takes one image and one resource');
  const cases = images.flatMap((image) =>
    resources.map((resource) => ({ image, ...(resource === undefined ? {} : { resource }) })),
  );
  const tested = await runCases(cases, flags, policies, terminal);
  const verdict = worst(tested.map((one) => one.verdict));
  if (flags.compat === true) terminal.out(asPolicyTester(tested));
  else {
    printChecked(terminal, flags.output, {
      name: 'policy test',
      things: thingsOfImages(tested, policies.places),
      value: {
        verdict,
        errors: tested.flatMap(({ errors }) => errors),
        warnings: tested.flatMap(({ warnings }) => warnings),
        images: tested,
      },
      text: () => describeImages(tested, terminal),
    });
  }
  return codes[verdict];
}

/** v0.10 and later: nothing when all is well. */
function asPolicyTester(tested: readonly TestedImage[]): string {
  return tested
    .filter(({ errors }) => errors.length > 0)
    .map(({ errors, warnings }) => `${JSON.stringify({ errors, ...(warnings.length === 0 ? {} : { warnings }) })}\n`)
    .join('');
}

async function testExpectations(
  file: string,
  flags: TestFlags,
  policies: NamedPolicies,
  terminal: Terminal,
): Promise<ExitCode> {
  const expectations = readExpectations(file, policies.snapshot);
  const tested = await runCases(expectations, flags, policies, terminal);
  const checked = checkExpectations(expectations, tested);
  const verdict = worst(checked.map((one) => one.result));
  printChecked(terminal, flags.output, {
    name: 'policy test',
    things: checked.map((one) => thingOfExpectation(one, policies.places)),
    value: { verdict, expectations: checked },
    text: () => describeExpectations(checked, terminal),
  });
  return codes[verdict];
}

async function runCases(
  cases: readonly TestCase[],
  flags: TestFlags,
  { snapshot }: NamedPolicies,
  terminal: Terminal,
): Promise<readonly TestedImage[]> {
  const objects = cases.map(({ image, resource }) => objectOf(resource ?? podWith(image)));
  const trial = createTrial(flags, terminal);
  const tryImage = createImageTrial(trial);
  const names = snapshot.policies.map(({ name }) => name);
  let done = 0;
  const timer = setInterval(() => terminal.err(`${done} of ${cases.length} images judged\n`), progressMs);
  if (flags.logLevel === 'warn' || flags.logLevel === 'error') clearInterval(timer);
  try {
    return await concurrently([...cases.entries()], imagesAtOnce, async ([index, { image, resource }]) => {
      // As many objects as cases.
      const object = objects[index] ?? objectOf(podWith(image));
      const outcome = await tryImage(snapshot, image, object);
      done += 1;
      return testedImage(image, resource === undefined ? undefined : titleOf(resource), names, outcome);
    });
  } finally {
    clearInterval(timer);
    await trial.close();
  }
}

function objectOf(document: ManifestDocument): TriedObject {
  const object = triedObject(document);
  if (object.ok) return object.value;
  throw new UsageError(`${titleOf(document)}: ${object.failure.message}`);
}

function titleOf({ kind, namespace, name }: ManifestDocument): string {
  return quoted(`${kind} ${namespace}/${name}`);
}
