/**
 * One cluster for all suites of a run, started before the first and ended after the last. It belongs to a process of its
 * own that ends it when this one is gone, however it went.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';
import { say } from './builds.ts';
import type { ClusterFacts } from './cluster.ts';

/** There is a cluster, or a reason why there is none. */
export type Found = ClusterFacts | { readonly obstacle: string };

declare module 'vitest' {
  interface ProvidedContext {
    cluster: Found;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'up.ts'), '--json'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const teardown = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  const facts = await firstLine(child.stdout);
  const missing = 'obstacle' in facts ? facts.obstacle : facts.withoutNode;
  if (missing !== undefined && process.env['CI'] !== undefined) {
    await teardown();
    throw new Error(`the cluster suites must run when CI is set: ${missing}`);
  }
  if (missing !== undefined) announceSkip('obstacle' in facts ? 'cluster' : 'node', missing);
  project.provide('cluster', facts);
  return teardown;
}

async function firstLine(output: NodeJS.ReadableStream): Promise<Found> {
  for await (const line of createInterface(output)) {
    // One of our own programs wrote it: up.ts.
    return JSON.parse(line) as Found;
  }
  throw new Error('the cluster did not start; its output is above');
}

function announceSkip(suites: string, reason: string): void {
  say(`SKIPPING ALL ${suites.toUpperCase()} SUITES: ${reason}`);
}
