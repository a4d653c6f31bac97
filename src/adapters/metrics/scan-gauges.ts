import { Gauge, type Registry } from 'prom-client';
import type { ScanProgress } from '../../ports/scan-progress.ts';

/** Shows the background scan as it is when metrics are read; other replicas than the leader show nothing found. */
export function scanGauges(registers: Registry[], progress: () => ScanProgress): void {
  const gauge = (name: string, help: string, value: (now: ScanProgress) => number): void => {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(value(progress())) });
  };
  gauge('countersign_scan_running', '1 while what runs is walked through.', ({ state }) =>
    Number(state === 'scanning'),
  );
  gauge('countersign_scan_pods', 'Pods that the latest scan has judged so far.', ({ pods }) => pods);
  gauge('countersign_scan_images', 'Different images of these Pods.', ({ images }) => images);
  gauge(
    'countersign_scan_last_complete_timestamp_seconds',
    'When a scan was last complete; 0: never since the start.',
    ({ finishedAt }) => (finishedAt === undefined ? 0 : Date.parse(finishedAt) / 1_000),
  );
  const results: Gauge = new Gauge({
    name: 'countersign_scan_results',
    help: 'What the latest scan has found so far, by result: pass, fail, warn, error, skip.',
    labelNames: ['result'],
    registers,
    collect: () => {
      for (const [result, count] of Object.entries(progress().summary)) results.set({ result }, count);
    },
  });
}
