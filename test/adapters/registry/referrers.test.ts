import { describe, expect, test } from 'vitest';
import { html, status } from '../../../src/demo/registry/faults.ts';
import type { DemoRegistry, Fault } from '../../../src/demo/registry/serve.ts';
import { digestOf, hexOf, type Digest } from '../../../src/kernel/digest.ts';
import { as, codeOf, messageOf, openBench, referrersOf, type Bench } from './bench.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const descriptorOf = (digest: Digest) => ({ mediaType: manifestType, digest, size: 1 });
const [inApi, inTag] = [digestOf('listed by the API'), digestOf('listed by the tag')];

const index = (...digests: readonly Digest[]) => ({
  schemaVersion: 2,
  mediaType: indexType,
  manifests: digests.map(descriptorOf),
});

function api(...digests: readonly Digest[]): Fault {
  return status(200, JSON.stringify(index(...digests)), { 'content-type': indexType });
}

/** What Docker's registry and its descendants say of themselves, whether they have the API or not. */
const asDescendant: Fault = async (_request, response, answer) => {
  response.setHeader('docker-distribution-api-version', 'registry/2.0');
  await answer();
};

function tagOf({ demo, image }: Bench): void {
  demo.putManifest('app', index(inTag), `sha256-${hexOf(image.digest)}`);
}

async function digestsOf(bench: Bench): Promise<readonly Digest[]> {
  const listed = await referrersOf(bench);
  if (!listed.ok) throw new Error(listed.failure.message);
  return listed.value.map(({ digest }) => digest);
}

/** What was asked since the last time, in short. */
function asked(demo: DemoRegistry): readonly string[] {
  const paths = demo.log().map(({ path }) => (path.includes('/referrers/') ? 'API' : 'tag'));
  demo.reset();
  return paths;
}

describe('a registry with the API', () => {
  test('is not asked for the tag: it may be old', async () => {
    const bench = await openBench();
    tagOf(bench);
    bench.demo.inject(/referrers/, api(inApi));
    expect(await digestsOf(bench)).toEqual([inApi]);
  });

  test.each([
    ['a relative link', '<?page=2>; rel="next"'],
    ['a path', '</v2/app/referrers/x?page=2>; rel=next'],
    ['the second of two links', '<?page=1>; rel="prev", <?page=2>; rel="next"'],
    ['other parameters', '</v2/app/referrers/x?page=2>; title="a, b"; REL="next"'],
  ])('is read to the last page (%s)', async (_name, link) => {
    const bench = await openBench();
    const first = status(200, JSON.stringify(index(inApi)), { 'content-type': indexType, link });
    bench.demo.inject(/page=2/, api(inTag));
    bench.demo.inject(/referrers/, first);
    expect(await digestsOf(bench)).toEqual([inApi, inTag]);
  });

  test.each(['<?page=2>; rel="prev"', '<?page=2>', '<?page=2>; rel="nextish"', 'rel="next"', '"<?page=2>'])(
    'has one page when no link says next (%s)',
    async (link) => {
      const bench = await openBench();
      const first = status(200, JSON.stringify(index(inApi)), { 'content-type': indexType, link });
      bench.demo.inject(/referrers/, first);
      expect(await digestsOf(bench)).toEqual([inApi]);
    },
  );

  test.each([
    ['another host', '<https://elsewhere.example/v2/app/referrers/x>; rel="next"'],
    ['another repository', '</v2/other/referrers/x>; rel="next"'],
    ['a way up', '</v2/app/referrers/../../other/manifests/1>; rel="next"'],
    ['no address', '<http://[>; rel="next"'],
  ])('cannot send the reader away (%s)', async (_name, link) => {
    const bench = await openBench();
    bench.demo.inject(/./, status(200, JSON.stringify(index(inApi)), { 'content-type': indexType, link }));
    const answer = await referrersOf(bench);
    expect(codeOf(answer)).toBe('REGISTRY_RESPONSE_INVALID');
    expect(messageOf(answer)).toContain('goes on at another place');
    expect(bench.demo.requests().total).toBe(1);
  });

  test('that fails is a failure: the tag may not know all', async () => {
    const bench = await openBench();
    tagOf(bench);
    bench.demo.inject(/referrers/, status(500));
    expect(codeOf(await referrersOf(bench))).toBe('REGISTRY_UNREACHABLE');
  });

  test('has no endless pages', async () => {
    const bench = await openBench();
    const link = '<?again>; rel="next"';
    bench.demo.inject(/./, status(200, JSON.stringify(index(inApi)), { 'content-type': indexType, link }));
    expect(messageOf(await referrersOf(bench))).toContain('more than 10 pages');
    expect(bench.demo.requests().total).toBe(10);
  });
});

