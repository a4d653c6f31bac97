/** What pages of Tasks say instead of what was asked for. */
import type { Request, Response } from 'express';
import type { TaskPlace } from '../../ports/agent-tasks.ts';
import { html, type Part } from './html.ts';
import { messagePage } from './layout.ts';
import { callerOf, userOf } from './require-access.ts';
import { sendPage, sendUnavailable } from './response.ts';
import { groups } from './task-words.ts';

export const whoAreYou =
  'Tasks and Agents are shown to whoever may list them in the cluster, and this port asks nobody who they are. ' +
  'Use the port for which a token is needed, or countersign tasks list.';

export function sendNoTasks(_request: Request, response: Response): void {
  sendPage(
    response,
    404,
    messagePage({ title: 'No Tasks here', here: 'tasks', ...userOf(response) }, [
      'This process does not look after Tasks of agents: it was told not to (--tasks false), or has no cluster.',
    ]),
  );
}

export function sendNoTask(response: Response): void {
  sendMessage(response, 404, 'No such Task', [
    'No Task of this name is there now: it was deleted, or made again under the same name.',
  ]);
}

export function sendHidden(response: Response, { system, namespace }: TaskPlace): void {
  const why =
    callerOf(response) === undefined
      ? whoAreYou
      : html`You may not <code>list tasks.${groups[system]}</code> in namespace ${namespace}.`;
  sendMessage(response, 403, 'This Task is not shown', [why]);
}

export function sendMayNotStop(response: Response, { namespace }: TaskPlace): void {
  sendMessage(response, 403, 'You may not stop it', [
    html`Whoever stops a Task has to be allowed to <code>patch tasks.${groups.kubeopencode}</code> in namespace
      ${namespace}.`,
  ]);
}

export function sendRefused(response: Response, message: string): void {
  sendMessage(response, 409, 'It was not stopped', [`The cluster has refused it: ${message}`]);
}

function sendMessage(response: Response, status: number, title: string, sentences: readonly Part[]): void {
  const all = [...sentences, html`<a href="/console/tasks">All Tasks</a>`];
  sendPage(response, status, messagePage({ title, here: 'tasks', ...userOf(response) }, all));
}

export function sendClusterAway(
  response: Response,
  title: string,
  why: string,
  here: 'tasks' | 'agents' = 'tasks',
): void {
  const sentences = [`The cluster does not answer: ${why}.`, 'Load this page again in a moment.'];
  sendUnavailable(response, messagePage({ title, here, ...userOf(response) }, sentences));
}
