import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { issueServing, makeAuthority, type KeyPair } from '../../../src/adapters/certificates/authority.ts';
import { fileCertificates } from '../../../src/adapters/certificates/file-certificates.ts';
import type { CertificateSource } from '../../../src/ports/certificates.ts';
import { untilHolds } from '../../until-holds.ts';

let folder: string;
let errors: string[];
const opened: CertificateSource[] = [];
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: (fields: Readonly<Record<string, unknown>>) => void errors.push(String(fields['problem'])),
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  errors = [];
});

afterEach(async () => {
  for (const source of opened.splice(0)) source.close();
  await rm(folder, { recursive: true });
});

async function pair(): Promise<KeyPair> {
  const now = new Date();
  return issueServing(await makeAuthority(now), ['localhost'], now);
}

const path = (name: string): string => join(folder, name);

async function open(files: { caFile?: string; pollMs?: number } = {}): Promise<CertificateSource> {
  const made = await fileCertificates({ log }, { certFile: path('tls.crt'), keyFile: path('tls.key'), ...files });
  if (!made.ok) throw new Error(made.failure);
  opened.push(made.value);
  return made.value;
}

async function put({ cert, key }: KeyPair): Promise<void> {
  await writeFile(path('tls.crt'), cert);
  await writeFile(path('tls.key'), key);
}

describe('at the start', () => {
  test.each([
    { name: 'a file is missing', cert: undefined },
    { name: 'the certificate is no PEM', cert: 'nothing' },
    { name: 'the certificate is empty', cert: '' },
  ])('is an error when $name', async ({ cert }) => {
    const good = await pair();
    if (cert !== undefined) await writeFile(path('tls.crt'), cert);
    await writeFile(path('tls.key'), good.key);
    const made = await fileCertificates({ log }, { certFile: path('tls.crt'), keyFile: path('tls.key') });
    expect(made).toMatchObject({ ok: false, failure: expect.stringContaining('tls.crt') });
  });

  test('is an error when the key belongs to another certificate', async () => {
    const [one, other] = [await pair(), await pair()];
    await put({ cert: one.cert, key: other.key });
    const made = await fileCertificates({ log }, { certFile: path('tls.crt'), keyFile: path('tls.key') });
    expect(made).toMatchObject({ ok: false, failure: expect.stringContaining('does not belong') });
  });

  test('hands on the CA file', async () => {
    await put(await pair());
    await writeFile(path('ca.crt'), 'the CA');
    expect((await open({ caFile: path('ca.crt') })).current().ca).toBe('the CA');
  });
});

describe('a change', () => {
  test('is noticed, and a half-written pair before it keeps the last good one', async () => {
    const [before, after] = [await pair(), await pair()];
    await put(before);
    const source = await open();
    const changed = vi.fn();
    source.onChange(changed);
    await writeFile(path('tls.crt'), after.cert);
    await untilHolds(() => expect(errors).toHaveLength(1));
    expect(source.current().cert).toBe(before.cert);
    expect(changed).not.toHaveBeenCalled();
    await writeFile(path('tls.key'), after.key);
    await untilHolds(() => expect(source.current()).toEqual(after));
    expect(changed).toHaveBeenCalledTimes(1);
  });

  test('of the symbolic link that a Secret volume uses is noticed', async () => {
    const [before, after] = [await pair(), await pair()];
    for (const [name, made] of [
      ['one', before],
      ['two', after],
    ] as const) {
      await writeFile(path(`${name}.crt`), made.cert);
      await writeFile(path(`${name}.key`), made.key);
    }
    await symlink('one.crt', path('tls.crt'));
    await symlink('one.key', path('tls.key'));
    const source = await open();
    for (const end of ['crt', 'key']) {
      await symlink(`two.${end}`, path(`new.${end}`));
      await rename(path(`new.${end}`), path(`tls.${end}`));
    }
    await untilHolds(() => expect(source.current()).toEqual(after));
  });

  test('is found by polling where nothing tells of it', async () => {
    const [before, after] = [await pair(), await pair()];
    await put(before);
    const source = await open({ pollMs: 50 });
    await put(after);
    await untilHolds(() => expect(source.current()).toEqual(after));
  });

  test('that removes the files keeps the certificate, and says so once', async () => {
    await put(await pair());
    const source = await open({ pollMs: 20 });
    const before = source.current();
    await rm(path('tls.crt'));
    await untilHolds(() => expect(errors).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(errors).toHaveLength(1);
    expect(source.current()).toBe(before);
  });

  test('that is none is not reported', async () => {
    await put(await pair());
    const source = await open({ pollMs: 20 });
    const changed = vi.fn();
    source.onChange(changed);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(changed).not.toHaveBeenCalled();
  });

  test('after closing is not reported', async () => {
    await put(await pair());
    const source = await open({ pollMs: 20 });
    const changed = vi.fn();
    source.onChange(changed);
    source.close();
    await put(await pair());
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(changed).not.toHaveBeenCalled();
  });
});
