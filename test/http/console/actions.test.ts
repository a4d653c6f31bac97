/** The pages of what was run. */
import { afterEach, describe, expect, test } from 'vitest';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import type { ActionHistory, ActionQuery, ActionRecord } from '../../../src/ports/action-history.ts';
import { at, completed, executing, failed, manyActions } from '../../records/history/actions.ts';
import { bearer, closeScenes, openScene, send, type Scene } from './scene.ts';

afterEach(closeScenes);

async function sceneOf(...actions: readonly ActionRecord[]): Promise<Scene> {
  const { history } = sqliteRecords(':memory:');
  const stored = await history.record(actions);
  if (!stored.ok) throw new Error(stored.failure.message);
  return openScene('local', { history });
}

/** Text as a reader gets it. */
function words(text: string): string {
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

function link(text: string, rel: 'next' | 'prev'): string | undefined {
  return new RegExp(`rel="${rel}" href="([^"]*)"`).exec(text)?.[1]?.replaceAll('&amp;', '&');
}

/** Asked for what, and nothing found. */
async function asking(
  path: string,
): Promise<{ readonly status: number; readonly text: string; readonly asked: readonly ActionQuery[] }> {
  const asked: ActionQuery[] = [];
  const base = sqliteRecords(':memory:').history;
  const list: ActionHistory['list'] = async (query) => {
    asked.push(query);
    return ok({ actions: [] });
  };
  const scene = await openScene('local', { history: { ...base, list } });
  return { ...(await send(scene, path)), asked };
}

describe('/console/actions', () => {
  test('shows what was run, newest first, and what came of it', async () => {
    const scene = await sceneOf(
      completed(),
      failed({
        workflowUid: 'uid-2',
        workflowId: 'disk-full',
        step: 'clean',
        executedAt: at(60_000),
        completedAt: at(62_000),
      }),
      executing({ workflowUid: 'uid-3', workflowId: 'slow', step: 'wait', executedAt: at(120_000), engine: 'tekton' }),
    );
    const { status, text } = await send(scene, '/console/actions');
    expect(status).toBe(200);
    expect([...text.matchAll(/<b>(\w+)<\/b>/g)].map(([, step]) => step)).toEqual(['wait', 'clean', 'scale']);
    expect(words(text)).toContain('3 actions, newest first');
    expect(words(text)).toContain('▷ Executing slow wait in production kubernetes/scale_deployment Tekton not known');
    expect(words(text)).toContain('TaskFailed exit code 1');
    expect(words(text)).toContain('✓ Completed payment-oom scale in production kubernetes/scale_deployment Jobs 4.0 s');
    expect(text).toContain('href="/console/actions/uid-2"');
  });

  test('goes through all pages and back', async () => {
    const scene = await sceneOf(...manyActions(120));
    const paths: string[] = [];
    let count = 0;
    for (let path: string | undefined = '/console/actions?namespace=production'; path !== undefined;) {
      paths.push(path);
      const { status, text } = await send(scene, path);
      expect(status).toBe(200);
      count += text.match(/role="rowheader"/g)?.length ?? 0;
      path = link(text, 'next');
    }
    expect([count, paths.length]).toEqual([90, 2]);
    const { text } = await send(scene, paths[1] ?? '');
    expect(link(text, 'prev')).toBe(paths[0]);
  });

  test('asks the history for exactly what the filters say', async () => {
    const { asked } = await asking(
      '/console/actions?status=failed&within=24h&type=git%2Fcommit&workflow=payment&namespace=shop&engine=tekton',
    );
    expect(asked).toEqual([
      {
        limit: 50,
        status: 'failed',
        since: '2026-01-01T04:04:05.000Z',
        actionType: 'git/commit',
        workflow: 'payment',
        namespace: 'shop',
        engine: 'tekton',
      },
    ]);
  });

  test.each([
    ['?colour=red', 'There is no filter &quot;colour&quot;'],
    ['?status=done', 'There is no status &quot;done&quot;'],
    ['?engine=argo', 'There is no engine &quot;argo&quot;'],
    ['?within=1y', 'There is no time span &quot;1y&quot;'],
    ['?status=failed&status=completed', 'is there twice'],
    [`?type=${'a'.repeat(300)}`, 'is longer than 256 characters'],
    ['?after=somewhere', 'begin again with the newest'],
    ['?status=%3Cscript%3E', 'There is no status'],
  ])('asks nothing for %s, and says why', async (search, sentence) => {
    const { status, text, asked } = await asking(`/console/actions${search}`);
    expect([status, asked]).toEqual([400, []]);
    expect(words(text)).toContain(sentence);
    expect(text).not.toContain('<script');
  });

  test('tells apart that nothing was run from that nothing fits', async () => {
    expect(words((await asking('/console/actions')).text)).toContain('Nothing was run yet');
    expect(words((await asking('/console/actions?status=failed')).text)).toContain('No action fits these filters');
  });

  test('says that the history is not there when it is not', async () => {
    const base = sqliteRecords(':memory:').history;
    const list: ActionHistory['list'] = async () => fail(failure('RECORDS_UNAVAILABLE', 'the database is away', 5));
    const scene = await openScene('local', { history: { ...base, list } });
    for (const path of ['/console/actions', '/console/actions/uid-1']) {
      const { status, headers, text } = await send(scene, path);
      expect([path, status, headers['retry-after']]).toEqual([path, 503, '5']);
      expect(words(text)).toContain('the database is away');
    }
  });
});

describe('/console/actions/UID', () => {
  const steps = [
    completed({ step: 'first', outputs: { replicas: 10 } }),
    failed({
      step: 'second',
      executedAt: at(5_000),
      completedAt: at(9_000),
      failureMessage: 'The container ended with <b>137</b>.',
    }),
    executing({ step: 'third', status: 'skipped', executedAt: at(9_000), completedAt: at(9_000), image: '' }),
  ];

  test('shows its steps in order, with times, outputs, why it failed, and the decisions about its images', async () => {
    const scene = await sceneOf(...steps, completed({ workflowUid: 'another', step: 'elsewhere' }));
    const { status, text } = await send(scene, '/console/actions/uid-1');
    expect(status).toBe(200);
    expect([...text.matchAll(/<h2>Step (\w+)/g)].map(([, step]) => step)).toEqual(['first', 'second', 'third']);
    expect(text).toContain('<title>Failed: payment-oom · Countersign</title>');
    expect(words(text)).toContain('The container ended with &lt;b&gt;137&lt;/b&gt;.');
    expect(words(text)).toContain('&quot;replicas&quot;: 10');
    expect(words(text)).toContain('after 9.0 s');
    expect(text).toContain('href="/console?verdict=all&amp;image=sha256%3Aabc"');
    expect(text).not.toContain('elsewhere');
  });

  test.each([
    ['under way', [completed(), executing({ step: 'b' })], 'Executing'],
    ['completed', [completed(), executing({ step: 'b', status: 'skipped', completedAt: at(1) })], 'Completed'],
    ['cancelled', [completed(), executing({ step: 'b', status: 'cancelled', completedAt: at(1) })], 'Cancelled'],
  ])('of one that is %s says so', async (_what, actions, word) => {
    const { text } = await send(await sceneOf(...actions), '/console/actions/uid-1');
    expect(text).toContain(`<title>${word}: payment-oom`);
  });

  test('cuts what an action was given when it is long', async () => {
    const scene = await sceneOf(completed({ inputs: { text: 'x'.repeat(100_000) } }));
    const { text } = await send(scene, '/console/actions/uid-1');
    expect(text.length).toBeLessThan(20_000);
    expect(words(text)).toContain('The whole of it: countersign actions show uid-1 .');
  });

  test.each([
    '/console/actions/none',
    '/console/actions/__proto__',
    '/console/actions/%00',
    '/console/actions/..%2f..',
  ])('%s is nobody', async (path) => {
    const { status, text } = await send(await sceneOf(completed()), path);
    expect(status).toBe(404);
    expect(words(text)).toContain('No such workflow');
  });

  test('shows markup of whoever wrote the workflow as text', async () => {
    const hostile = `"><script>alert(1)</script>`;
    const action = completed({
      workflowId: hostile,
      step: hostile,
      actionType: hostile,
      inputs: { [hostile]: hostile },
      image: hostile,
    });
    const scene = await sceneOf(action);
    for (const path of ['/console/actions', '/console/actions/uid-1'])
      expect((await send(scene, path)).text).not.toContain('<script');
  });
});

test('whoever may not look at the console does not see what was run', async () => {
  const scene = await openScene('token');
  for (const path of ['/console/actions', '/console/actions/uid-1']) {
    expect((await send(scene, path)).status).toBe(401);
    expect((await send(scene, path, bearer('records-only'))).status).toBe(403);
  }
  expect((await send(scene, '/console/actions', bearer('viewer'))).status).toBe(200);
});
