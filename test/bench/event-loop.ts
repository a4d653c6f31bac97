/** How long a burst of images that are proven for the first time, keyless, makes the event loop of the webhook wait. */
import type { Deafness } from './event-loop-probe.ts';
import type { Load, LoadResult } from './load-process.ts';
import { milliseconds, type Section } from './report.ts';
import { withScene } from './scene.ts';

const count = 200;
const target = 50;

export function measureEventLoop(): Promise<Section> {
  return withScene(count, async ({ stock, ca, startCountersign, startClient }) => {
    const { process: webhook, port } = await startCountersign();
    const sender = await startClient();
    const burst: Load = {
      port,
      ca,
      path: '/validate',
      images: stock.keylessImages,
      connections: count,
      expected: ['"allowed":true'],
    };
    await webhook.ask({ listen: true });
    const answered = await sender.ask<LoadResult>(burst);
    return report(await webhook.ask<Deafness>({ listen: false }), answered);
  });
}

function report(deafness: Deafness, answered: LoadResult): Section {
  const worst = Math.max(deafness.maxMs, deafness.longestGapMs);
  return {
    name: 'event loop',
    figures: { ...deafness, answered },
    rows: [
      {
        what: `longest wait of the event loop, burst of ${count} cold keyless images`,
        ours: milliseconds(worst),
        beside: `p99 ${milliseconds(deafness.p99Ms)}; all answered in ${milliseconds(answered.tookMs)}`,
        target: { demanded: `< ${target} ms`, reached: milliseconds(worst), isMet: worst < target },
      },
    ],
  };
}
