import type { Task } from './messages.ts';

/**
 * What waits for a thread. Policies take turns, whoever came first: one that is slow, and that many ask for, keeps nobody
 * else waiting for more than its turn, and when its own room is used up there is as much for the others.
 */
export class WaitingLine<Job extends { readonly task: Task }> {
  /** Of one policy. */
  readonly #max: number;
  readonly #jobs: Job[] = [];
  /** When a policy had its last turn, by its text; only while there are jobs. */
  readonly #lastTurns = new Map<string, number>();
  #turn = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#jobs.length;
  }

  hasRoomFor({ policy }: Task): boolean {
    // Not worth counting before.
    if (this.#jobs.length < this.#max) return true;
    const own = this.#jobs.filter(({ task }) => task.policy === policy).length;
    return own < this.#max && this.#jobs.length < 2 * this.#max;
  }

  push(job: Job): void {
    this.#jobs.push(job);
  }

  /** The first of the policy whose last turn is longest ago. */
  take(): Job | undefined {
    const turnOf = ({ task }: Job): number => this.#lastTurns.get(task.policy) ?? 0;
    const least = Math.min(...this.#jobs.map(turnOf));
    const job = this.#jobs.find((one) => turnOf(one) === least);
    if (job === undefined) return undefined;
    this.remove(job);
    this.#lastTurns.set(job.task.policy, (this.#turn += 1));
    if (this.#jobs.length === 0) this.#lastTurns.clear();
    return job;
  }

  remove(job: Job): void {
    const index = this.#jobs.indexOf(job);
    if (index >= 0) this.#jobs.splice(index, 1);
  }

  takeAll(): readonly Job[] {
    this.#lastTurns.clear();
    return this.#jobs.splice(0);
  }
}
