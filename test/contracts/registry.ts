import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anonymous, dockerConfigCredentials, parseDockerConfig } from '../../src/adapters/registry/docker-config.ts';
import type { HostSettings } from '../../src/adapters/registry/hosts.ts';
import { createOciRegistry, type OciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { digestOf, hexOf, type Digest } from '../../src/kernel/digest.ts';
import { ok, type Result } from '../../src/kernel/result.ts';
import type { CallOptions, Credentials, Descriptor, Repository } from '../../src/ports/registry.ts';
import { issue, makeAuthority } from '../cluster/certificates.ts';
import { indexType, manifestType, Pusher } from './registry-pusher.ts';

export interface RegistrySetup {
  readonly access: 'open' | 'basic' | 'token';
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

export interface RunningRegistry {
  /** As in image names. */
  readonly host: string;
  readonly url: string;
  /** Where its tokens come from, if not from itself. */
  readonly tokenHost?: string;
  close(): Promise<void>;
}

/** Who may read and write where access is not open. */
export const account = { username: 'user', password: 'hunter2' };

const known: Credentials = { id: 'known', forHost: async () => ok(account) };
const stranger: Credentials = {
  id: 'stranger',
  forHost: async () => ok({ username: 'stranger', password: 'guess' }),
};
const nothing = digestOf('nothing that anybody pushed');

/** What Countersign relies on, whatever the registry; run over each that there is. */
export function registryContract(title: string, start: (setup: RegistrySetup) => Promise<RunningRegistry>): void {
  describe(`open ${title}`, () => {
    openContract(start);
  });
  for (const access of ['basic', 'token'] as const) {
    describe(`${title} with ${access} authentication`, () => {
      accessContract(access, start);
    });
  }
  describe(`${title} over TLS`, () => {
    tlsContract(start);
  });
}

function openContract(start: (setup: RegistrySetup) => Promise<RunningRegistry>): void {
  let running: RunningRegistry;
  let registry: OciRegistry;
  let app: Repository;
  let pusher: Pusher;
  let image: { readonly digest: Digest; readonly bytes: Buffer; readonly size: number };

  beforeAll(async () => {
    running = await start({ access: 'open' });
    registry = connect({ insecure: [running.host] });
    app = { registry: running.host, repository: 'team/app' };
    pusher = new Pusher(running.url, app.repository, account);
    image = await pusher.image('layer', '1.0');
  });
  afterAll(async () => {
    await pusher.close();
    await registry.close();
    await running.close();
  });

  test('a tag resolves to the digest of its manifest', async () => {
    expect(await registry.resolve(app, '1.0', as(anonymous))).toEqual(ok(image.digest));
  });

  test('a tag resolves to what it names now', async () => {
    await pusher.image('first', 'moving');
    await registry.resolve(app, 'moving', as(anonymous));
    const second = await pusher.image('second', 'moving');
    expect(await registry.resolve(app, 'moving', as(anonymous))).toEqual(ok(second.digest));
  });

  test('a tag of a multi-platform image resolves to the digest of its index', async () => {
    const { digest, size } = image;
    const platform = { os: 'linux', architecture: 'amd64' };
    const manifests = [{ mediaType: manifestType, digest, size, platform }];
    const index = await pusher.manifest({ schemaVersion: 2, mediaType: indexType, manifests }, 'multi');
    expect(await registry.resolve(app, 'multi', as(anonymous))).toEqual(ok(index.digest));
    const read = valueOf(await registry.manifest(app, index.digest, as(anonymous)));
    expect(read?.mediaType).toBe(indexType);
    expect(bytesOf(read?.bytes)).toEqual(index.bytes);
  });

  test('a tag that is not there is not found, nor is a repository', async () => {
    expect(codeOf(await registry.resolve(app, 'absent', as(anonymous)))).toBe('IMAGE_NOT_FOUND');
    const other = { ...app, repository: 'team/absent' };
    expect(codeOf(await registry.resolve(other, '1.0', as(anonymous)))).toBe('IMAGE_NOT_FOUND');
  });

  test('a manifest is read by tag and by digest, byte for byte', async () => {
    for (const reference of ['1.0', image.digest]) {
      const { digest, mediaType, bytes } = valueOf(await registry.manifest(app, reference, as(anonymous))) ?? {};
      expect({ digest, mediaType, bytes: bytesOf(bytes) }).toEqual({
        digest: image.digest,
        mediaType: manifestType,
        bytes: image.bytes,
      });
    }
  });

  test('a manifest that is not there is no failure', async () => {
    expect(await registry.manifest(app, 'absent', as(anonymous))).toEqual(ok(undefined));
    expect(await registry.manifest(app, nothing, as(anonymous))).toEqual(ok(undefined));
    expect(await registry.manifest({ ...app, repository: 'absent' }, '1.0', as(anonymous))).toEqual(ok(undefined));
  });

  test("cosign's signature tag is a tag like any other", async () => {
    const signatures = await pusher.image('a payload', `sha256-${hexOf(image.digest)}.sig`);
    const found = await registry.manifest(app, `sha256-${hexOf(image.digest)}.sig`, as(anonymous));
    expect(valueOf(found)?.digest).toBe(signatures.digest);
  });

  test('an image that nothing refers to has no referrers, nor has one that is not there', async () => {
    const alone = await pusher.image('alone', 'alone');
    expect(await referrersOf(registry, app, alone.digest)).toEqual(ok([]));
    expect(await referrersOf(registry, app, nothing)).toEqual(ok([]));
    expect(await referrersOf(registry, { ...app, repository: 'absent' }, nothing)).toEqual(ok([]));
  });

  test('all referrers are listed, with type and annotations', async () => {
    const subject = { mediaType: manifestType, digest: image.digest, size: image.size };
    const pushed: Digest[] = [];
    for (let count = 1; count <= 7; count += 1) {
      const more = { artifactType: `example/type-${count}`, annotations: { count: String(count) }, subject };
      pushed.push((await pusher.image('a referrer', undefined, more)).digest);
    }
    const listed = valueOf(await referrersOf(registry, app, image.digest));
    expect(listed.map(({ digest }) => digest).toSorted()).toEqual(pushed.toSorted());
    const third = listed.find(({ digest }) => digest === pushed[2]);
    expect(third).toMatchObject({
      mediaType: manifestType,
      artifactType: 'example/type-3',
      annotations: { count: '3' },
    });
  });

  test('a blob is read up to the limit, and refused beyond it', async () => {
    const bytes = Buffer.alloc(100_000, 'b');
    const { digest } = await pusher.blob(bytes);
    expect(bytesOf(valueOf(await registry.blob(app, digest, bytes.length, as(anonymous))))).toEqual(bytes);
    const refused = await registry.blob(app, digest, bytes.length - 1, as(anonymous));
    expect(codeOf(refused)).toBe('REGISTRY_RESPONSE_TOO_LARGE');
  });

  test('a blob that is not there is a failure: something said that it is', async () => {
    expect(codeOf(await registry.blob(app, nothing, 10, as(anonymous)))).toBe('REGISTRY_RESPONSE_INVALID');
  });

  test('nothing is asked once the time is up', async () => {
    const options = { credentials: anonymous, signal: AbortSignal.abort() };
    expect(codeOf(await registry.resolve(app, '1.0', options))).toBe('REGISTRY_TIMEOUT');
    expect(codeOf(await registry.blob(app, image.digest, 10, options))).toBe('REGISTRY_TIMEOUT');
  });

  test('plain HTTP is spoken only where it is configured', async () => {
    const careful = connect({});
    expect(codeOf(await careful.resolve(app, '1.0', as(anonymous)))).toBe('REGISTRY_UNREACHABLE');
    await careful.close();
  });
}

function accessContract(
  access: RegistrySetup['access'],
  start: (setup: RegistrySetup) => Promise<RunningRegistry>,
): void {
  let running: RunningRegistry;
  let registry: OciRegistry;
  let app: Repository;
  let pusher: Pusher;
  let image: { readonly digest: Digest };

  beforeAll(async () => {
    running = await start({ access });
    const { host, tokenHost = host } = running;
    registry = connect({ insecure: [host, tokenHost] });
    app = { registry: host, repository: 'private/app' };
    pusher = new Pusher(running.url, app.repository, account);
    image = await pusher.image('secret', '1.0');
  });
  afterAll(async () => {
    await pusher.close();
    await registry.close();
    await running.close();
  });

  test('the right credentials open everything', async () => {
    expect(await registry.resolve(app, '1.0', as(known))).toEqual(ok(image.digest));
    expect(valueOf(await registry.manifest(app, image.digest, as(known)))?.digest).toBe(image.digest);
    expect(bytesOf(valueOf(await registry.blob(app, digestOf('secret'), 100, as(known))))).toEqual(
      Buffer.from('secret'),
    );
    expect(await referrersOf(registry, app, image.digest, known)).toEqual(ok([]));
  });

  test('what is not there is not found, rather than denied', async () => {
    expect(codeOf(await registry.resolve(app, 'absent', as(known)))).toBe('IMAGE_NOT_FOUND');
  });

  test.each([
    ['no', anonymous],
    ['wrong', stranger],
  ])('%s credentials are denied, rather than not found', async (_name, credentials) => {
    expect(codeOf(await registry.resolve(app, '1.0', as(credentials)))).toBe('REGISTRY_DENIED');
    expect(codeOf(await registry.manifest(app, image.digest, as(credentials)))).toBe('REGISTRY_DENIED');
    expect(codeOf(await referrersOf(registry, app, image.digest, credentials))).toBe('REGISTRY_DENIED');
    expect(codeOf(await registry.blob(app, digestOf('secret'), 100, as(credentials)))).toBe('REGISTRY_DENIED');
  });

  test("what one caller's credentials opened stays closed to others", async () => {
    await registry.resolve(app, '1.0', as(known));
    expect(codeOf(await registry.resolve(app, '1.0', as(stranger)))).toBe('REGISTRY_DENIED');
    expect(await registry.resolve(app, '1.0', as(known))).toEqual(ok(image.digest));
  });

  test("docker's config.json serves the host that it names, and no other", async () => {
    const own = { [running.host]: { auth: encoded(account.username, account.password) } };
    const others = { 'registry.example': { auth: encoded(account.username, account.password) } };
    expect(await registry.resolve(app, '1.0', as(fromConfig('own', own)))).toEqual(ok(image.digest));
    expect(codeOf(await registry.resolve(app, '1.0', as(fromConfig('others', others))))).toBe('REGISTRY_DENIED');
  });
}

function tlsContract(start: (setup: RegistrySetup) => Promise<RunningRegistry>): void {
  let running: RunningRegistry;
  let app: Repository;
  let ca: string;
  let digest: Digest;

  beforeAll(async () => {
    const authority = await makeAuthority();
    ca = authority.cert;
    const serving = await issue(authority, { commonName: 'registry', addresses: ['127.0.0.1'] });
    running = await start({ access: 'open', tls: { ...serving, ca } });
    app = { registry: running.host, repository: 'team/app' };
    const pusher = new Pusher(running.url, app.repository, account, ca);
    ({ digest } = await pusher.image('layer', '1.0'));
    await pusher.close();
  });
  afterAll(() => running.close());

  async function resolve(settings: Partial<HostSettings>): Promise<Result<Digest>> {
    const registry = connect(settings);
    const answer = await registry.resolve(app, '1.0', as(anonymous));
    await registry.close();
    return answer;
  }

  test('its own CA, when it is configured for the host, is trusted', async () => {
    expect(await resolve({ ca: new Map([[running.host, ca]]) })).toEqual(ok(digest));
  });

  test('another CA is not', async () => {
    const { cert } = await makeAuthority();
    expect(codeOf(await resolve({ ca: new Map([[running.host, cert]]) }))).toBe('REGISTRY_UNREACHABLE');
  });

  test('nor is its CA for another host', async () => {
    expect(codeOf(await resolve({ ca: new Map([['registry.example', ca]]) }))).toBe('REGISTRY_UNREACHABLE');
  });

  test('plain HTTP with it is a failure', async () => {
    expect((await resolve({ insecure: [running.host] })).ok).toBe(false);
  });
}

function connect(settings: Partial<HostSettings>): OciRegistry {
  return createOciRegistry({
    insecure: [],
    ca: new Map(),
    metrics: { registryRequest: () => undefined },
    ...settings,
  });
}

function as(credentials: Credentials): CallOptions {
  return { credentials, signal: AbortSignal.timeout(10_000) };
}

/** All lists as one, or the first failure. */
async function referrersOf(
  registry: OciRegistry,
  repository: Repository,
  digest: Digest,
  credentials = anonymous,
): Promise<Result<readonly Descriptor[]>> {
  const found: Descriptor[] = [];
  for await (const listed of registry.referrers(repository, digest, as(credentials))) {
    if (!listed.ok) return listed;
    found.push(...listed.value);
  }
  return ok(found);
}

function fromConfig(id: string, auths: object): Credentials {
  return dockerConfigCredentials(id, valueOf(parseDockerConfig(JSON.stringify({ auths }))));
}

function encoded(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.message}`);
  return result.value;
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? 'no failure' : result.failure.code;
}

/** One class for all bytes, so that they can be compared. */
function bytesOf(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes);
}
