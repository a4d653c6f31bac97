/** What is counted of Tasks and Agents. Names and labels are those of KubeOpenCode's own controller. */
import type { System } from '../agents/model.ts';

export interface FinishedTask {
  readonly system: System;
  readonly namespace: string;
  readonly agent: string;
  readonly phase: 'Completed' | 'Failed';
  /** From its start to its end; absent: it never began. */
  readonly seconds?: number;
}

export interface AgentLoad {
  readonly namespace: string;
  readonly agent: string;
  readonly queued: number;
  /** What could still start now; absent: unlimited. */
  readonly capacity?: number;
}

export interface TaskGauges {
  readonly agents: readonly AgentLoad[];
  /** By namespace and phase. */
  readonly tasks: readonly {
    readonly system: System;
    readonly namespace: string;
    readonly phase: string;
    readonly count: number;
  }[];
}

export interface TaskMetrics {
  taskFinished(task: FinishedTask): void;
  /** Asked whenever somebody asks for the metrics. */
  gauges(read: () => TaskGauges): void;
}
