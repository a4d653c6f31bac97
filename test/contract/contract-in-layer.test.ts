import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LayerSearch, type LayerAnswer, type LayerLimits } from '../../src/contract/contract-in-layer.ts';
import { end, entry, gnu, longName, pax, paxRecord, tar, v7, type EntrySpec } from './tar-kit.ts';

const limits: LayerLimits = { bytes: 64 * 1024 * 1024, entries: 10_000 };
const contract: EntrySpec = { name: 'action-contract.yaml', content: 'the contract' };
const other: EntrySpec = { name: 'etc/hosts', content: 'x'.repeat(700) };
const below = 'x/'.repeat(60);

function search(bytes: Uint8Array, chunkSize = 64 * 1024, of = limits): LayerAnswer {
  const layer = new LayerSearch(of);
  const buffer = Buffer.from(bytes);
  for (let at = 0; at < buffer.length; at += chunkSize) layer.push(buffer.subarray(at, at + chunkSize));
  return layer.end();
}

function found(text = 'the contract'): LayerAnswer {
  return { kind: 'found', bytes: Buffer.from(text) };
}

describe('a contract is found', () => {
  test.each<[string, Buffer]>([
    ['alone', tar(contract)],
    ['between others', tar(other, contract, other)],
    ['written with "./"', tar({ ...contract, name: './action-contract.yaml' })],
    ['written from the root', tar({ ...contract, name: '/action-contract.yaml' })],
    ['written with doubled slashes', tar({ ...contract, name: './/.///action-contract.yaml' })],
    ['written through a directory and back', tar({ ...contract, name: 'etc/../action-contract.yaml' })],
    ['written out of the root, which nothing leads out of', tar({ ...contract, name: '../../action-contract.yaml' })],
    ['named by a PAX header', tar(pax({ path: 'action-contract.yaml', mtime: '1.5' }), { ...contract, name: 'x' })],
    [
      'named by a PAX header in another alphabet',
      tar(pax({ path: 'é/../action-contract.yaml' }), { ...contract, name: 'x' }),
    ],
    ['named by itself under an empty GNU name', tar(longName(''), contract)],
    ['of a later ustar', tar({ ...contract, magic: 'ustar\u000001' })],
    ['named by itself under an empty PAX path', tar(pax({ path: '' }), contract)],
    ['named by GNU', tar(longName(`${below}${'../'.repeat(60)}action-contract.yaml`), { ...contract, magic: gnu })],
    ['behind a long name', tar(longName(`${below}file`), { ...other, magic: gnu }, contract)],
    [
      'behind a long link target',
      tar(entry({ type: 'K', content: `${below}\0` }), { name: 'x', type: '2', link: below }, contract),
    ],
    ['sized by a PAX header', tar(pax({ size: '12' }), { ...contract, size: 0 })],
    ['sized in binary, as GNU does', tar({ ...contract, size: Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12]) })],
    ['sized with blanks', tar({ ...contract, size: '        14 \0' })],
    ['written before POSIX', tar({ ...contract, magic: v7, type: '\0' })],
    ['behind a global comment, as git archive has', tar(pax({ comment: 'commit' }, 'g'), contract)],
    [
      'behind devices, links and pipes',
      tar(...'123456'.split('').map((type) => ({ name: `dev/${type}`, type })), contract),
    ],
    ['behind an entry of unknown type', tar({ ...other, type: 'V' }, contract)],
    ['without an end', tar(contract).subarray(0, -1024)],
    ['with half an end', tar(contract).subarray(0, -512)],
    ['before whatever follows the end', Buffer.concat([tar(contract), tar({ ...contract, content: 'not this' })])],
    ['below a directory entry for the root', tar({ name: './', type: '5' }, contract)],
    ['where everything else below is hidden', tar({ name: '.wh..wh..opq' }, contract)],
    [
      'where a file of the same name is elsewhere',
      tar({ ...contract, name: 'a/action-contract.yaml', content: 'no' }, contract),
    ],
    ['where the sum takes bytes as signed', tar(signedSum({ ...contract, prefix: '', patch: { 500: '\u00ff' } }))],
  ])('%s', (_name, bytes) => {
    expect(search(bytes)).toEqual(found());
  });

  test.each([1, 7, 511, 512, 513, 4096])('in chunks of %i bytes', (chunkSize) => {
    const bytes = tar(other, longName(`${below}file`), { ...other, magic: gnu }, contract, pax({ path: 'x' }), other);
    expect(search(bytes, chunkSize)).toEqual(found());
  });

  test('empty', () => {
    expect(search(tar({ ...contract, content: '' }))).toEqual(found(''));
  });

  test('as large as may be', () => {
    const content = 'x'.repeat(256 * 1024);
    expect(search(tar({ ...contract, content }))).toEqual(found(content));
  });

  test('as bytes of its own, which the next chunk does not overwrite', () => {
    const layer = new LayerSearch(limits);
    const bytes = tar(contract);
    layer.push(bytes);
    bytes.fill(0);
    expect(layer.end()).toEqual(found());
  });
});

