import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileCertificates } from '../../src/adapters/certificates/file-certificates.ts';

const script = join(import.meta.dirname, '../../certs/own-ca/make.sh');
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-ca-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const make = (...more: readonly string[]): string =>
  execFileSync('sh', [script, folder, ...more], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('certs/own-ca/make.sh', () => {
  test('makes what the webhook takes and the API server believes', async () => {
    make();
    const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
    const source = await fileCertificates({ log: silent }, files);
    if (!source.ok) throw new Error(source.failure);
    const server = createServer(source.value.current());
    await new Promise<void>((listening) => {
      server.listen(0, '127.0.0.1', listening);
    });
    try {
      // It listens on a port.
      const { port } = server.address() as AddressInfo;
      await new Promise<void>((resolve, reject) => {
        const servername = 'countersign.countersign-system.svc';
        const socket = connect({ port, host: '127.0.0.1', servername, ca: read('ca.crt') }, () => {
          socket.destroy();
          resolve();
        });
        socket.on('error', reject);
      });
    } finally {
      source.value.close();
      server.close();
    }
    const keys = ['ca.key', 'tls.key'].map((name) => statSync(join(folder, name)).mode & 0o077);
    expect(keys).toEqual([0, 0]);
  });

  test('run again, keeps the authority and renews the rest', () => {
    make();
    const [ca, serving] = [read('ca.crt'), read('tls.crt')];
    make();
    expect(read('ca.crt')).toBe(ca);
    expect(read('tls.crt')).not.toBe(serving);
    expect(new X509Certificate(read('tls.crt')).verify(new X509Certificate(ca).publicKey)).toBe(true);
  });

  test('takes another namespace', () => {
    make('elsewhere');
    expect(new X509Certificate(read('tls.crt')).checkHost('countersign.elsewhere.svc')).toBeDefined();
    expect(new X509Certificate(read('tls.crt')).checkHost('countersign.countersign-system.svc')).toBeUndefined();
  });
});
