/** Signed images whose layers are not what a layer should be, searched for a contract. */
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { endless, hang, redirect, status, truncated } from '../../src/demo/registry/faults.ts';
import type { Fault } from '../../src/demo/registry/serve.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import type { FailureCode } from '../../src/kernel/failure.ts';
import { end, entry, pax, tar, type EntrySpec } from '../contract/tar-kit.ts';
import { absentLayer, contractEntry, gzipLayer, ociLayer, plainLayer, type Layer } from '../evidence/layered-images.ts';
import { pushAction } from './action-gate.ts';
import { openGate, type Gate } from './gate.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate();
});
afterEach(() => gate.registry.reset());
afterAll(() => gate.close());

const name = 'action-contract.yaml';
const credentials = 'http://169.254.169.254/latest/meta-data/iam/';
const gzip = `${ociLayer}+gzip`;
const layer = /layer 1 of 1 \(sha256:[0-9a-f]{64}\) cannot be searched/;

describe('a layer with', () => {
  test.each<readonly [string, readonly (EntrySpec | Buffer)[], RegExp]>([
    ['the contract as symbolic link', [{ name, type: '2', link: '/etc/shadow' }], /is a symbolic link/],
    ['the contract as hard link', [{ name, type: '1', link: 'etc/passwd' }], /is a hard link/],
    ['the contract as character device', [{ name, type: '3' }], /is a device/],
    ['the contract as block device', [{ name, type: '4' }], /is a device/],
    ['the contract as pipe', [{ name, type: '6' }], /is a pipe/],
    ['the contract as folder', [{ name, type: '5' }], /is a directory/],
    ['the contract twice', [contractEntry(), contractEntry()], /twice/],
    ['a contract of 10 MB', [{ name, content: Buffer.alloc(10_000_000, ' ') }], /larger than 262144 bytes/],
    ['a contract that says that it has 8 GiB', [{ name, size: 0o77777777777 }], /larger than 262144 bytes/],
    ['a negative size', [{ name: 'a', size: Buffer.alloc(12, 0xff) }], /size/],
    ['a size that is no number', [{ name: 'a', size: 'lots and lo' }], /size|number/],
    ['a header whose sum is wrong', [{ name: 'a', sum: 1 }], /sum/],
    ['a long name of 2 MB', [pax({ path: 'a'.repeat(2_000_000) }), { name: 'a' }], /extended header is larger/],
    ['a long name without end', [pax('99 path=a\n'), { name: 'a' }], /./],
    ['the root as link', [{ name: './', type: '2', link: '/tmp' }], /root is a symbolic link/],
    ['the root hidden', [{ name: '.wh..' }], /hides the root/],
  ])('%s', async (_what, entries, says) => {
    const question = pushAction(gate, { layers: [gzipLayer(...entries)] });
    await gate.assertRefused(question, { code: 'CONTRACT_INVALID', says });
    await gate.assertRefused(question, { code: 'CONTRACT_INVALID', says: layer });
  });

  test.each<readonly [string, readonly EntrySpec[]]>([
    [
      'devices',
      [
        { name: 'dev/sda', type: '4' },
        { name: 'dev/null', type: '3' },
      ],
    ],
    ['a link out of the image', [{ name: 'etc', type: '2', link: '../../../../etc' }]],
    ['paths above the root', [{ name: '../../../../tmp/countersign-was-here', content: 'x' }]],
    ['absolute paths', [{ name: '/tmp/countersign-was-here', content: 'x' }]],
  ])('%s and no contract has no contract', async (_what, entries) => {
    const question = pushAction(gate, { layers: [gzipLayer(...entries)] });
    await gate.assertRefused(question, { code: 'CONTRACT_MISSING', says: /contract/ });
  });

  test.each<readonly [string, string]>([
    ['an absolute path', `/${name}`],
    ['a path above the root', `../../${name}`],
    ['a detour', `./a/../${name}`],
  ])('a broken contract under %s', async (_what, path) => {
    const question = pushAction(gate, { layers: [gzipLayer({ name: path, content: 'no contract' })] });
    await gate.assertRefused(question, { code: 'CONTRACT_INVALID', says: /file \/action-contract\.yaml/ });
  });
});

/** Ten thousand entries, as often as wanted: gzip may be many parts, one behind the other. */
function entriesLayer(times: number): Layer {
  const part = gzipSync(Buffer.concat(Array.from({ length: 10_000 }, (_, n) => entry({ name: `f${n}` }))));
  const parts = Array.from({ length: times }, () => part);
  return { mediaType: gzip, bytes: Buffer.concat([...parts, gzipSync(end)]) };
}

