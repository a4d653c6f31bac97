/**
 * Image names are chosen by whoever creates a Pod, and registries redirect where they like: without a check, the webhook
 * would be a way to reach services that only it can reach. Addresses are looked at after name resolution, for every
 * connection, so that a name cannot change its mind in between. Private networks are allowed: registries live there.
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const refused = new BlockList();
// This host; link-local with the metadata services of most clouds; multicast, reserved and broadcast.
refused.addSubnet('0.0.0.0', 8, 'ipv4');
refused.addSubnet('127.0.0.0', 8, 'ipv4');
refused.addSubnet('169.254.0.0', 16, 'ipv4');
refused.addSubnet('224.0.0.0', 4, 'ipv4');
refused.addSubnet('240.0.0.0', 4, 'ipv4');
// Metadata services elsewhere: Alibaba Cloud, Oracle Cloud, Azure's wire server, AWS over IPv6.
refused.addAddress('100.100.100.200', 'ipv4');
refused.addAddress('192.0.0.192', 'ipv4');
refused.addAddress('168.63.129.16', 'ipv4');
refused.addAddress('fd00:ec2::254', 'ipv6');
refused.addAddress('::', 'ipv6');
refused.addAddress('::1', 'ipv6');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addSubnet('ff00::', 8, 'ipv6');
// IPv4 in disguise: IPv4-compatible, NAT64 and 6to4. IPv4-mapped addresses the list knows by itself.
refused.addSubnet('::', 96, 'ipv6');
refused.addSubnet('64:ff9b::', 96, 'ipv6');
refused.addSubnet('2002::', 16, 'ipv6');

export class AddressRefused extends Error {}

/** Also for what is no address. */
export function isRefused(address: string): boolean {
  const family = isIP(address);
  return family === 0 || refused.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** Connections to addresses resolve no name, so the address in a URL is looked at by itself. */
export function hasRefusedAddress(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && isRefused(host);
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
