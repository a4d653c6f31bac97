import { digestOf, type Digest } from '../../src/kernel/digest.ts';
import { failure, type Failure } from '../../src/kernel/failure.ts';
import { fail, ok } from '../../src/kernel/result.ts';
import type { Descriptor, Registry } from '../../src/ports/registry.ts';

/** A registry in memory: one repository, counted calls, and a switch that makes every call fail. */
export class FakeRegistry implements Registry {
  readonly calls: string[] = [];
  readonly tags = new Map<string, Digest>();
  readonly manifests = new Map<string, Uint8Array>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly referring = new Map<string, Descriptor[]>();
  broken: Failure | undefined;
  /** Runs before every call is answered. */
  delay: () => Promise<void> = async () => undefined;

  private async called(what: string): Promise<void> {
    this.calls.push(what);
    await this.delay();
  }

  putBlob(bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  putManifest(value: unknown, tag?: string): Digest {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes);
    this.manifests.set(digest, bytes);
    if (tag !== undefined) this.tags.set(tag, digest);
    return digest;
  }

  async resolve(_repository: unknown, tag: string): ReturnType<Registry['resolve']> {
    await this.called(`resolve ${tag}`);
    if (this.broken !== undefined) return fail(this.broken);
    const digest = this.tags.get(tag);
    return digest === undefined ? fail(failure('IMAGE_NOT_FOUND', `no ${tag}`)) : ok(digest);
  }

  async manifest(_repository: unknown, reference: string): ReturnType<Registry['manifest']> {
    await this.called(`manifest ${reference}`);
    if (this.broken !== undefined) return fail(this.broken);
    const digest = this.tags.get(reference) ?? (reference as Digest);
    const bytes = this.manifests.get(digest);
    return ok(
      bytes === undefined ? undefined : { digest, mediaType: 'application/vnd.oci.image.manifest.v1+json', bytes },
    );
  }

  async blob(_repository: unknown, digest: Digest): ReturnType<Registry['blob']> {
    await this.called(`blob ${digest}`);
    if (this.broken !== undefined) return fail(this.broken);
    const bytes = this.blobs.get(digest);
    return bytes === undefined ? fail(failure('REGISTRY_RESPONSE_INVALID', `no ${digest}`)) : ok(bytes);
  }

  async streamBlob(
    repository: unknown,
    { digest }: { readonly digest: Digest },
    read: (chunk: Buffer) => Promise<void>,
  ): ReturnType<Registry['streamBlob']> {
    const bytes = await this.blob(repository, digest);
    if (!bytes.ok) return bytes;
    await read(Buffer.from(bytes.value));
    return ok(undefined);
  }

  async *referrers(_repository: unknown, digest: Digest): ReturnType<Registry['referrers']> {
    await this.called(`referrers ${digest}`);
    yield this.broken === undefined ? ok(this.referring.get(digest) ?? []) : fail(this.broken);
  }
}
