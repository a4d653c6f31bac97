import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqliteRecords } from '../../src/adapters/sqlite/sqlite-records.ts';
import { fakeCluster } from '../fakes/fake-cluster.ts';
import { bearer, closeScenes, decision, digest, openScene, type Scene } from '../http/console/scene.ts';
import { manyTasks, tasksOf } from './many-tasks.ts';
import { at, completed, executing, failed, manyActions } from '../records/history/actions.ts';
import {
  axeProblems,
  complaintsOf,
  looks,
  openContext,
  overflow,
  screenshotFolder,
  startChromium,
  takePicture,
} from './chromium.ts';

const browser = await startChromium();
const folder = await screenshotFolder();

const { history } = sqliteRecords(':memory:');
const image = `registry.example/actions/a-repository-with-quite-a-long-name/scale-deployment@${digest}`;

/** By what it holds; all of them are there for the whole suite. */
const scenes: Record<'empty' | 'thousand' | 'guarded' | 'broken' | 'history' | 'tasks' | 'noTasks', Scene> = {
  empty: await openScene('local'),
  thousand: await openScene('local'),
  guarded: await openScene('token'),
  broken: await openScene('local'),
  history: await openScene('local', { history }),
  tasks: await openScene('token', { tasks: manyTasks() }),
  noTasks: await openScene('token', { tasks: tasksOf(fakeCluster()) }),
};
/** Whoever looks at these has shown a token with each request. */
const withToken: readonly (keyof typeof scenes)[] = ['tasks', 'noTasks'];

const codes = ['SIGNATURE_MISSING', 'IDENTITY_MISMATCH', 'NO_MATCHING_POLICY', 'CONTRACT_CONFLICT', 'REGISTRY_TIMEOUT'];
const messages = [
  'no signatures found',
  'signed by https://github.com/shop/web/.github/workflows/nightly.yaml@refs/heads/main (issuer https://token.actions.githubusercontent.com), not by the release workflow',
  'no policy matches registry.example/shop/web, and images that no policy matches are refused',
  'spec.containers[0].resources.limits.memory is 4Gi, the contract of the image allows 512Mi',
  'registry registry.example did not answer in time',
];

const ofOneWorkflow = [
  completed({ image, workflowUid: 'remediation', step: 'diagnose', outputs: { pods: ['payment-1', 'payment-2'] } }),
  failed({
    image,
    workflowUid: 'remediation',
    step: 'scale-the-deployment-up',
    executedAt: at(5_000),
    completedAt: at(74_000),
    durationMs: 69_000,
    failureReason: 'OOMKilled',
    failureMessage: 'Step "scale-the-deployment-up" needed more memory than the 64Mi that its contract allows.',
    exitCode: 137,
  }),
  executing({
    workflowUid: 'remediation',
    step: 'notify',
    status: 'skipped',
    executedAt: at(74_000),
    completedAt: at(74_000),
    image: '',
  }),
];

beforeAll(async () => {
  const stored = await history.record([...manyActions(120), ...ofOneWorkflow]);
  if (!stored.ok) throw new Error(stored.failure.message);
  for (let index = 0; index < 1000; index += 1) scenes.thousand.records.put(manyFold(index));
  scenes.guarded.records.put(decision(1));
  scenes.broken.records.trouble = 'unavailable';
  for (const scene of withToken) scenes[scene].access.allowRight = (_caller, { namespace }) => namespace !== 'secret';
});

function manyFold(index: number) {
  const code = codes[index % codes.length] ?? '';
  const [reason] = decision(index).reasons;
  const verdict = code === 'REGISTRY_TIMEOUT' ? 'unavailable' : 'refuse';
  const image = `registry.example/shop/${index % 3 === 0 ? 'a-service-with-quite-a-long-name/' : ''}web:v${index}`;
  const message = messages[index % messages.length] ?? '';
  return decision(index, {
    verdict,
    kind: ['Pod', 'Deployment', 'CronJob', 'TaskRun'][index % 4] ?? 'Pod',
    images: [{ field: 'spec.containers[0].image', image, digest, policies: ['shop-images'] }],
    reasons: [{ ...reason, code, message, image }, ...(index % 7 === 0 ? decision(index).reasons : [])],
  });
}

afterAll(async () => {
  await browser?.close();
  await closeScenes();
});

