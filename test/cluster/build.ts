// Builds everything the cluster suites need ahead of time: node test/cluster/build.ts
import { cacheFolder, ensureKube, ensureTools, say } from './builds.ts';

// One after the other: each build uses every core by itself.
await ensureKube();
await ensureTools();
say(`all programs are in ${cacheFolder}`);
