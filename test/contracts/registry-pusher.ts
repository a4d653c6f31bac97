import { Agent, request } from 'undici';
import { parseChallenge } from '../../src/adapters/registry/challenge.ts';
import { digestOf, hexOf, type Digest } from '../../src/kernel/digest.ts';

export interface Account {
  readonly username: string;
  readonly password: string;
}

interface Pushed {
  readonly digest: Digest;
  readonly size: number;
}

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';

/** Pushes to one repository of any registry through its HTTP API, as clients do. OCI dist-spec 1.1 §push */
export class Pusher {
  readonly #base: string;
  readonly #repository: string;
  readonly #account: Account;
  readonly #agent: Agent;

  constructor(url: string, repository: string, account: Account, ca?: string) {
    this.#base = `${url}/v2/${repository}`;
    this.#repository = repository;
    this.#account = account;
    this.#agent = new Agent(ca === undefined ? {} : { connect: { ca } });
  }

  async blob(bytes: Uint8Array): Promise<Pushed> {
    const started = await this.#send('POST', `${this.#base}/blobs/uploads/`, '', 202);
    const location = new URL(String(started['location']), this.#base);
    location.searchParams.set('digest', digestOf(bytes));
    await this.#send('PUT', location.href, bytes, 201, 'application/octet-stream');
    return { digest: digestOf(bytes), size: bytes.length };
  }

  async manifest(value: object, tag?: string): Promise<Pushed & { readonly bytes: Buffer }> {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes);
    const type = 'manifests' in value ? indexType : manifestType;
    const headers = await this.#send('PUT', `${this.#base}/manifests/${tag ?? digest}`, bytes, 201, type);
    if ('subject' in value && headers['oci-subject'] === undefined) await this.#addToFallbackTag(value, bytes);
    return { digest, size: bytes.length, bytes };
  }

  /** An image with one layer. */
  async image(content: string, tag?: string, more: object = {}): Promise<Pushed & { readonly bytes: Buffer }> {
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await this.blob(Buffer.from('{}'))) };
    const layer = { mediaType: 'application/octet-stream', ...(await this.blob(Buffer.from(content))) };
    return this.manifest({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer], ...more }, tag);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  /** What a client does where the registry keeps no list. OCI dist-spec 1.1 §referrers tag schema */
  async #addToFallbackTag(manifest: object, bytes: Buffer): Promise<void> {
    // Only manifests of this file come here.
    const { subject } = manifest as { subject: { digest: Digest } };
    const url = `${this.#base}/manifests/sha256-${hexOf(subject.digest)}`;
    const known = await this.#request('GET', url, '', indexType);
    const before = known.status === 200 ? (JSON.parse(known.body) as { manifests: object[] }).manifests : [];
    const { artifactType, annotations } = manifest as { artifactType?: string; annotations?: object };
    const own = { mediaType: manifestType, digest: digestOf(bytes), size: bytes.length, artifactType, annotations };
    const index = { schemaVersion: 2, mediaType: indexType, manifests: [...before, own] };
    await this.#send('PUT', url, Buffer.from(JSON.stringify(index)), 201, indexType);
  }

  async #send(
    method: 'POST' | 'PUT',
    url: string,
    body: Uint8Array | string,
    expected: number,
    type?: string,
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#request(method, url, body, type);
    if (answer.status !== expected) throw new Error(`${method} ${url} answered ${answer.status}: ${answer.body}`);
    return answer.headers;
  }

  async #request(method: 'GET' | 'POST' | 'PUT', url: string, body: Uint8Array | string, type?: string) {
    const once = async (authorization?: string) => {
      const headers = {
        ...(type === undefined ? {} : { 'content-type': type, accept: type }),
        ...(authorization === undefined ? {} : { authorization }),
      };
      const got = await request(url, {
        method,
        headers,
        body: method === 'GET' ? null : body,
        dispatcher: this.#agent,
      });
      return { status: got.statusCode, headers: got.headers, body: await got.body.text() };
    };
    const first = await once();
    return first.status === 401 ? once(await this.#authorize(String(first.headers['www-authenticate']))) : first;
  }

  async #authorize(header: string): Promise<string> {
    const challenge = parseChallenge(header);
    const basic = `Basic ${Buffer.from(`${this.#account.username}:${this.#account.password}`).toString('base64')}`;
    if (challenge?.scheme !== 'bearer') return basic;
    const url = new URL(challenge.realm);
    url.searchParams.set('service', challenge.service ?? '');
    url.searchParams.set('scope', `repository:${this.#repository}:pull,push`);
    const got = await request(url, { headers: { authorization: basic }, dispatcher: this.#agent });
    const { token } = (await got.body.json()) as { token: string };
    return `Bearer ${token}`;
  }
}
