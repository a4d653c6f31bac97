/** Registries that lie, stall, send without end or lead in circles, asked which digest a tag names. */
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { status } from '../../src/demo/registry/faults.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { openGate, podOf, sign, type Gate } from './gate.ts';
import { anyToken, boundless, unwilling, wrongBytes } from './hostile-registry.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate();
});
afterEach(() => gate.registry.reset());
afterAll(() => gate.close());

let count = 0;

/** A repository that the registry client has never seen. */
function freshRepository(): string {
  return `key/hostile-${(count += 1)}`;
}

describe('a registry that, asked for the digest of a tag,', () => {
  const tagged = (): { readonly repository: string; readonly image: string } => {
    const repository = freshRepository();
    sign(gate, { repository, ...pushImage(gate.registry, { repository, tag: '1.0' }) });
    return { repository, image: `${gate.registry.host}/${repository}:1.0` };
  };

  test.each(unwilling)('$about', async ({ fault, code, says, timeout = 10 }) => {
    const { repository, image } = tagged();
    gate.registry.inject(new RegExp(`/${repository}/manifests/1.0`), fault(gate.registry.url));
    gate.registry.inject(/\/token/, anyToken);
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });

  test.each(boundless)('knows no HEAD and $about', async ({ fault, code, says, timeout = 10 }) => {
    const { repository, image } = tagged();
    gate.registry.inject(new RegExp(`HEAD /v2/${repository}/manifests/1.0`), status(405));
    gate.registry.inject(new RegExp(`GET /v2/${repository}/manifests/1.0`), fault(gate.registry.url));
    await gate.assertRefused({ body: podOf(image), timeout }, { code, says });
  });

  test.each(unwilling)('$about: the tag stays a tag', async ({ fault }) => {
    const { repository, image } = tagged();
    gate.registry.inject(new RegExp(`/${repository}/manifests/1.0`), fault(gate.registry.url));
    gate.registry.inject(/\/token/, anyToken);
    await gate.assertLeftAlone({ body: podOf(image), timeout: 1 });
  });

  test('names another digest', async () => {
    const { repository, image } = tagged();
    gate.registry.inject(/manifests\/1.0/, status(200, wrongBytes, { 'docker-content-digest': digestOf('other') }));
    const expected = { code: 'IMAGE_NOT_PINNED', says: new RegExp(repository) } as const;
    await gate.assertRefused({ body: podOf(image) }, expected);
  });
});