/** Old Sun tar added bytes up as signed. */
function signedSum(spec: EntrySpec): Buffer {
  const block = entry(spec).subarray(0, 512);
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : (byte << 24) >> 24), 0);
  return entry({ ...spec, sum });
}

describe('a layer says nothing', () => {
  test.each<[string, Buffer]>([
    ['empty', Buffer.alloc(0)],
    ['only an end', end],
    [
      'other files',
      tar(
        other,
        { name: 'action-contract.yml' },
        { name: 'xaction-contract.yaml' },
        { name: 'action-contract.yaml.txt' },
      ),
    ],
    ['in capitals', tar({ ...contract, name: 'Action-Contract.yaml' })],
    ['elsewhere', tar({ ...contract, name: 'app/action-contract.yaml' })],
    ['elsewhere by the prefix of a later ustar', tar({ ...contract, magic: 'ustar\u000001', prefix: 'app' })],
    ['elsewhere by a prefix', tar({ ...contract, prefix: 'app' })],
    ['elsewhere by the prefix of star', tar({ ...contract, prefix: 'app', patch: { 508: 'tar\0' } })],
    ['elsewhere by the prefix that old Go wrote into GNU headers', tar({ ...contract, magic: gnu, prefix: 'app' })],
    ['elsewhere by PAX', tar(pax({ path: 'app/x' }), contract)],
    ['elsewhere by GNU', tar(longName('app/x'), { ...contract, magic: gnu })],
    ['in another file', tar({ ...other, content: tar(contract) })],
    ['hidden elsewhere', tar({ name: 'app/.wh.action-contract.yaml' }, { name: 'app/.wh..wh..opq' })],
    [
      'links to it elsewhere',
      tar(
        { name: 'x', type: '1', link: 'action-contract.yaml' },
        { name: 'y', type: '2', link: 'action-contract.yaml' },
      ),
    ],
    ['behind the end', Buffer.concat([end, tar(contract)])],
  ])('%s', (_name, bytes) => {
    expect(search(bytes)).toEqual({ kind: 'absent' });
  });
});

describe('a layer hides what is below', () => {
  test.each<[string, Buffer]>([
    ['by name', tar(other, { name: '.wh.action-contract.yaml' }, other)],
    ['by name, written with "./"', tar({ name: './.wh.action-contract.yaml' })],
    ['by name, whatever type that is', tar({ name: '.wh.action-contract.yaml', type: '1', link: 'x' })],
    ['with everything else', tar({ name: '.wh..wh..opq' })],
    ['with everything else, written from the root', tar({ name: '/etc/../.wh..wh..opq' })],
  ])('%s', (_name, bytes) => {
    expect(search(bytes)).toEqual({ kind: 'hidden' });
  });
});

