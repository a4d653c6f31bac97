/**
 * How long a burst of images that are proven for the first time, keyless, makes the event loop of the webhook wait. Each
 * burst meets a webhook that has just started.
 */
import type { Deafness } from './event-loop-probe.ts';
import type { Load, LoadResult } from './load-process.ts';
import { milliseconds, type Row, type Section, type Target } from './report.ts';
import { withScene, type Scene } from './scene.ts';
import { median } from './statistics.ts';

const count = 200;
const target = 50;
/** Other programs of the machine lengthen waits, and never shorten them: one burst that they left alone is looked for. */
const disturbedShare = 0.05;
const bursts = { atLeast: 3, atMost: 12 };

interface Burst extends Deafness {
  readonly tookMs: number;
}

export function measureEventLoop(): Promise<Section> {
  return withScene({ keyless: count }, async (scene) => {
    const all: Burst[] = [];
    while (all.length < bursts.atLeast || (least(all) >= target && all.length < bursts.atMost)) {
      all.push(await burst(scene));
    }
    const works = all.map(({ longestWorkMs }) => longestWorkMs);
    const worst = Math.max(...all.map(waitMs));
    return {
      name: 'event loop',
      figures: { bursts: all },
      rows: [
        below(
          `longest work at a stretch, ${count} cold keyless images at once`,
          Math.max(...works),
          `processor time, worst of ${all.length} bursts; median ${milliseconds(median(works))}`,
        ),
        clockedBelow(
          below(
            'longest wait of the event loop in these bursts',
            least(all),
            `by the clock, least disturbed burst; worst ${milliseconds(worst)}`,
          ),
          all,
        ),
        {
          what: 'until all images of a burst were answered',
          ours: milliseconds(median(all.map(({ tookMs }) => tookMs))),
          beside: '',
        },
      ],
    };
  });
}

function waitMs({ maxMs, longestGapMs }: Deafness): number {
  return Math.max(maxMs, longestGapMs);
}

function least(all: readonly Burst[]): number {
  return Math.min(...all.map(waitMs));
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

function below(what: string, reached: number, beside: string): Row & { readonly target: Target } {
  const text = milliseconds(reached);
  return { what, ours: text, beside, target: { demanded: `< ${target} ms`, reached: text, isMet: reached < target } };
}

/** Without one burst that other programs left alone, the clock tells nothing about this one. */
function clockedBelow(row: ReturnType<typeof below>, all: readonly Burst[]): Row {
  const isDisturbed = all.every(({ disturbedMs, tookMs }) => disturbedMs > tookMs * disturbedShare);
  return isDisturbed && !row.target.isMet ? { ...row, target: { ...row.target, isMet: 'unknown' } } : row;
}
