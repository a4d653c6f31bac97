/** TUF repositories with every part open to a test, and a server on this host that gives their files. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { Key, MetaFile, Metadata, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { Delegations } from '@tufjs/models/dist/delegations.js';
import { DelegatedRole, Role } from '@tufjs/models/dist/role.js';

export interface Signer {
  readonly key: Key;
  readonly privateKey: KeyObject;
}

export function newSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
  const keyID = createHash('sha256').update(raw).digest('hex');
  return { key: new Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: raw } }), privateKey };
}

const days = (count: number): string => new Date(Date.now() + count * 86_400_000).toISOString().replace(/\.\d+/, '');
export const future = days(30);
export const past = days(-1);
export const soon = days(3);

const roles = ['root', 'timestamp', 'snapshot', 'targets'] as const;
type RoleName = (typeof roles)[number];

export interface Publication {
  /** Content by path. */
  readonly targets?: Readonly<Record<string, string>>;
  readonly custom?: Readonly<Record<string, Record<string, string>>>;
  readonly delegated?: { readonly role: string; readonly paths: string[]; readonly targets: Record<string, string> };
  readonly expires?: Partial<Record<RoleName | 'delegated', string>>;
  /** Who signs instead of those that the root names. */
  readonly signers?: Partial<Record<RoleName | 'delegated', readonly Signer[]>>;
}

export class TufRepo {
  readonly files = new Map<string, Buffer>();
  readonly consistent: boolean;
  readonly delegate = newSigner();
  signers: Record<RoleName, readonly Signer[]>;
  thresholds: Partial<Record<RoleName, number>> = {};
  versions = { root: 0, metadata: 0 };

  constructor(consistent = true) {
    this.consistent = consistent;
    this.signers = { root: [newSigner()], timestamp: [newSigner()], snapshot: [newSigner()], targets: [newSigner()] };
    this.publishRoot();
  }

  get initialRoot(): Buffer {
    return this.file('1.root.json');
  }