describe('a layer is refused', () => {
  const ownType = (type: string): Buffer => tar({ name: 'action-contract.yaml', type, link: 'etc/contract' });

  test.each<[string, Buffer, RegExp]>([
    ['a symbolic link', ownType('2'), /is a symbolic link, not a regular file/],
    ['a hard link', ownType('1'), /is a hard link, not/],
    ['a character device', ownType('3'), /is a device, not/],
    ['a block device', ownType('4'), /is a device, not/],
    ['a directory', ownType('5'), /is a directory, not/],
    ['a directory with a slash', tar({ name: 'action-contract.yaml/', type: '5' }), /is a directory, not/],
    ['a directory as before POSIX', tar({ name: 'action-contract.yaml/', type: '\0' }), /is a directory, not/],
    ['a directory by what is in it', tar({ name: 'action-contract.yaml/x' }), /is a directory/],
    ['a file that calls itself a directory', tar({ name: 'action-contract.yaml/' }), /unknown type/],
    ['a pipe', ownType('6'), /is a pipe, not/],
    ['of reserved type', ownType('7'), /unknown type/],
    ['of unknown type', ownType('Z'), /unknown type/],
    ['a sparse file', ownType('S'), /sparse/],
    [
      'a sparse file of PAX',
      tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.name': 'action-contract.yaml' }), other),
      /sparse/,
    ],
    ['twice there', tar(contract, other, contract), /has .* twice/],
    ['twice there under two spellings', tar(contract, { ...contract, name: './action-contract.yaml' }), /twice/],
    ['twice there, empty', tar({ ...contract, content: '' }, contract), /twice/],
    ['both there and hidden', tar(contract, { name: '.wh.action-contract.yaml' }), /both has and hides/],
    [
      'hidden and then there',
      tar({ name: '.wh.action-contract.yaml' }, { name: '.wh..wh..opq' }, contract),
      /both has and hides/,
    ],
    [
      'larger than a contract may be',
      tar({ ...contract, content: 'x'.repeat(256 * 1024 + 1) }),
      /larger than 262144 bytes/,
    ],
    ['said to be larger than anything', tar({ ...contract, size: 0o77777777777 }), /larger than/],
  ])('the contract is %s', (_name, bytes, why) => {
    expect(search(bytes)).toEqual({ kind: 'refused', why: expect.stringMatching(why) });
  });

  test.each<[string, Buffer, RegExp]>([
    ['is no tar', Buffer.alloc(2048, 'not a tar file. '), /no tar file/],
    ['is random', Buffer.from(Array.from({ length: 2048 }, (_, at) => (at * 7919) % 251)), /tar file|size/],
    ['has an entry with a wrong sum', tar(other, entry({ ...contract, sum: 4711 })), /sum/],
    ['has an entry without a size', tar({ ...contract, size: 'garbage\0' }), /impossible size/],
    ['has a negative size', tar({ ...contract, size: Buffer.alloc(12, 0xff) }), /impossible size/],
    [
      'has a size beyond all numbers',
      tar({ ...other, size: Buffer.from([0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }),
      /impossible size/,
    ],
    ['has a PAX size that is none', tar(pax({ size: '-1' }), contract), /impossible size/],
    ['has a PAX size beyond all numbers', tar(pax({ size: '9'.repeat(16) }), contract), /impossible size/],
    ['has a PAX record longer than its header', tar(pax('99 path=x\n'), contract), /PAX/],
    ['has a PAX record without length', tar(pax('path=x\n'), contract), /PAX/],
    ['has a PAX record of no length', tar(pax('0 path=x\n'), contract), /PAX/],
    ['has a PAX record without key', tar(pax(paxRecord('=x')), contract), /PAX/],
    ['has a PAX record without end', tar(pax('9 path=abc'), contract), /PAX/],
    ['has a PAX path with NUL', tar(pax({ path: 'action-contract.yaml\0x' }), contract), /PAX/],
    ['has two PAX paths', tar(pax(paxRecord('path=a') + paxRecord('path=b')), contract), /PAX/],
    ['has two PAX headers with paths', tar(pax({ path: 'a' }), pax({ path: 'b' }), contract), /contradict/],
    ['has two PAX headers of different records', tar(pax({ path: 'a' }), pax({ mtime: '1' }), contract), /contradict/],
    [
      'has a global header behind a PAX header',
      tar(pax({ path: 'a' }), pax({ comment: 'x' }, 'g'), contract),
      /contradict/,
    ],
    ['has two GNU names', tar(longName('a'), longName('b'), contract), /contradict/],
    ['has PAX and GNU names for one entry', tar(pax({ path: 'a' }), longName('b'), contract), /contradict/],
    ['has a PAX header without end', tar(entry({ type: 'x', size: 2 ** 30 })), /extended header is larger/],
    ['has a PAX header for nothing', tar(pax({ path: 'a' })), /middle of an entry/],
    ['has a GNU name for nothing', longName('a'), /middle of an entry/],
    ['names all its entries at once', tar(pax({ path: 'action-contract.yaml' }, 'g'), other), /"path" for all/],
    [
      'has a directory with content',
      tar({ name: 'x/', type: '5', content: tar(contract) }),
      /a directory in it has content/,
    ],
    ['has a link with content', tar({ name: 'x', type: '1', content: tar(contract) }), /a hard link in it has content/],
    ['has a root that is a link', tar({ name: './', type: '2', link: '/etc' }), /its root is a symbolic link/],
    ['has a root that is a file', tar({ name: '..', content: 'x' }), /its root is a file/],
    ['hides its root', tar({ name: '.wh..' }), /hides the root/],
    ['goes on after half an end', Buffer.concat([end.subarray(512), entry(contract)]), /half of its end/],
    ['ends within a header', tar(contract).subarray(0, 100), /middle of an entry/],
    ['ends within a file', tar(other).subarray(0, 700), /middle of an entry/],
    ['ends within the contract', tar(contract).subarray(0, 520), /middle of an entry/],
    ['ends within the blanks behind the contract', tar(contract).subarray(0, 600), /middle of an entry/],
    ['ends within a PAX header', tar(pax({ path: 'x' })).subarray(0, 600), /middle of an entry/],
  ])('that %s', (_name, bytes, why) => {
    expect(search(bytes)).toEqual({ kind: 'refused', why: expect.stringMatching(why) });
    expect(search(bytes, 10)).toEqual(search(bytes));
  });

  test('that has more entries than may be', () => {
    const many = Buffer.concat(Array.from({ length: 101 }, (_, at) => entry({ name: `f${at}` })));
    expect(search(many, 4096, { ...limits, entries: 101 })).toEqual({ kind: 'absent' });
    expect(search(many, 4096, { ...limits, entries: 100 })).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('more entries'),
    });
  });

  test('that unpacks to more than may be', () => {
    const bytes = tar(contract, other);
    expect(search(bytes, 512, { ...limits, bytes: bytes.length })).toEqual(found());
    expect(search(bytes, 512, { ...limits, bytes: bytes.length - 1 })).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('more bytes'),
    });
  });
});