const pages: readonly (readonly [name: string, scene: keyof typeof scenes, path: string, title: string])[] = [
  ['empty', 'empty', '/console', 'What was refused'],
  ['1000-refusals', 'thousand', '/console', 'What was refused'],
  ['1000-refusals-filtered', 'thousand', '/console?within=24h&kind=Pod&code=SIGNATURE_MISSING', 'What was refused'],
  ['nothing-fits', 'thousand', '/console?namespace=other', 'What was refused'],
  ['unknown-filter', 'thousand', '/console?colour=red', 'What was refused'],
  ['one-refusal', 'thousand', '/console/decisions/uid-996', 'Refused: Pod web-996'],
  ['actions', 'history', '/console/actions', 'Actions'],
  ['actions-filtered', 'history', '/console/actions?status=failed&type=git/commit', 'Actions'],
  ['no-actions', 'empty', '/console/actions', 'Actions'],
  ['actions-unknown-filter', 'history', '/console/actions?status=done', 'Actions'],
  ['workflow', 'history', '/console/actions/remediation', 'Failed: payment-oom'],
  ['no-workflow', 'history', '/console/actions/none', 'No such workflow'],
  ['tasks', 'tasks', '/console/tasks', 'Tasks'],
  ['tasks-filtered', 'tasks', '/console/tasks?phase=Failed&system=kubeopencode', 'Tasks'],
  ['tasks-none-fits', 'tasks', '/console/tasks?agent=nobody', 'Tasks'],
  ['tasks-unknown-filter', 'tasks', '/console/tasks?phase=done', 'Tasks'],
  ['no-tasks', 'noTasks', '/console/tasks', 'Tasks'],
  ['tasks-without-token', 'empty', '/console/tasks', 'No Tasks here'],
  ['task-running', 'tasks', '/console/tasks/kubeopencode/shop/task-1', 'Running: task-1'],
  ['task-failed', 'tasks', '/console/tasks/kubeopencode/shop/task-3', 'Failed: task-3'],
  ['task-of-a-job', 'tasks', '/console/tasks/kubetask/shop/nightly-report', 'Running: nightly-report'],
  ['task-hidden', 'tasks', '/console/tasks/kubeopencode/elsewhere/log-is-elsewhere', 'Completed: log-is-elsewhere'],
  ['no-task', 'tasks', '/console/tasks/kubeopencode/shop/none', 'No such Task'],
  ['agents', 'tasks', '/console/agents', 'Agents'],
  ['no-agents', 'noTasks', '/console/agents', 'Agents'],
  ['policies', 'thousand', '/console/policies', 'Policies'],
  [
    'policy-not-ready',
    'thousand',
    '/console/policies/ClusterImagePolicy/wants-a-key',
    'ClusterImagePolicy wants-a-key',
  ],
  ['policy-broken', 'thousand', '/console/policies/ClusterImagePolicy/was-good', 'ClusterImagePolicy was-good'],
  ['policy-ready', 'thousand', '/console/policies/ClusterImagePolicy/shop-images', 'ClusterImagePolicy shop-images'],
  ['not-found', 'thousand', '/console/decisions/none', 'No such decision'],
  ['records-away', 'broken', '/console', 'What was refused'],
  ['login', 'guarded', '/console', 'Sign in'],
];

