import { afterEach, describe, expect, test } from 'vitest';
import { decision, catalogue, closeScenes, digest, noPolicies, openScene, send, type Scene } from './scene.ts';

afterEach(closeScenes);

async function sceneOf(count: number): Promise<Scene> {
  const scene = await openScene('local');
  scene.records.put(...Array.from({ length: count }, (_, index) => decision(index + 1)));
  return scene;
}

/** Text as a reader gets it. */
function words(text: string): string {
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

describe('every answer', () => {
  test.each([
    '/console',
    '/console/nothing',
    '/console/style.css',
    '/console/decisions/x',
    '/console?colour=red',
    '/nothing',
  ])('%s allows no script, no frame, no other site and no copy', async (path) => {
    const { headers, text } = await send(await sceneOf(1), path);
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    expect(headers['x-powered-by']).toBeUndefined();
    expect(text).not.toMatch(/<script|\sstyle=|\son\w+=|javascript:/i);
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is not what pages are for', async (method) => {
    const scene = await sceneOf(1);
    for (const path of ['/console', '/console/policies', '/console/decisions/uid-1']) {
      const { status, headers } = await send(scene, path, { method });
      expect([path, status, headers['allow']]).toEqual([path, 405, 'GET, HEAD']);
    }
  });

  test('HEAD gets what GET gets, without the page', async () => {
    const scene = await sceneOf(1);
    const { status, headers, text } = await send(scene, '/console', { method: 'HEAD' });
    expect([status, text]).toEqual([200, '']);
    expect(Number(headers['content-length'])).toBeGreaterThan(1000);
  });

  test.each([
    ['a query of 9 KiB', `/console?text=${'a'.repeat(9 * 1024)}`, 414],
    ['a query of 1 MB', `/console?text=${'a'.repeat(1_000_000)}`, 431],
    ['a path of 9 KiB', `/console/${'a'.repeat(9 * 1024)}`, 414],
    ['half an escape', '/console/decisions/%zz', 400],
    ['a path out of the console', '/console/../../etc/passwd', 404],
    ['the same, in disguise', '/console/decisions/..%2f..%2fetc%2fpasswd', 404],
    ['a stylesheet of another place', '/console/style.css/../../secret', 404],
    ['NUL', '/console/decisions/%00', 404],
    ['a policy of another kind', '/console/policies/Secret/release-key', 404],
    ['a policy whose name is a property', '/console/policies/ClusterImagePolicy/__proto__', 404],
    ['a decision whose id is a property', '/console/decisions/constructor', 404],
    ['the console in capitals', '/CONSOLE', 404],
  ])('refuses %s', async (_what, path, status) => {
    const scene = await sceneOf(1);
    expect((await send(scene, path)).status).toBe(status);
    expect((await send(scene, '/console')).status).toBe(200);
    expect(scene.errors).toEqual([]);
  });
});

describe('/console', () => {
  test('shows what was refused, newest first, and nothing that was let in', async () => {
    const scene = await sceneOf(3);
    scene.records.put(decision(4, { verdict: 'admit', reasons: [], name: 'let-in' }));
    const { text } = await send(scene, '/console');
    const names = [...text.matchAll(/web-\d/g)].map(([name]) => name);
    expect([...new Set(names)]).toEqual(['web-3', 'web-2', 'web-1']);
    expect(text).not.toContain('let-in');
    expect(text).toContain('<title>What was refused · Countersign</title>');
    expect(words(text)).toContain('4 decisions are kept');
    expect((await send(scene, '/console?verdict=all')).text).toContain('let-in');
  });

  test('goes through all pages and back', async () => {
    const scene = await sceneOf(120);
    const seen: string[] = [];
    let path: string | undefined = '/console?namespace=shop';
    const paths: string[] = [];
    while (path !== undefined) {
      paths.push(path);
      const { text } = await send(scene, path);
      seen.push(...[...text.matchAll(/<b>(web-\d+)<\/b>/g)].map((match) => match[1] ?? ''));
      path = link(text, 'next');
    }
    expect(seen).toEqual(Array.from({ length: 120 }, (_, index) => `web-${120 - index}`));
    const { text } = await send(scene, paths.at(-1) ?? '');
    expect(link(text, 'prev')).toBe(paths.at(-2));
    expect(text).toContain('>Newest</a>');
  });

  test('asks the records for exactly what the filters say', async () => {
    const scene = await sceneOf(1);
    await send(scene, '/console?within=24h&namespace=shop&code=TLOG_MISSING&text=caf%C3%A9');
    expect(scene.records.asked.at(-1)).toEqual({
      limit: 50,
      verdicts: ['refuse', 'unavailable', 'error'],
      since: '2026-01-01T04:04:05.000Z',
      namespace: 'shop',
      code: 'TLOG_MISSING',
      text: 'café',
    });
  });

  test('asks nothing of the records for a filter that is unknown, and says so', async () => {
    const scene = await sceneOf(1);
    const { status, text } = await send(scene, '/console?colour=%3Cscript%3E');
    expect(status).toBe(400);
    expect(words(text)).toContain('There is no filter &quot;colour&quot;');
    expect(scene.records.asked).toEqual([]);
  });

  test('tells what to do when nothing was decided yet', async () => {
    const { status, text } = await send(await sceneOf(0), '/console');
    expect(status).toBe(200);
    expect(words(text)).toContain('Nothing has been decided yet');
    expect(text).toContain('kubectl label namespace NAMESPACE policy.sigstore.dev/include=true');
  });

  test('tells apart that nothing was refused from that nothing fits', async () => {
    const scene = await openScene('local');
    scene.records.put(decision(1, { verdict: 'admit', reasons: [] }));
    expect(words((await send(scene, '/console')).text)).toContain('Nothing was refused');
    expect(words((await send(scene, '/console?namespace=other')).text)).toContain('No decision fits these filters');
  });

  test.each(['unavailable', 'silent', 'bug'] as const)(
    'says that the records are not there when they are %s',
    async (trouble) => {
      const scene = await openScene('local', { recordsMs: 50 });
      scene.records.put(decision());
      scene.records.trouble = trouble;
      for (const path of ['/console', '/console/decisions/uid-1', '/console/policies/ClusterImagePolicy/shop-images']) {
        const { status, headers, text } = await send(scene, path);
        expect([path, status, headers['retry-after']]).toEqual([path, 503, '5']);
        expect(words(text)).toContain('The records are not available');
        expect(text).toContain('href="/console/policies"');
        expect(text).not.toContain('a bug of the store');
      }
      expect((await send(scene, '/console/policies')).status).toBe(200);
      scene.records.trouble = undefined;
      expect((await send(scene, '/console')).status).toBe(200);
    },
  );
});

describe('/console/decisions/ID', () => {
  test('shows one refusal in full, by correlation id and by uid', async () => {
    const scene = await sceneOf(2);
    const byUid = await send(scene, '/console/decisions/uid-1');
    const byId = await send(scene, `/console/decisions/${decision(1).correlationId}`);
    expect(byId.text).toBe(byUid.text);
    const text = words(byUid.text);
    for (const part of [
      'Pod web-1 in shop',
      'system:serviceaccount:shop:deployer',
      '2026-01-02 03:04:06 UTC',
      `registry.example/shop/web:v1 ${digest}`,
      'SIGNATURE_MISSING no signatures found',
      'spec.containers[0].image',
      'How to fix it',
      `cosign sign registry.example/shop/web@${digest}`,
      'kind: ClusterImagePolicy',
      'refs/heads/main',
      decision(1).correlationId,
      '1 of its chain',
      '0'.repeat(63),
      'Other decisions about its first image',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toContain('have changed since this was decided');
    expect(text).not.toContain('managedFields');
  });

  test('shows every webhook that had a say in a request', async () => {
    const scene = await openScene('local');
    const { correlationId } = decision(1);
    scene.records.put(decision(1, { phase: 'mutate', verdict: 'admit', reasons: [] }), decision(2, { correlationId }));
    const text = words((await send(scene, `/console/decisions/${correlationId}`)).text);
    expect(text).toContain('Mutating webhook');
    expect(text).toContain('Validating webhook');
  });

  test('says what it can of a refusal whose code, policy and object are unknown', async () => {
    const scene = await openScene('local');
    const { kind: _kind, name: _name, namespace: _namespace, user: _user, ...bare } = decision(1);
    scene.records.put({ ...bare, images: [], reasons: [{ code: 'OF_TOMORROW', message: 'what?', policy: 'gone' }] });
    const { status, text } = await send(scene, '/console/decisions/uid-1');
    expect(status).toBe(200);
    expect(words(text)).toContain('This code is newer than this program');
  });

  test('an id of nothing is not found', async () => {
    const { status, text } = await send(await sceneOf(1), '/console/decisions/uid-2');
    expect(status).toBe(404);
    expect(words(text)).toContain('No such decision');
  });

  test('whatever stands in a refusal is text', async () => {
    const hostile = '"><script>alert(1)</script>\0\u{202e}';
    const scene = await openScene('local');
    const reasons = [{ code: hostile, message: hostile, field: hostile, image: hostile, policy: hostile }];
    const images = [{ field: hostile, image: hostile, digest: hostile, policies: [hostile], contract: hostile }];
    const text = {
      user: hostile,
      kind: hostile,
      namespace: hostile,
      name: hostile,
      operation: hostile,
      skipped: hostile,
    };
    scene.records.put(decision(1, { ...text, reasons, images, audited: reasons, snapshot: hostile }));
    for (const path of ['/console', '/console/decisions/uid-1', `/console?text=${encodeURIComponent(hostile)}`]) {
      const answer = await send(scene, path);
      expect(answer.text).toContain('&lt;script&gt;');
      expect(answer.text).not.toMatch(/<script|\0|\u{202e}/u);
    }
  });

  test('a hundred reasons with long messages stay one page', async () => {
    const scene = await openScene('local');
    const image = `registry.example/${'a/'.repeat(400)}web`;
    const reasons = Array.from({ length: 100 }, () => ({
      code: 'SIGNATURE_INVALID',
      message: 'm'.repeat(4000),
      image,
    }));
    scene.records.put(decision(1, { reasons }));
    const { status, text } = await send(scene, '/console/decisions/uid-1');
    expect(status).toBe(200);
    expect(text.length).toBeLessThan(1024 * 1024);
    expect((await send(scene, '/console')).text.length).toBeLessThan(64 * 1024);
  });
});

describe('/console/policies', () => {
  test('shows every policy with its state, also those that were never good', async () => {
    const scene = await sceneOf(0);
    const { status, text } = await send(scene, '/console/policies');
    expect(status).toBe(200);
    const rows = [...text.matchAll(/<tr role="row">.*?<\/tr>/gs)].map(([row]) => words(row));
    const row = (name: string): string => rows.find((found) => found.includes(` ${name} `)) ?? '';
    expect(row('shop-images')).toContain('✓ Ready');
    expect(row('actions')).toContain('✓ Ready');
    expect(row('was-good')).toContain('✕ Broken');
    expect(row('was-good')).toContain('Its last good version stays in force.');
    expect(row('never-good')).toContain('Until it is repaired it refuses every image it matches.');
    expect(row('wants-a-key')).toContain('! Not ready');
    expect(row('nobody')).toContain('△ Never matches');
    expect(row('nobody')).toContain('warn');
  });

  test.each([
    ['?state=broken', ['never-good', 'was-good']],
    ['?kind=ActionPolicy', ['actions']],
    ['?name=shop', ['shop-images']],
    ['?name=registry.example%2Fkeys', ['wants-a-key']],
    ['?state=ready&name=zzz', []],
  ])('%s shows what fits', async (search, expected) => {
    const { text } = await send(await sceneOf(0), `/console/policies${search}`);
    expect([...text.matchAll(/><b>([a-z-]+)<\/b><\/a/g)].map((match) => match[1])).toEqual(expected);
  });

  test.each(['?state=odd', '?kind=Secret', '?colour=red', '?page=0', '?page=-1', '?page=1e9'])(
    '%s is said to be wrong',
    async (search) => {
      expect((await send(await sceneOf(0), `/console/policies${search}`)).status).toBe(400);
    },
  );

  test('a page beyond the last has no policies, and a way back', async () => {
    const { status, text } = await send(await sceneOf(0), '/console/policies?page=99');
    expect(status).toBe(200);
    expect(link(text, 'prev')).toBe('/console/policies?page=98');
  });

  test('says that every request is refused while nothing is in force', async () => {
    const scene = await openScene('local', { policies: noPolicies });
    const text = words((await send(scene, '/console/policies')).text);
    expect(text).toContain('No policy is in force');
    expect(text).toContain('There are no policies');
  });

  test('ten thousand policies are shown fifty at a time', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      apiVersion: 'policy.sigstore.dev/v1beta1',
      kind: 'ClusterImagePolicy',
      metadata: { name: `team-${index}` },
      spec: { images: [{ glob: `registry.example/team-${index}/**` }], authorities: [{ static: { action: 'pass' } }] },
    }));
    const scene = await openScene('local', { policies: catalogue(...many) });
    const { text } = await send(scene, '/console/policies');
    expect(text.match(/<tr role="row">/g)).toHaveLength(51);
    expect(words(text)).toContain('Policies 1 to 50 of 10006');
    expect(link(text, 'next')).toBe('/console/policies?page=2');
  });
});