test('after the end, or once refused, nothing more is read', () => {
  for (const bytes of [tar(contract), tar({ name: 'action-contract.yaml', type: '2' })]) {
    const layer = new LayerSearch(limits);
    layer.push(bytes);
    expect(layer.isDone).toBe(true);
    const { used } = layer;
    layer.push(Buffer.alloc(100));
    expect(layer.used).toEqual(used);
  }
});

describe('laws', () => {
  const parts = fc.oneof(
    fc
      .record({
        name: fc.constantFrom('a', 'b/c', './action-contract.yaml', '.wh.action-contract.yaml', '.wh..wh..opq', '/'),
        type: fc.constantFrom('0', '5', '2'),
        content: fc.constantFrom('', 'x', 'y'.repeat(600)),
      })
      .map(entry),
    fc.constantFrom('a', 'action-contract.yaml', 'x/'.repeat(80)).map((path) => pax({ path })),
    fc.constantFrom('a', 'action-contract.yaml', 'x/'.repeat(80)).map(longName),
  );
  const tars = fc.array(parts, { maxLength: 6 }).map((all) => tar(...all));

  test('how the bytes are cut into chunks does not matter', () => {
    fc.assert(
      fc.property(tars, fc.integer({ min: 1, max: 1500 }), (bytes, chunkSize) => {
        expect(search(bytes, chunkSize)).toEqual(search(bytes));
      }),
      { numRuns: 200 },
    );
  });

  test('damage never throws, and ends in one of the four answers', () => {
    const damage = fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(tars, damage, (bytes, changes) => {
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        expect(['found', 'hidden', 'absent', 'refused']).toContain(search(bytes, 1000).kind);
      }),
      { numRuns: 500 },
    );
  });
});
