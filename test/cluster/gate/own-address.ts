import { networkInterfaces } from 'node:os';

/** An address of this machine that is not the loopback's, which no program that serves speaks to. A cluster has a bridge. */
export function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal && !one.address.startsWith('169.254.'));
  if (found === undefined) throw new Error('this machine has no address but the loopback');
  return found.address;
}
