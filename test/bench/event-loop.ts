/**
 * How long a burst of images that are proven for the first time, keyless, makes the event loop of the webhook wait. Each
 * burst meets a webhook that has just started.
 */
import type { Deafness } from './event-loop-probe.ts';
import type { Load, LoadResult } from './load-process.ts';
import { milliseconds, type Row, type Section } from './report.ts';
import { withScene, type Scene } from './scene.ts';
import { median } from './statistics.ts';

const count = 200;
const bursts = 5;
const target = 50;

interface Burst extends Deafness {
  readonly tookMs: number;
}

export function measureEventLoop(): Promise<Section> {
  return withScene(count, async (scene) => {
    const all: Burst[] = [];
    for (let number = 0; number < bursts; number += 1) all.push(await burst(scene));
    const waits = all.map(({ maxMs, longestGapMs }) => Math.max(maxMs, longestGapMs));
    const took = milliseconds(median(all.map(({ tookMs }) => tookMs)));
    return {
      name: 'event loop',
      figures: { bursts: all },
      rows: [
        below(
          `longest work at a stretch, ${count} cold keyless images at once`,
          Math.max(...all.map(({ longestWorkMs }) => longestWorkMs)),
          `processor time, worst of ${bursts} bursts; all images answered in ${took}`,
        ),
        below(
          'longest wait of the event loop in the same bursts',
          // Other programs of the machine can only add to it.
          Math.min(...waits),
          `clock, best of ${bursts}; worst ${milliseconds(Math.max(...waits))}`,
        ),
      ],
    };
  });
}

async function burst({ stock, ca, startCountersign, startClient }: Scene): Promise<Burst> {
  const [{ process: webhook, port }, client] = await Promise.all([startCountersign(), startClient()]);
  const load: Load = {
    port,
    ca,
    path: '/validate',
    images: stock.keylessImages,
    connections: count,
    expected: ['"allowed":true'],
  };
  await webhook.ask({ about: 'begin listening' });
  const { tookMs } = await client.ask<LoadResult>(load);
  const deafness = await webhook.ask<Deafness>({ about: 'deafness' });
  await Promise.all([webhook.stop(), client.stop()]);
  return { ...deafness, tookMs };
}

function below(what: string, reached: number, beside: string): Row {
  const text = milliseconds(reached);
  return { what, ours: text, beside, target: { demanded: `< ${target} ms`, reached: text, isMet: reached < target } };
}
