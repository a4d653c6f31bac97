/** How pages speak of Tasks and Agents. */
import { ageOf } from '../../agents/age.ts';
import type { Place, System } from '../../agents/model.ts';
import type { ShownPhase } from '../../agents/task-view.ts';
import type { TaskPlace } from '../../ports/agent-tasks.ts';
import { cut, html, type Html } from './html.ts';

export const systemNames: Readonly<Record<System, string>> = { kubeopencode: 'KubeOpenCode', kubetask: 'KubeTask' };

export const groups: Readonly<Record<System, string>> = { kubeopencode: 'kubeopencode.io', kubetask: 'kubetask.io' };

const signs: Readonly<Record<ShownPhase, string>> = {
  Pending: '◦',
  Queued: '…',
  Running: '▷',
  Completed: '✓',
  Failed: '✕',
};

/** A sign and a word each: colour is never all that tells them apart. */
export function phaseBadge(phase: ShownPhase): Html {
  return html`<span class="badge ${phase.toLowerCase()}"
    ><span aria-hidden="true">${signs[phase]}</span> ${phase}</span
  >`;
}

export function taskAddress({ system, namespace, name }: TaskPlace): string {
  return `/console/tasks/${[system, namespace, name].map((part) => encodeURIComponent(part.toWellFormed())).join('/')}`;
}

export function age(since: string, now: Date): Html {
  const text = ageOf(since, now);
  return text === '' ? html`<span class="quiet">not known</span>` : html`<time datetime="${since}">${text}</time>`;
}

/** Of a Task: its namespace only where it is another than the Task's. */
export function agentName({ namespace, name }: Place, ofTask: string): Html {
  return html`${cut(name, 80)}${namespace !== ofTask && html` <span class="quiet">in ${cut(namespace, 64)}</span>`}`;
}
