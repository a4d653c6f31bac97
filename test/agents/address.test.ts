import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressProblem, isAddress } from '../../src/agents/address.ts';

describe('refuses', () => {
  test.each([
    '127.0.0.1',
    '127.255.255.255',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:FFFF:7f00:1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ])('%s', (address) => {
    expect(addressProblem(address, [])).toContain('spec.allowedUrlHosts');
  });
});

describe('takes', () => {
  test.each(['10.96.0.1', '192.168.1.1', '172.16.0.9', '8.8.8.8', '100.100.100.201', 'fd00::1', '2001:db8::1'])(
    '%s',
    (address) => {
      expect(addressProblem(address, [])).toBeUndefined();
    },
  );
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.9', '127.0.0.0/8'],
  ['::ffff:127.0.0.1', '127.0.0.1'],
  ['127.0.0.1', '::ffff:127.0.0.0/104'],
  ['fe80::7', 'fe80::/10'],
  ['::1', '::1'],
])('takes %s where %s is allowed', (address, network) => {
  expect(addressProblem(address, ['localhost', network])).toBeUndefined();
});

test.each([
  ['127.0.0.2', '127.0.0.1'],
  ['128.0.0.0', '127.0.0.0/8/8'],
  ['127.0.0.1', '127.0.0.1/33'],
  ['127.0.0.1', '::/0'],
  ['127.0.0.1', 'localhost'],
  ['127.0.0.1', ''],
])('what is allowed is read exactly: %s is not in "%s"', (address, network) => {
  const isRefusedByItself = addressProblem(address, []) !== undefined;
  expect(addressProblem(address, [network]) !== undefined).toBe(isRefusedByItself);
});

test.each([
  '',
  'localhost',
  '127.1',
  '0177.0.0.1',
  '2130706433',
  '1.2.3.4.5',
  ':::',
  '1::2::3',
  '::1%',
  '1.2.3.4::',
  '[::1]',
])('"%s" is no address, so it is refused', (text) => {
  expect(isAddress(text)).toBe(false);
  expect(addressProblem(text, ['0.0.0.0/0', '::/0'])).toContain('is no IP address');
});

const ipv6Text = fc.oneof(
  fc.ipV6(),
  fc.stringMatching(/^[0-9a-fA-F:.]{0,24}$/),
  fc.tuple(fc.constantFrom('::', '::ffff:', 'fe80::', '64:ff9b::', '1:2:3:4:5:6:'), fc.ipV4()).map(([a, b]) => a + b),
);

test('what is an address is what node:net says', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.stringMatching(/^[0-9.]{0,16}$/), ipv6Text), (text) => {
      expect(isAddress(text)).toBe(isIP(text) !== 0);
    }),
    { numRuns: 3000 },
  );
});

test('networks contain what BlockList of node:net says', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.nat(32), fc.ipV4(), fc.nat(32), (net, length, random, flip) => {
      const list = new BlockList();
      list.addSubnet(net, length, 'ipv4');
      // Half of the time next to the network, so that both answers occur.
      const near = flip === 32 ? random : flipped(net, flip);
      expect(contains(near, `${net}/${length}`)).toBe(list.check(near) || addressProblem(near, []) === undefined);
    }),
    { numRuns: 2000 },
  );
});

test('IPv6 networks contain what BlockList of node:net says', () => {
  const refused = fc.tuple(
    fc.constantFrom('fe80', 'febf', 'ff02', '2002'),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 7, maxLength: 7 }),
  );
  const textOf = ([first, rest]: [string, number[]]): string => [first, ...rest.map((n) => n.toString(16))].join(':');
  fc.assert(
    fc.property(refused, refused, fc.nat(128), (one, other, length) => {
      const list = new BlockList();
      list.addSubnet(textOf(one), length, 'ipv6');
      expect(contains(textOf(other), `${textOf(one)}/${length}`)).toBe(list.check(textOf(other), 'ipv6'));
    }),
    { numRuns: 2000 },
  );
});

function contains(address: string, network: string): boolean {
  return addressProblem(address, [network]) === undefined;
}

function flipped(address: string, bit: number): string {
  const bytes = address.split('.').map(Number);
  return bytes.map((byte, index) => (Math.floor(bit / 8) === index ? byte ^ (0x80 >> (bit % 8)) : byte)).join('.');
}
