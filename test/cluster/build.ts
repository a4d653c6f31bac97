// Builds everything the cluster suites need ahead of time: node test/cluster/build.ts
import {
  cacheFolder,
  ensureDns,
  ensureHelm,
  ensureKube,
  ensureNativeEvaluator,
  ensurePolicyController,
  ensureTekton,
  ensureTools,
  ensureYq,
  say,
} from './builds.ts';

// One after the other: each build uses every core by itself.
await ensureKube();
await ensureDns();
await ensureTools();
await ensureTekton();
await ensureHelm();
await ensureYq();
await ensureNativeEvaluator();
await ensurePolicyController();
say(`all programs are in ${cacheFolder}`);