describe.skipIf(browser === undefined).each(looks)('in Chromium, $colorScheme and $width', (look) => {
  test.each(pages)('%s looks and reads well', async (name, scene, path, title) => {
    await withPage(look, async (page) => {
      const complaints = complaintsOf(page);
      if (withToken.includes(scene)) await page.setExtraHTTPHeaders(bearer('viewer').headers);
      await page.goto(`${scenes[scene].origin}${path}`);
      await takePicture(page, join(folder, `${name}-${look.colorScheme}-${look.width}.png`));
      expect(await page.title()).toBe(`${title} · Countersign`);
      expect(await axeProblems(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      expect(complaints).toEqual([]);
    });
  });
});

describe.skipIf(browser === undefined)('with the keyboard alone', () => {
  test('the first key press leads to the content, and everything is reached in the order of reading', async () => {
    await withPage({ colorScheme: 'light', width: 'wide' }, async (page) => {
      await page.goto(`${scenes.thousand.origin}/console`);
      const walk: string[] = [];
      const hidden: string[] = [];
      for (let press = 0; press < 17; press += 1) {
        await page.keyboard.press('Tab');
        walk.push(await focused(page));
        if (!(await focusIsVisible(page))) hidden.push(walk.at(-1) ?? '');
      }
      expect(hidden).toEqual([]);
      expect(walk).toEqual([
        'Skip to the content',
        'Decisions',
        'Actions',
        'Tasks',
        'Agents',
        'Policies',
        'verdict',
        'within',
        'namespace',
        'kind',
        'text',
        'More filters',
        'Filter',
        ...[999, 998, 997, 996].map((index) => manyFold(index)).map(({ kind, name }) => `${kind} ${name}`),
      ]);
    });
  });

  test('the skip link skips', async () => {
    await withPage({ colorScheme: 'light', width: 'wide' }, async (page) => {
      await page.goto(`${scenes.thousand.origin}/console/decisions/uid-1`);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      expect(await focused(page)).toBe('All decisions');
    });
  });

  test('somebody filters, opens a refusal, and goes back', async () => {
    await withPage({ colorScheme: 'light', width: 'wide' }, async (page) => {
      await page.goto(`${scenes.thousand.origin}/console`);
      await page.getByLabel('Any text').focus();
      await page.keyboard.type('web-500"');
      await page.keyboard.press('Enter');
      await page.waitForURL(/text=web-500/);
      expect(await page.getByRole('rowheader').allTextContents()).toEqual(['Pod web-500in shop']);
      await page.getByRole('link', { name: 'Pod web-500' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/console\/decisions\//);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Pod web-500 in shop');
      expect(await page.getByRole('heading', { name: 'How to fix it' }).count()).toBe(1);
      await page.goBack();
      expect(await page.getByLabel('Any text').inputValue()).toBe('web-500"');
    });
  });

  test('somebody looks for what failed, and opens its workflow', async () => {
    await withPage({ colorScheme: 'light', width: 'wide' }, async (page) => {
      await page.goto(`${scenes.history.origin}/console/actions?workflow=payment-oom`);
      await page.getByLabel('Status').selectOption('Failed');
      await page.getByRole('button', { name: 'Filter' }).press('Enter');
      await page.waitForURL(/status=failed/);
      await page.getByRole('link', { name: 'scale-the-deployment-up' }).press('Enter');
      await page.waitForURL(/\/console\/actions\/remediation/);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('payment-oom in production');
      await page.getByRole('link', { name: 'Decisions about this image' }).first().press('Enter');
      await page.waitForURL(/\/console\?verdict=all&image=sha256/);
      expect(await page.getByLabel('Image or digest').inputValue()).toBe(digest);
    });
  });

  test('somebody signs in with a token, looks, and signs out', async () => {
    await withPage({ colorScheme: 'light', width: 'wide' }, async (page) => {
      const { origin } = scenes.guarded;
      await page.goto(`${origin}/console/policies?state=ready`);
      await page.getByLabel('Token').fill('unknown');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').textContent()).toContain('does not accept this token');
      await page.getByLabel('Token').fill('viewer');
      await page.keyboard.press('Enter');
      await page.waitForURL(`${origin}/console/policies?state=ready`);
      expect(await page.getByText('Signed in as').textContent()).toContain('jane@example.com');
      expect(await page.evaluate('document.cookie')).toBe('');
      await page.getByRole('button', { name: 'Sign out' }).press('Enter');
      await page.waitForURL(`${origin}/console/login`);
      await page.goto(`${origin}/console`);
      expect(await page.title()).toBe('Sign in · Countersign');
    });
  });

  test('somebody signs in, looks for what runs, and stops it', async () => {
    await withPage({ colorScheme: 'light', width: 'wide' }, async (page) => {
      const { origin } = scenes.tasks;
      await page.goto(`${origin}/console/tasks`);
      await page.getByLabel('Token').fill('viewer');
      await page.keyboard.press('Enter');
      await page.getByLabel('Phase').selectOption('Running');
      await page.getByRole('button', { name: 'Filter' }).press('Enter');
      await page.waitForURL(/phase=Running/);
      await page.getByRole('link', { name: 'task-41' }).press('Enter');
      await page.waitForURL(/\/console\/tasks\/kubeopencode\/shop\/task-41$/);
      await page.getByRole('button', { name: 'Stop this Task' }).press('Enter');
      await page.getByText('It was asked to stop.').waitFor();
      expect(page.url()).toBe(`${origin}/console/tasks/kubeopencode/shop/task-41`);
      expect(await page.getByRole('button', { name: 'Stop this Task' }).count()).toBe(0);
    });
  });

  test('a script in the name of an image stays a name', async () => {
    await withPage({ colorScheme: 'light', width: 'wide' }, async (page) => {
      const image = `x"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
      const hostile = { field: 'f', image, policies: [], digest: image };
      const scene = await openScene('local');
      scene.records.put(
        decision(1, { images: [hostile], reasons: [{ code: 'SIGNATURE_MISSING', message: image, image }] }),
      );
      for (const path of ['/console', '/console/decisions/uid-1']) {
        await page.goto(`${scene.origin}${path}`);
        expect(await page.title()).not.toBe('owned');
        expect(await page.locator('img, script').count()).toBe(0);
        expect(await page.getByText(image).count()).toBeGreaterThan(0);
      }
    });
  });
});

async function withPage(look: (typeof looks)[number], use: (page: Page) => Promise<void>): Promise<void> {
  const context = await openContext(running(browser), look);
  try {
    await use(await context.newPage());
  } finally {
    await context.close();
  }
}

function running(started: Browser | undefined): Browser {
  if (started === undefined) throw new Error('there is no Chromium');
  return started;
}

/** What is read out of it: its text, or the name of the field. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(
    `(() => { const it = document.activeElement; return it.name || it.textContent.trim().replace(/\\s+/g, ' '); })()`,
  );
}

function focusIsVisible(page: Page): Promise<boolean> {
  return page.evaluate<boolean>(`(() => {
    const it = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(it);
    const { left, top, width } = it.getBoundingClientRect();
    return outlineStyle !== 'none' && outlineWidth !== '0px' && left >= 0 && top >= 0 && width > 0;
  })()`);
}
