/**
 * Pages of Tasks and Agents, and the one form of the console that changes something. Whoever looks needs the same rights in
 * the cluster as with kubectl: `list` for what is shown, `get pods/log` where the Pod is, `patch` for the stop.
 */
import express, { type RequestHandler, type Router } from 'express';
import type { AgentTasks } from '../../ports/agent-tasks.ts';
import { oneTask, placeOf, stopTask } from './one-task.ts';
import { letIn } from './require-access.ts';
import { ownForms, tellPerson } from './sign-in.ts';
import { sendNoTask, sendNoTasks } from './task-answers.ts';
import { agentList, taskList } from './task-lists.ts';
import type { KnownTasks } from './task-rights.ts';
import { taskAddress } from './task-words.ts';

export interface TaskRoutesDeps extends Omit<KnownTasks, 'tasks'> {
  /** Absent: this process knows of no Tasks. */
  readonly tasks?: AgentTasks;
}

/** Behind the guard, like all pages. */
export function taskPages({ tasks, ...deps }: TaskRoutesDeps): Router {
  const router = express.Router({ caseSensitive: true });
  if (tasks === undefined) {
    router.get(['/tasks', '/agents'], sendNoTasks);
    return router;
  }
  const known: KnownTasks = { ...deps, tasks };
  router.get('/tasks', taskList(known));
  router.get('/tasks/:system/:namespace/:name', oneTask(known));
  router.get('/agents', agentList(known));
  return router;
}

/** Beside the guard of the pages, which are only for reading. */
export function taskForms({ tasks, ...deps }: TaskRoutesDeps): Router {
  const router = express.Router({ caseSensitive: true });
  const form = express.urlencoded({ extended: false, limit: '4kb', parameterLimit: 4 });
  if (tasks !== undefined)
    router.post(
      '/tasks/:system/:namespace/:name/stop',
      ownForms,
      enter(deps.guard),
      form,
      stopTask({ ...deps, tasks }),
    );
  return router;
}

/** Whoever may look at the page may send its form; whether they may stop the Task is asked then. */
function enter(guard: KnownTasks['guard']): RequestHandler {
  return async (request, response, next) => {
    const place = placeOf(request);
    if (place === undefined) return sendNoTask(response);
    const entry = await guard.enterWithForm(request, taskAddress(place));
    if (entry.kind !== 'in') return tellPerson(request, response, entry);
    letIn(response, entry.caller);
    next();
  };
}
