// Builds everything the cluster suites need ahead of time: node test/cluster/build.ts
import { cacheFolder, ensureHelm, ensureKube, ensureTekton, ensureTools, say } from './builds.ts';

// One after the other: each build uses every core by itself.
await ensureKube();
await ensureTools();
await ensureTekton();
await ensureHelm();
say(`all programs are in ${cacheFolder}`);
