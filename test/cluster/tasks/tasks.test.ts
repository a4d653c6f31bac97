/** Tasks and Agents on a real cluster with a node: one installation for all of this, since it takes a minute to make. */
import { afterAll, beforeAll, describe } from 'vitest';
import { hasNode } from '../access.ts';
import { adoption } from './adoption.ts';
import { badInput } from './bad-input.ts';
import { capacity } from './capacity.ts';
import { contexts } from './contexts.ts';
import { endings } from './endings.ts';
import { killed } from './kills.ts';
import { acrossNamespaces } from './namespaces.ts';
import { retention } from './retention.ts';
import { seen } from './seen.ts';
import { serverMode } from './server-mode.ts';
import { upstreamExpectations } from './upstream.ts';
import { startWorld, type World } from './world.ts';

describe.runIf(hasNode)('tasks', { timeout: 120_000 }, () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld();
  }, 300_000);
  afterAll(() => world?.close(), 180_000);

  // These mostly wait, each for its own Tasks.
  describe.concurrent('find in their workspace', () => {
    contexts(() => world);
  });
  describe('of an Agent with a server', () => {
    serverMode(() => world);
  });
  describe.concurrent('that do not end by themselves, or not well', () => {
    endings(() => world);
  });
  describe.concurrent('of other namespaces than their Agent', () => {
    acrossNamespaces(() => world);
  });
  describe.concurrent('that should not be', () => {
    badInput(() => world);
  });
  describe('that are finished', () => {
    retention(() => world);
  });
  describe('as the tests of the former controllers expect them (upstream)', () => {
    upstreamExpectations(() => world);
  });
  describe('that another controller has left (adoption)', () => {
    adoption(() => world);
  });
  describe('as people see them', () => {
    seen(() => world);
  });
  describe('of an Agent with limits', () => {
    capacity(() => world);
  });
  describe('whose controller is killed', () => {
    killed(() => world);
  });
});