  file(name: string): Buffer {
    const found = this.files.get(name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  }

  /** The next version, signed by the former keys too. */
  publishRoot(
    options: { readonly by?: readonly Signer[]; readonly expires?: string; readonly version?: number } = {},
  ): void {
    const version = options.version ?? this.versions.root + 1;
    const named = roles.map((role) => {
      const keyIDs = this.signers[role].map(({ key }) => key.keyID);
      return [role, new Role({ keyIDs, threshold: this.thresholds[role] ?? 1 })] as const;
    });
    const keys = roles.flatMap((role) => this.signers[role].map(({ key }) => [key.keyID, key] as const));
    const root = new Root({
      version,
      specVersion: '1.0.31',
      expires: options.expires ?? future,
      consistentSnapshot: this.consistent,
      keys: Object.fromEntries(keys),
      roles: Object.fromEntries(named),
    });
    const by = options.by ?? [...this.formerRoot, ...this.signers.root];
    this.formerRoot = this.signers.root;
    this.versions.root = version;
    this.files.set(`${version}.root.json`, signed(root, by));
  }
  private formerRoot: readonly Signer[] = [];

  publish(options: Publication = {}): void {
    const version = (this.versions.metadata += 1);
    const { expires = {}, signers = {}, delegated } = options;
    const by = (role: RoleName): readonly Signer[] => signers[role] ?? this.signers[role];
    const common = (role: RoleName | 'delegated') =>
      ({ version, specVersion: '1.0.31', expires: expires[role] ?? future }) as const;
    const metadata: [string, Buffer][] = [];
    if (delegated !== undefined) {
      const made = new Targets({ ...common('delegated'), targets: this.addTargets(delegated.targets, {}) });
      metadata.push([delegated.role, signed(made, signers.delegated ?? [this.delegate])]);
    }
    const targets = new Targets({
      ...common('targets'),
      targets: this.addTargets(options.targets ?? {}, options.custom ?? {}),
      ...(delegated && { delegations: this.delegationsTo(delegated) }),
    });
    metadata.push(['targets', signed(targets, by('targets'))]);
    const meta: Record<string, MetaFile> = {};
    for (const [role, bytes] of metadata) {
      meta[`${role}.json`] = describe(version, bytes);
      this.files.set(this.versioned(version, `${role}.json`), bytes);
    }
    const snapshot = signed(new Snapshot({ ...common('snapshot'), meta }), by('snapshot'));
    this.files.set(this.versioned(version, 'snapshot.json'), snapshot);
    const timestamp = new Timestamp({ ...common('timestamp'), snapshotMeta: describe(version, snapshot) });
    this.files.set('timestamp.json', signed(timestamp, by('timestamp')));
  }

  /** As policy-controller's tools pack it. */
  archive(folder = 'repository/'): Buffer {
    const entries = [...this.files].map(([name, bytes]) => tarEntry(`${folder}${name}`, bytes));
    return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
  }

  copy(): ReadonlyMap<string, Buffer> {
    return new Map(this.files);
  }

  private versioned(version: number, name: string): string {
    return this.consistent ? `${version}.${name}` : name;
  }

  private delegationsTo({ role, paths }: { readonly role: string; readonly paths: string[] }): Delegations {
    const { key } = this.delegate;
    const delegation = new DelegatedRole({ name: role, paths, terminating: true, keyIDs: [key.keyID], threshold: 1 });
    return new Delegations({ keys: { [key.keyID]: key }, roles: { [role]: delegation } });
  }

  private addTargets(
    contents: Readonly<Record<string, string>>,
    custom: Readonly<Record<string, Record<string, string>>>,
  ): Record<string, TargetFile> {
    const entries = Object.entries(contents).map(([path, content]) => {
      const bytes = Buffer.from(content);
      const hash = createHash('sha256').update(bytes).digest('hex');
      const slash = path.lastIndexOf('/') + 1;
      const name = this.consistent ? `${path.slice(0, slash)}${hash}.${path.slice(slash)}` : path;
      this.files.set(`targets/${name}`, bytes);
      const own = custom[path];
      const file = {
        length: bytes.length,
        hashes: { sha256: hash },
        ...(own === undefined ? {} : { custom: { sigstore: own } }),
      };
      return [path, TargetFile.fromJSON(path, file)] as const;
    });
    return Object.fromEntries(entries);
  }
}

function describe(version: number, bytes: Buffer): MetaFile {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return new MetaFile({ version, length: bytes.length, hashes: { sha256 } });
}

function signed(content: Root | Timestamp | Snapshot | Targets, by: readonly Signer[]): Buffer {
  const metadata = new Metadata<Root | Timestamp | Snapshot | Targets>(content);
  for (const { key, privateKey } of by) {
    metadata.sign((data) => new Signature({ keyID: key.keyID, sig: sign(null, data, privateKey).toString('hex') }));
  }
  return Buffer.from(JSON.stringify(metadata.toJSON()));
}

export function tarEntry(name: string, bytes: Buffer, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  // Long names are written in two parts.
  const slash = name.length > 100 ? name.lastIndexOf('/') : -1;
  header.write(name.slice(slash + 1), 0, 100, 'latin1');
  if (slash > 0) header.write(name.slice(0, slash), 345, 155, 'latin1');
  header.write('0000644\0', 100);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** What is done instead of giving a file. */
export type Instead = (response: ServerResponse) => void;

export interface Mirror {
  readonly url: string;
  files: ReadonlyMap<string, Buffer>;
  readonly instead: Map<string, Instead>;
  readonly asked: string[];
  close(): Promise<void>;
}

export async function serve(files: ReadonlyMap<string, Buffer>, host = '127.0.0.1'): Promise<Mirror> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1);
    mirror.asked.push(path);
    const instead = mirror.instead.get(path);
    const bytes = mirror.files.get(path);
    if (instead !== undefined) instead(response);
    else if (bytes === undefined) response.writeHead(404).end('none');
    else response.end(bytes);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const mirror: Mirror = {
    url: `http://${host}:${address.port}`,
    files,
    instead: new Map(),
    asked: [],
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return mirror;
}
