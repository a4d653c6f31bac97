import { defineConfig } from 'vitest/config';

// Suites that start a cluster or measure time would disturb each other on a small machine.
const workers = 2;

/** Starts more than a thousand processes; unit suites have deadlines. */
const withCosign = ['test/differential/{differential,attestations}.test.ts'];
/** Build an image, install a package, start browsers: they would disturb the deadlines of others. */
const whole = ['test/image/**/*.test.ts', 'test/package/**/*.test.ts', 'test/console/**/*.test.ts'];

/**
 * What is run rather than judged. They have a cluster of their own: test/run.ts. policy-controller is there because its port
 * 8080 is also that of Tekton's webhook, and neither takes another: one after the other both have it.
 */
const runs = [
  'workflows/**/*',
  'actions',
  'workflow*',
  'cluster-objects',
  'tekton*',
  'certificates-in-cluster',
  'policy-controller/**/*',
].map((name) => `test/cluster/${name}.test.ts`);
/** Tasks leave their cluster time for attestations, and for what policies name. */
const tasks = ['tasks/**/*', 'attestations', 'bad-materials', 'conversion', 'migrate', 'trust-root-rotation'].map(
  (name) => `test/cluster/${name}.test.ts`,
);
/** One cluster serves all suites of a project, one after the other. */
const inCluster = {
  globalSetup: 'test/cluster/setup.ts',
  fileParallelism: false,
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    maxWorkers: workers,
    setupFiles: ['test/seed.ts'],
    // What is waited for comes later on a machine that is busy with other suites.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**', ...withCosign, ...whole],
          testTimeout: 20_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'cosign', include: withCosign, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { name: 'whole', include: whole, testTimeout: 60_000, hookTimeout: 300_000, sequence: { groupOrder: 2 } },
      },
      {
        extends: true,
        test: {
          ...inCluster,
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          exclude: [...runs, ...tasks],
          sequence: { groupOrder: 3 },
        },
      },
      { extends: true, test: { ...inCluster, name: 'runs', include: runs, sequence: { groupOrder: 4 } } },
      { extends: true, test: { ...inCluster, name: 'tasks', include: tasks, sequence: { groupOrder: 5 } } },
    ],
  },
});
