/**
 * Addresses that nobody may be sent to by what a Task says: this host, link-local with the metadata services of clouds,
 * multicast, reserved, and IPv4 in the disguise of IPv6. Private networks are allowed: the services of a cluster live
 * there. Asked about the address in a URL, and by url-fetch about every address that a name stands for.
 */
import { quoted } from '../kernel/failure.ts';

/** An address as one number; families do not mix. */
interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

interface Network extends Address {
  readonly prefix: number;
}

const refused = networksOf([
  // This host; link-local with most metadata services; multicast, reserved and broadcast.
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Metadata services elsewhere: Alibaba Cloud, Oracle Cloud, Azure's wire server, AWS over IPv6.
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  'fd00:ec2::254',
  'fe80::/10',
  'ff00::/8',
  // The unspecified address, loopback and IPv4-compatible addresses; NAT64, 6to4.
  '::/96',
  '64:ff9b::/96',
  '2002::/16',
]);

/** One sentence about an address that must not be spoken to. `allowed`: hosts (ignored here), addresses and networks. */
export function addressProblem(text: string, allowed: readonly string[]): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return `"${quoted(text, 80)}" is no IP address`;
  if (isIn(address, networksOf(allowed)) || !isIn(address, refused)) return undefined;
  return `the address ${quoted(text, 80)} is loopback, link-local, of a metadata service, multicast or reserved; name another, or allow it in spec.allowedUrlHosts of the KubeOpenCodeConfig`;
}

export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

function networksOf(texts: readonly string[]): readonly Network[] {
  return texts.map(parseNetwork).filter((network) => network !== undefined);
}

function isIn(address: Address, networks: readonly Network[]): boolean {
  return networks.some(({ bits, value, prefix }) => {
    const rest = BigInt(bits - prefix);
    return bits === address.bits && value >> rest === address.value >> rest;
  });
}

/** CIDR, or a single address. */
function parseNetwork(text: string): Network | undefined {
  const [, head = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const written = parseAddress(head);
  if (written === undefined) return undefined;
  const isMapped = head.includes(':') && written.bits === 32;
  const prefix = length === undefined ? written.bits : Number(length) - (isMapped ? 96 : 0);
  return prefix >= 0 && prefix <= written.bits ? { ...written, prefix } : undefined;
}

/** IPv4-mapped addresses are the IPv4 addresses that they stand for. RFC 4291 §2.5.5.2 */
function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { bits: 32, value };
  }
  const value = parseIpv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

/** Four decimal numbers and nothing else: other spellings mean different things to different readers. */
function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  const fits = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  return fits ? parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) : undefined;
}

/** RFC 4291 §2.2; a zone (`%eth0`) says where to send, not what the address is. */
function parseIpv6(text: string): bigint | undefined {
  const [bare = '', zone] = text.split('%', 2);
  if (zone === '' || bare.length > 45) return undefined;
  const [head = '', tail, more] = bare.split('::');
  if (tail !== undefined) return more === undefined && !head.includes('.') ? valueWithGap(head, tail) : undefined;
  const groups = groupsOf(head);
  return groups?.length === 8 ? valueOf(groups) : undefined;
}

function valueWithGap(head: string, tail: string): bigint | undefined {
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  if (before === undefined || after === undefined || before.length + after.length > 7) return undefined;
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return valueOf([...before, ...zeros, ...after]);
}

/** Of a half of an address; undefined: no such groups. */
function groupsOf(half: string): readonly bigint[] | undefined {
  if (half === '') return [];
  const parts = half.split(':');
  const last = parts.at(-1) ?? '';
  const dotted = last.includes('.') ? parseIpv4(last) : undefined;
  const words = dotted === undefined ? parts : parts.slice(0, -1);
  if (!words.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  const groups = words.map((word) => BigInt(`0x${word}`));
  return dotted === undefined ? groups : [...groups, dotted >> 16n, dotted & 0xffffn];
}

function valueOf(groups: readonly bigint[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}
