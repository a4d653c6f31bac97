// Whoever names images chooses hosts: one that gives no credentials must not take them away from the others of its cloud.
import { expect, test } from 'vitest';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import { Hosts } from '../../../src/adapters/registry/hosts.ts';
import { createIdentities } from '../../../src/adapters/registry/identities.ts';
import type { Transport } from '../../../src/adapters/registry/transport.ts';
import { localService } from '../cloud/local-service.ts';

const never = new AbortController().signal;

test('a registry of a cloud that is not there spoils no other one', async () => {
  const entra = await localService(() => ({ body: { access_token: 'from Entra', expires_in: 3_600 } }));
  const asked: string[] = [];
  const transport: Transport = {
    async exchange({ url }) {
      asked.push(url.host);
      if (url.host === 'nobody.azurecr.io') return fail(failure('REGISTRY_UNREACHABLE', 'its name is not known'));
      const body = Buffer.from(JSON.stringify({ refresh_token: 'of the registry' }));
      return ok({ url, status: 200, headers: {}, body });
    },
    close: async () => undefined,
  };
  const env = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's', AZURE_AUTHORITY_HOST: entra.url };
  const identities = createIdentities(new Hosts({ insecure: [], ca: new Map() }), transport, env);

  expect(await identities.forHost('nobody.azurecr.io', never)).toMatchObject({
    ok: true,
    value: { tried: expect.any(String) },
  });
  expect(await identities.forHost('nobody.azurecr.io', never)).not.toHaveProperty('value.credentials');
  expect(asked).toEqual(['nobody.azurecr.io']);
  expect(await identities.forHost('team.azurecr.io', never)).toMatchObject({
    ok: true,
    value: { credentials: { password: 'of the registry' } },
  });
});
