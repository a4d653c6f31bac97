/** A real Chromium that looks at pages: screenshots, what axe-core says, where the keyboard goes. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

/** Undefined: these tests cannot run here. In CI that is a failure. */
export async function startChromium(): Promise<Browser | undefined> {
  if (executablePath === undefined) {
    if (process.env['CI'] !== undefined) throw new Error('CI needs Chromium: apt-get install chromium');
    process.stderr.write('SKIPPED: the console was not looked at in a browser; install Chromium for it\n');
    return undefined;
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}

/** Where to look at them: COUNTERSIGN_SCREENSHOTS, or a new temporary folder. */
export async function screenshotFolder(): Promise<string> {
  const folder = process.env['COUNTERSIGN_SCREENSHOTS'];
  if (folder === undefined) return mkdtemp(join(tmpdir(), 'countersign-console-'));
  await mkdir(folder, { recursive: true });
  return folder;
}

const tries = 3;

/** For people to look at. On a busy machine Chromium sometimes cannot, which says nothing about the page: it is asked again. */
export async function takePicture(page: Page, file: string): Promise<void> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      await page.screenshot({ path: file, fullPage: true });
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

export interface Look {
  readonly colorScheme: 'light' | 'dark';
  readonly width: 'wide' | 'narrow';
}

export const looks: readonly Look[] = [
  { colorScheme: 'light', width: 'wide' },
  { colorScheme: 'dark', width: 'wide' },
  { colorScheme: 'light', width: 'narrow' },
];

const viewports = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } } as const;

export function openContext(browser: Browser, { colorScheme, width }: Look): Promise<BrowserContext> {
  const ignoreHTTPSErrors = true;
  return browser.newContext({ colorScheme, viewport: viewports[width], ignoreHTTPSErrors, serviceWorkers: 'block' });
}

/** What Chromium complains about, e.g. something that the page's own policy forbids. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    const isOfStatus = message.text().startsWith('Failed to load resource: the server responded with a status');
    if (['error', 'warning'].includes(message.type()) && !isOfStatus) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return complaints;
}

/** Everything that axe-core finds, whatever its impact, as "impact rule: where". */
export async function axeProblems(page: Page): Promise<readonly string[]> {
  // By the debugger: the page's own policy allows no script.
  await page.evaluate(axe.source);
  const run = `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`;
  const { violations } = await page.evaluate<axe.AxeResults>(run);
  return violations.map(
    ({ impact, id, nodes }) => `${impact ?? 'unknown'} ${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`,
  );
}

/** Wider than the window: people would have to scroll sideways. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
