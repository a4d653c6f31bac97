/** Workflows on a real cluster with a node and Tekton: one installation for all of this, since it takes a minute to make. */
import { afterAll, beforeAll, describe } from 'vitest';
import { tektonPrograms } from '../tekton/programs.ts';
import { documents } from './documents.ts';
import { failures } from './failures.ts';
import { killed } from './kills.ts';
import { overhead } from './overhead.ts';
import { stagedRollout } from './stages.ts';
import { startWorld, type World } from './world.ts';

const programs = await tektonPrograms();

describe.runIf(programs !== undefined)('workflows', { timeout: 180_000 }, () => {
  let world: World;

  beforeAll(async () => {
    if (programs !== undefined) world = await startWorld(programs);
  }, 240_000);
  afterAll(() => world?.close(), 120_000);

  describe('of the design documents', () => {
    documents(() => world);
  });
  describe('that cannot be completed', () => {
    failures(() => world);
  });
  describe('of a single action on Jobs', () => {
    overhead(() => world);
  });
  describe('in the staged rollout of Tekton', () => {
    stagedRollout(() => world);
  });
  describe('whose controller is killed', () => {
    killed(() => world);
  });
});
