/**
 * Image names are chosen by whoever creates a Pod, and registries redirect where they like: without a check, the webhook
 * would be a way to reach services that only it can reach. Addresses are looked at after name resolution, for every
 * connection, so that a name cannot change its mind in between.
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const refused = new BlockList();
refused.addSubnet('0.0.0.0', 8, 'ipv4');
refused.addSubnet('127.0.0.0', 8, 'ipv4');
// Link-local, with the metadata services of AWS, Google Cloud and Azure; then those of Alibaba Cloud and, over IPv6, AWS.
refused.addSubnet('169.254.0.0', 16, 'ipv4');
refused.addAddress('100.100.100.200', 'ipv4');
refused.addAddress('fd00:ec2::254', 'ipv6');
refused.addSubnet('224.0.0.0', 4, 'ipv4');
refused.addSubnet('240.0.0.0', 4, 'ipv4');
refused.addAddress('::', 'ipv6');
refused.addAddress('::1', 'ipv6');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addSubnet('ff00::', 8, 'ipv6');

export class AddressRefused extends Error {}

export function isRefused(address: string): boolean {
  const family = isIP(address);
  // BlockList knows IPv4 inside IPv6 (::ffff:127.0.0.1) by itself.
  return family === 0 || refused.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** `dns.lookup` that knows only addresses which may be spoken to. */
export const lookupAllowed: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, '', 0);
      return;
    }
    const allowed = addresses.filter(({ address }) => !isRefused(address));
    const [first] = allowed;
    if (first === undefined) callback(new AddressRefused(hostname), '', 0);
    else if (options.all === true) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
};
