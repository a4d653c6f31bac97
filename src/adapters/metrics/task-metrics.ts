/**
 * What Tasks and their reconcilers count, under the names of KubeOpenCode's own controller. Gauges are about objects that
 * there are, and read when somebody asks; a histogram keeps what it has seen, so the Agents that it tells apart are counted.
 */
import { Gauge, Histogram, type Registry } from 'prom-client';
import type { System } from '../../agents/model.ts';
import type { TaskGauges, TaskMetrics } from '../../ports/task-metrics.ts';
import { BoundedLabel } from './bounded-label.ts';

/** Agents with a histogram of their own; later ones share one. */
const maxAgents = 500;
const other = { namespace: 'other', agent: 'other' };

/** 10 s to 85 min, each twice the one before: those of KubeOpenCode. */
const buckets = Array.from({ length: 10 }, (_, index) => 10 * 2 ** index);

export function prometheusTaskMetrics(registers: Registry[]): TaskMetrics {
  const readers: (() => TaskGauges)[] = [];
  const loads = (): readonly TaskGauges['agents'][number][] => readers.flatMap((read) => read().agents);
  const counts = (): readonly TaskGauges['tasks'][number][] => readers.flatMap((read) => read().tasks);
  agentGauge(registers, 'capacity', 'Tasks that an Agent with a limit could start now.', (set) => {
    for (const { capacity, ...agent } of loads()) if (capacity !== undefined) set(agent, capacity);
  });
  agentGauge(registers, 'queue_length', 'Tasks that wait for their Agent.', (set) => {
    for (const { queued, ...agent } of loads()) set(agent, queued);
  });
  taskGauge(registers, 'kubeopencode', counts);
  taskGauge(registers, 'kubetask', counts);
  const durations = {
    kubeopencode: durationsOf(registers, 'kubeopencode'),
    kubetask: durationsOf(registers, 'kubetask'),
  };
  const agents = new BoundedLabel(maxAgents);
  return {
    taskFinished: ({ system, namespace, agent, seconds }) => {
      if (seconds === undefined) return;
      const isKnown = agents.has(`${system}/${namespace}/${agent}`);
      durations[system].observe(isKnown ? { namespace, agent } : other, seconds);
    },
    gauges: (read) => void readers.push(read),
  };
}

type SetAgent = (agent: { readonly agent: string; readonly namespace: string }, value: number) => void;

function agentGauge(registers: Registry[], what: string, help: string, fill: (set: SetAgent) => void): void {
  const gauge: Gauge = new Gauge({
    name: `kubeopencode_agent_${what}`,
    help,
    labelNames: ['agent', 'namespace'],
    registers,
    collect: () => {
      // Agents that are gone have no value.
      gauge.reset();
      fill(({ agent, namespace }, value) => gauge.set({ agent, namespace }, value));
    },
  });
}

function taskGauge(registers: Registry[], system: System, read: () => TaskGauges['tasks']): void {
  const gauge: Gauge = new Gauge({
    name: `${system}_tasks_total`,
    help: 'Tasks that there are, by namespace and phase.',
    labelNames: ['namespace', 'phase'],
    registers,
    collect: () => {
      gauge.reset();
      for (const { namespace, phase, count, ...of } of read())
        if (of.system === system) gauge.set({ namespace, phase }, count);
    },
  });
}

function durationsOf(registers: Registry[], system: System): Histogram<'namespace' | 'agent'> {
  return new Histogram({
    name: `${system}_task_duration_seconds`,
    help: 'From the start of a Task to its end.',
    labelNames: ['namespace', 'agent'],
    buckets,
    registers,
  });
}