/** Megabytes of nothing in a file, as often as wanted. */
function bombLayer(times: number, megabytes: number): Layer {
  const part = gzipSync(entry({ name: 'zeros', content: Buffer.alloc(megabytes * 1024 * 1024) }));
  return { mediaType: gzip, bytes: Buffer.concat([...Array.from({ length: times }, () => part), gzipSync(end)]) };
}

describe('a layer that is', () => {
  // The runtime lets garbage grow with what is alive, and here all suites before this one are. The bound on what the
  // search itself needs, 64 MiB in a process of its own, is in test/evidence/search-memory.test.ts.
  test('a million entries', async () => {
    const question = pushAction(gate, { layers: [entriesLayer(100)] });
    const expected = {
      code: 'CONTRACT_INVALID',
      says: /more entries than are searched/,
      withinMs: 9_000,
      withinMiB: 256,
    } as const;
    await gate.assertRefused(question, expected);
  });

  test('a gzip bomb', async () => {
    const question = pushAction(gate, { layers: [bombLayer(100, 32)] });
    const expected = { code: 'CONTRACT_INVALID', says: /more bytes than are searched/, withinMs: 9_000 } as const;
    await gate.assertRefused(question, expected);
  });

  test.each<readonly [string, Layer, RegExp]>([
    ['no tar', { mediaType: ociLayer, bytes: Buffer.alloc(10_240, 'x') }, layer],
    ['cut off', { mediaType: ociLayer, bytes: tar(contractEntry()).subarray(0, 700) }, /in the middle of an entry/],
    ['no gzip', { mediaType: gzip, bytes: tar(contractEntry()) }, /its type says gzip, but its bytes are not/],
    [
      'half a gzip',
      { mediaType: gzip, bytes: gzipLayer(contractEntry()).bytes.subarray(0, 200) },
      /cannot be unpacked/,
    ],
    ['no zstd', { mediaType: `${ociLayer}+zstd`, bytes: tar(contractEntry()) }, /its type says zstd/],
    ['of an unknown type', { ...plainLayer(contractEntry()), mediaType: 'text/plain' }, /its type is "text\/plain"/],
    ['said to have a terabyte', absentLayer(1e12), /larger than what is downloaded/],
  ])('%s', async (_what, one, says) => {
    const question = pushAction(gate, { layers: [one] });
    await gate.assertRefused(question, { code: 'CONTRACT_INVALID', says });
  });

  test('there a thousand times', async () => {
    const layers = Array.from({ length: 1_000 }, (_, n) => gzipLayer({ name: `f${n}` }));
    const question = pushAction(gate, { layers });
    await gate.assertRefused(question, { code: 'CONTRACT_MISSING', says: /contract/, withinMs: 9_000 });
  });
});

describe('a layer whose registry', () => {
  const other = gzipLayer(contractEntry('kind: other'));

  test.each<readonly [string, Fault, FailureCode, RegExp]>([
    ['does not have it', status(404), 'REGISTRY_RESPONSE_INVALID', /does not have it/],
    ['sends another', status(200, other.bytes), 'REGISTRY_RESPONSE_INVALID', /its bytes are not those of sha256:/],
    ['sends nothing', status(200), 'REGISTRY_RESPONSE_INVALID', /its bytes are not those of sha256:/],
    ['sends the half of it', truncated(), 'REGISTRY_UNREACHABLE', /connection broke/],
    ['sends without end', endless(), 'REGISTRY_RESPONSE_TOO_LARGE', /more than \d+ bytes/],
    ['redirects to the address of cloud credentials', redirect(credentials), 'REGISTRY_UNREACHABLE', /169\.254/],
    ['never answers', hang(), 'DEADLINE_EXCEEDED', /within the time/],
  ])('%s', async (what, fault, code, says) => {
    // Each in a layer of its own: what was answered of another stays known.
    const one = gzipLayer(contractEntry(), { name: 'about', content: what });
    const question = pushAction(gate, { layers: [one] });
    gate.registry.inject(new RegExp(`/blobs/${digestOf(one.bytes)}`), fault);
    await gate.assertRefused({ ...question, timeout: 1 }, { code, says });
    if (code !== 'DEADLINE_EXCEEDED') await gate.assertRefused(question, { code, says: /layer 1 of 1 \(sha256:/ });
  });

  test('has more of it than is said', async () => {
    const good = gzipLayer(contractEntry());
    const question = pushAction(gate, { layers: [{ ...good, size: good.bytes.length - 1 }] });
    const expected = { code: 'REGISTRY_RESPONSE_TOO_LARGE', says: /layer 1 of 1.* more than \d+ bytes/ } as const;
    await gate.assertRefused(question, expected);
  });
});
