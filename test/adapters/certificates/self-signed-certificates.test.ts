import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  selfSignedCertificates,
  type SelfSignedCertificates,
} from '../../../src/adapters/certificates/self-signed-certificates.ts';

const day = 24 * 3600 * 1000;
const start = Date.parse('2026-03-01T00:00:00Z');
const names = ['localhost', '127.0.0.1', '::1', 'countersign.countersign-system.svc'];
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let folder: string;
let now: number;
const opened: SelfSignedCertificates[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  now = start;
});

afterEach(async () => {
  for (const source of opened.splice(0)) source.close();
  await rm(folder, { recursive: true });
});

async function open(settings: { folder?: string; names?: readonly string[] } = {}): Promise<SelfSignedCertificates> {
  const made = await selfSignedCertificates(
    { clock: { now: () => new Date(now) }, log: silent },
    { names, ...settings },
  );
  if (!made.ok) throw new Error(made.failure);
  opened.push(made.value);
  return made.value;
}

function serving(source: SelfSignedCertificates): X509Certificate {
  return new X509Certificate(source.current().cert);
}

function authorities(source: SelfSignedCertificates): readonly X509Certificate[] {
  const blocks = source.caPem().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate | undefined): boolean {
  return authority !== undefined && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

describe('the first certificates', () => {
  test('are a CA and a serving certificate for every name', async () => {
    const source = await open();
    const certificate = serving(source);
    expect(authorities(source)).toHaveLength(1);
    expect(isIssuedBy(certificate, authorities(source)[0])).toBe(true);
    expect(certificate.checkHost('countersign.countersign-system.svc')).toBeDefined();
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBeDefined();
    expect(certificate.checkHost('elsewhere.svc')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(authorities(source)[0]?.ca).toBe(true);
  });

  test('use P-256 and are valid a little before now, for clocks that are late', async () => {
    const certificate = serving(await open());
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(certificate.validFromDate.getTime()).toBeLessThan(start);
    expect(certificate.validToDate.getTime()).toBe(start + 90 * day);
  });

  test('of two installations have authorities of different names', async () => {
    const [one, other] = [await open(), await open()];
    expect(authorities(one)[0]?.subject).not.toBe(authorities(other)[0]?.subject);
  });
});

describe('a folder', () => {
  test('keeps the CA across restarts, readable by the owner only', async () => {
    const before = await open({ folder });
    const after = await open({ folder });
    expect(after.caPem()).toBe(before.caPem());
    expect(isIssuedBy(serving(after), authorities(before)[0])).toBe(true);
    expect((await stat(join(folder, 'authorities.pem'))).mode & 0o777).toBe(0o600);
  });

  test('with a damaged file is a start error that says what to do, not a new CA', async () => {
    await open({ folder });
    const file = join(folder, 'authorities.pem');
    const text = await readFile(file, 'utf8');
    for (const damaged of ['', text.slice(0, text.length / 2), text.replace('BEGIN PRIVATE', 'BEGIN PUBLIC')]) {
      await writeFile(file, damaged);
      const made = await selfSignedCertificates(
        { clock: { now: () => new Date(now) }, log: silent },
        { names, folder },
      );
      expect(made).toMatchObject({ ok: false, failure: expect.stringContaining('remove it to start with a new CA') });
    }
  });

  test('that cannot be written is a start error', async () => {
    await writeFile(join(folder, 'a-file'), '');
    const made = await selfSignedCertificates(
      { clock: { now: () => new Date(now) }, log: silent },
      { names, folder: join(folder, 'a-file') },
    );
    expect(made.ok).toBe(false);
  });
});

describe('renewal', () => {
  test('replaces the serving certificate in its last third and says so, under the same CA', async () => {
    const source = await open();
    const first = serving(source);
    let changes = 0;
    source.onChange(() => (changes += 1));
    now = start + 59 * day;
    await source.renewIfDue();
    expect(changes).toBe(0);
    now = start + 61 * day;
    await source.renewIfDue();
    expect(changes).toBe(1);
    expect(serving(source).serialNumber).not.toBe(first.serialNumber);
    expect(isIssuedBy(serving(source), authorities(source)[0])).toBe(true);
  });

  test('publishes a new CA weeks before it signs, over three years of daily checks', async () => {
    const source = await open();
    let known: readonly string[] = [];
    const firstSeen = new Map<string, number>();
    for (let passed = 0; passed < 3 * 365; passed += 1) {
      now = start + passed * day;
      await source.renewIfDue();
      const certificate = serving(source);
      known = authorities(source).map((authority) => authority.fingerprint256);
      for (const print of known) firstSeen.set(print, firstSeen.get(print) ?? passed);
      const issuer = authorities(source).find((authority) => isIssuedBy(certificate, authority));
      const publishedFor = passed - (firstSeen.get(issuer?.fingerprint256 ?? '') ?? passed);
      expect(issuer, `day ${passed}: no published CA has issued the certificate`).toBeDefined();
      expect(certificate.validToDate.getTime() - now).toBeGreaterThan(25 * day);
      expect(passed < 30 || publishedFor >= 29, `day ${passed}: signed by a CA published ${publishedFor} days`).toBe(
        true,
      );
      expect(known.length).toBeLessThanOrEqual(2);
    }
    expect(firstSeen.size).toBeGreaterThan(3);
  });
});