describe('a registry without the API', () => {
  test.each([
    ['404', status(404, '404 page not found')],
    ['405', status(405)],
    ['501', status(501)],
    ['a web page', html()],
  ])('answers %s: the tag tells', async (_name, fault) => {
    const bench = await openBench();
    tagOf(bench);
    bench.demo.inject(/referrers/, fault);
    expect(await digestsOf(bench)).toEqual([inTag]);
  });

  test('is known by it for a while', async () => {
    const bench = await openBench({ referrersApi: false });
    await bench.client.resolve(bench.app, '1.0', as());
    bench.demo.reset();
    await digestsOf(bench);
    expect(asked(bench.demo)).toEqual(['tag', 'API']);
    await digestsOf(bench);
    expect(asked(bench.demo)).toEqual(['tag']);
  });
});

describe('nobody turns the API off for others', () => {
  test.each([
    ['by an image in a repository that is not there', status(404, '404 page not found')],
    ['by an image that is not there', status(404, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')],
    ['by a name that is not there', status(404, '{"errors":[{"code":"NAME_UNKNOWN"}]}')],
  ])('%s', async (_name, fault) => {
    const bench = await openBench();
    bench.demo.inject(/absent\/referrers/, fault);
    await referrersOf({ ...bench, app: { ...bench.app, repository: 'absent' } });
    bench.demo.inject(/app\/referrers/, api(inApi));
    expect(await digestsOf(bench)).toEqual([inApi]);
  });

  test('not even of a repository that is there', async () => {
    const bench = await openBench();
    await bench.client.resolve(bench.app, '1.0', as());
    bench.demo.inject(/referrers/, status(404, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'), 1);
    await digestsOf(bench);
    bench.demo.inject(/referrers/, api(inApi));
    expect(await digestsOf(bench)).toEqual([inApi]);
  });
});

describe('a registry that may lack the API, as far as its name tells', () => {
  async function descendant(): Promise<Bench> {
    const bench = await openBench();
    bench.demo.inject(/HEAD/, asDescendant);
    await bench.client.resolve(bench.app, '1.0', as());
    bench.demo.reset();
    return bench;
  }

  test('is asked for the tag first, and for the API as well', async () => {
    const bench = await descendant();
    tagOf(bench);
    bench.demo.inject(/referrers/, api(inApi));
    expect(await digestsOf(bench)).toEqual([inTag, inApi]);
  });

  test('whoever finds enough behind the tag asks no further', async () => {
    const bench = await descendant();
    tagOf(bench);
    const { done } = await bench.client.referrers(bench.app, bench.image.digest, as())[Symbol.asyncIterator]().next();
    expect(done).toBe(false);
    expect(asked(bench.demo)).toEqual(['tag']);
  });

  test('once it has answered through the API, it is asked for that alone', async () => {
    const bench = await descendant();
    await digestsOf(bench);
    expect(asked(bench.demo)).toEqual(['tag', 'API']);
    await digestsOf(bench);
    expect(asked(bench.demo)).toEqual(['API']);
  });
});
