import { describe } from 'vitest';
import type { Access } from '../../src/demo/registry/access.ts';
import { startRegistry, type DemoRegistryOptions } from '../../src/demo/registry/serve.ts';
import { startDistribution } from './registry-distribution.ts';
import { findPrograms } from './registry-programs.ts';
import { account, registryContract, type RegistrySetup, type RunningRegistry } from './registry.ts';

const accesses: Readonly<Record<RegistrySetup['access'], Access>> = {
  open: { kind: 'open' },
  basic: { kind: 'basic', ...account },
  token: { kind: 'token', ...account },
};

function inProcess(options: DemoRegistryOptions): (setup: RegistrySetup) => Promise<RunningRegistry> {
  return ({ access, tls }) =>
    startRegistry({ ...options, access: accesses[access], ...(tls === undefined ? {} : { tls }) });
}

registryContract('registry in this process', inProcess({}));
registryContract('registry in this process, two referrers a page', inProcess({ referrersPerPage: 2 }));
registryContract('registry in this process without the referrers API', inProcess({ referrersApi: false }));

const programs = await findPrograms('the contract with a real registry');
describe.skipIf(programs === undefined)('for real', () => {
  registryContract('distribution registry', (setup) => startDistribution(programs?.registry ?? '', setup));
});
