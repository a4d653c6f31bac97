/** A contract as the document that it would be read from, every default written out. Reading it gives the same contract. */
import { defined } from '../kernel/defined.ts';
import { durationText } from './duration.ts';
import type { ActionContract, InputSpec, Resources } from './model.ts';
import { contractApiVersion, contractKind } from './parse-contract.ts';

export function printContract(contract: ActionContract): Readonly<Record<string, unknown>> {
  const { run, target, targetInputs, resources, timeoutMs } = contract;
  return {
    apiVersion: contractApiVersion,
    kind: contractKind,
    metadata: { name: contract.name, version: contract.version.text },
    spec: {
      description: contract.description,
      inputs: contract.inputs.map(printInput),
      outputs: contract.outputs,
      resources: { requests: printResources(resources.requests), limits: printResources(resources.limits) },
      rbac: { permissions: contract.permissions },
      securityContext: contract.securityContext,
      namespaces: {
        ...defined(
          'run',
          run?.map(({ source }) => source),
        ),
        ...defined(
          'target',
          target?.map(({ source }) => source),
        ),
        ...(isUsual(contract) ? {} : { targetInputs }),
      },
      shell: contract.shell,
      ...defined('timeout', timeoutMs === undefined ? undefined : durationText(timeoutMs)),
      workspace: contract.workspace,
    },
  };
}

/** What is said by saying nothing: the usual name need not be that of an input. */
function isUsual({ targetInputs }: ActionContract): boolean {
  return targetInputs.length === 1 && targetInputs[0] === 'namespace';
}

function printInput({ pattern, minimum, maximum, ...input }: InputSpec): Readonly<Record<string, unknown>> {
  const bound = (value: number | undefined): unknown =>
    value !== undefined && input.type === 'duration' ? durationText(value) : value;
  return {
    ...input,
    ...defined('pattern', pattern?.source),
    ...defined('minimum', bound(minimum)),
    ...defined('maximum', bound(maximum)),
  };
}

function printResources(resources: Resources): Readonly<Record<string, string>> {
  return Object.fromEntries([...resources].map(([name, { text }]) => [name, text]));
}