describe('/console/policies/KIND/NAME', () => {
  test('shows the text in force, what is wrong, and the images it was about', async () => {
    const scene = await sceneOf(3);
    const shop = words((await send(scene, '/console/policies/ClusterImagePolicy/shop-images')).text);
    expect(shop).toContain('glob: registry.example/shop/**');
    expect(shop).toContain('registry.example/shop/web:v3');
    const broken = words((await send(scene, '/console/policies/ClusterImagePolicy/was-good')).text);
    expect(broken).toContain('Text of the version that is in force');
    expect(broken).toContain('unsupported action');
    expect(broken).toContain('refs/heads/main');
    const never = words((await send(scene, '/console/policies/ClusterImagePolicy/never-good')).text);
    expect(never).toContain('no version of it was ever good');
    const action = words((await send(scene, '/console/policies/ActionPolicy/actions')).text);
    expect(action).toContain('podSecurity: restricted');
    const lint = words((await send(scene, '/console/policies/ClusterImagePolicy/nobody')).text);
    expect(lint).toContain('write index.docker.io/library/nginx@*');
  });
});

function link(text: string, relation: 'next' | 'prev'): string | undefined {
  const tag = [...text.matchAll(/<a [^>]*>/g)]
    .map(([found]) => found)
    .find((found) => found.includes(`rel="${relation}"`));
  return tag === undefined ? undefined : /href="([^"]*)"/.exec(tag)?.[1]?.replaceAll('&amp;', '&');
}
