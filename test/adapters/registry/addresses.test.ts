import { describe, expect, test } from 'vitest';
import {
  AddressRefused,
  hasRefusedAddress,
  isRefused,
  lookupAllowed,
} from '../../../src/adapters/registry/addresses.ts';

test.each([
  ['this machine', '127.0.0.1'],
  ['this machine', '127.255.255.254'],
  ['this machine', '0.0.0.0'],
  ['this machine', '::1'],
  ['this machine', '::'],
  ['IPv4 inside IPv6', '::ffff:127.0.0.1'],
  ['IPv4 inside IPv6, in hexadecimal', '::ffff:a9fe:a9fe'],
  ['IPv4 inside IPv6, the old way', '::127.0.0.1'],
  ['NAT64', '64:ff9b::169.254.169.254'],
  ['6to4', '2002:7f00:1::'],
  ['metadata', '169.254.169.254'],
  ['metadata of containers', '169.254.170.2'],
  ['metadata of Alibaba Cloud', '100.100.100.200'],
  ['metadata of Oracle Cloud', '192.0.0.192'],
  ['the wire server of Azure', '168.63.129.16'],
  ['metadata over IPv6', 'fd00:ec2::254'],
  ['link-local', 'fe80::1'],
  ['link-local with a zone', 'fe80::1%eth0'],
  ['multicast', '224.0.0.1'],
  ['multicast', 'ff02::1'],
  ['broadcast', '255.255.255.255'],
  ['no address at all', 'localhost'],
  ['no address at all', ''],
])('refuses %s (%s)', (_name, address) => {
  expect(isRefused(address)).toBe(true);
});

test.each(['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '140.82.112.33', 'fd12::1', '2606:4700::1'])(
  'speaks to %s: registries live in private networks too',
  (address) => {
    expect(isRefused(address)).toBe(false);
  },
);

test.each([
  ['https://127.0.0.1/', true],
  ['https://[::1]:5000/', true],
  // The URL parser knows all spellings of an address.
  ['https://0x7f000001/', true],
  ['https://017700000001/', true],
  ['https://127.1/', true],
  ['https://10.0.0.1/', false],
  ['https://registry.example/', false],
])('the address in %s is refused: %s', (url, refused) => {
  expect(hasRefusedAddress(new URL(url))).toBe(refused);
});

describe('names', () => {
  function look(hostname: string, all: boolean): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    lookupAllowed(hostname, { all }, (error, address) => {
      resolve(error ?? address);
    });
    return promise;
  }

  test.each([true, false])('of this machine resolve to nothing (all: %s)', async (all) => {
    expect(await look('localhost', all)).toBeInstanceOf(AddressRefused);
  });

  test('that are allowed addresses resolve to themselves', async () => {
    expect(await look('10.1.2.3', true)).toEqual([{ address: '10.1.2.3', family: 4 }]);
    expect(await look('10.1.2.3', false)).toBe('10.1.2.3');
  });

  test('that nobody knows stay unknown', async () => {
    expect(await look('absent.invalid', true)).toMatchObject({ syscall: 'getaddrinfo' });
  });
});
