/**
 * DNS for one connection: every address that a name stands for is judged, and the connection goes to one of those. A name
 * that is asked twice may answer differently (DNS rebinding), so that a look before the connection would prove nothing.
 */
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { addressProblem } from '../../agents/address.ts';
import { quoted } from '../../kernel/failure.ts';

export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

type Answer = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
export type LookupAll = (hostname: string, options: LookupOptions & { readonly all: true }, answer: Answer) => void;

export function checkedLookup(allowed: readonly string[], lookup: LookupAll = systemLookup): LookupFunction {
  const isAllowed = (hostname: string): boolean => allowed.some((entry) => plain(entry) === plain(hostname));
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const problem = isAllowed(hostname) ? undefined : problemOf(addresses, allowed);
      const refused = problem === undefined ? undefined : new AddressRefused(`${quoted(hostname, 80)}: ${problem}`);
      const failed = error ?? refused;
      if (failed !== undefined) {
        callback(failed, '');
      } else if (options.all === true) {
        callback(null, addresses);
      } else {
        callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
      }
    });
  };
}

/** One bad address among good ones is enough: a name has no business with it. */
function problemOf(addresses: readonly LookupAddress[] | undefined, allowed: readonly string[]): string | undefined {
  if (addresses === undefined || addresses.length === 0) return 'the name stands for no address';
  return addresses.map(({ address }) => addressProblem(address, allowed)).find((problem) => problem !== undefined);
}

const plain = (host: string): string => host.toLowerCase().replace(/\.$/, '');
