/**
 * Public keys of key management services: asked for once, then used like keys that are written in the policy, so that
 * verification never waits for a service. One exchange with the service and one for credentials; nothing is ever signed.
 */
import { awsCredentials } from '../../cloud/aws-credentials.ts';
import { azureAccessToken } from '../../cloud/azure-token.ts';
import type { Env } from '../../cloud/exchange.ts';
import { googleAccessToken } from '../../cloud/google-token.ts';
import { parsePublicKeys } from '../../../policy/public-keys.ts';
import { gone, outage, type LookedUp } from '../looked-up.ts';
import { awsPublicKey } from './aws.ts';
import { azurePublicKey } from './azure.ts';
import { googlePublicKey } from './google.ts';
import { vaultPublicKey, vaultToken } from './vault.ts';

/** PEM of the public key at a KMS URI. */
export type FetchPublicKey = (uri: string, signal: AbortSignal) => Promise<LookedUp>;

/** Credentials come from the environment, as cosign takes them; docs/kms.md names the variables. */
export function kmsPublicKeys(env: Env): FetchPublicKey {
  const ports = {
    env,
    awsCredentials: awsCredentials(env),
    googleToken: googleAccessToken(env),
    azureToken: azureAccessToken(env),
    vaultToken: vaultToken(env),
  };

  async function look(uri: string, signal: AbortSignal): Promise<LookedUp> {
    if (uri.startsWith('awskms://')) return await awsPublicKey(uri, ports, signal);
    if (uri.startsWith('gcpkms://')) return await googlePublicKey(uri, ports, signal);
    if (uri.startsWith('azurekms://')) return await azurePublicKey(uri, ports, signal);
    if (uri.startsWith('hashivault://')) return await vaultPublicKey(uri, ports, signal);
    return gone('its service is not known');
  }

  return async (uri, signal) => {
    const found = await look(uri, signal);
    const usable = found.ok ? parsePublicKeys(found.value.trim()) : undefined;
    // What cannot be used does not take the place of what can.
    return usable?.ok === false ? outage(usable.problem) : found;
  };
}
