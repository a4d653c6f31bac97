/** /console/tasks/SYSTEM/NAMESPACE/NAME, and the form on it that stops the Task. */
import type { Request, RequestHandler, Response } from 'express';
import type { System } from '../../agents/model.ts';
import { systems, type TaskView } from '../../agents/task-view.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ObjectRight } from '../../ports/access.ts';
import type { TaskPlace } from '../../ports/agent-tasks.ts';
import { html } from './html.ts';
import { callerOf, userOf } from './require-access.ts';
import { sendPage } from './response.ts';
import { sendClusterAway, sendHidden, sendMayNotStop, sendNoTask, sendRefused } from './task-answers.ts';
import { taskPage, type ShownLog } from './task-page.ts';
import { mayList, soon, type KnownTasks } from './task-rights.ts';
import { groups, taskAddress } from './task-words.ts';

const logBytes = 64 * 1024;

export function oneTask(deps: KnownTasks): RequestHandler {
  return async (request, response) => {
    const place = placeOf(request);
    if (place === undefined) return sendNoTask(response);
    const { tasks, guard, clock } = deps;
    const caller = callerOf(response);
    const allowed = await mayList(guard, caller, [place.system, 'tasks'], place.namespace);
    if (!allowed.ok) return sendClusterAway(response, 'Task', allowed.failure.message);
    if (!allowed.value) return sendHidden(response, place);
    const found = await tasks.find(place, soon());
    if (!found.ok) return sendClusterAway(response, 'Task', found.failure.message);
    if (found.value === undefined) return sendNoTask(response);
    const task = found.value;
    const [log, mayStop] = await Promise.all([logOf(deps, response, task), mayStopIt(deps, response, task)]);
    sendPage(response, 200, taskPage({ ...userOf(response), task, log, mayStop, now: clock.now() }));
  };
}

/** The Pod may be in another namespace, whose secrets are in its log. */
async function logOf({ tasks, guard }: KnownTasks, response: Response, task: TaskView): Promise<ShownLog> {
  const namespace = task.status.podNamespace ?? task.namespace;
  const right = { verb: 'get', resource: 'pods', subresource: 'log', namespace };
  const allowed = await guard.may(callerOf(response), right);
  if (!allowed.ok) return { kind: 'unavailable', message: allowed.failure.message };
  if (!allowed.value) return { kind: 'hidden', namespace };
  const signal = soon();
  const found = await tasks.findLog(task, signal);
  if (!found.ok) return { kind: 'unavailable', message: found.failure.message };
  if (found.value.kind === 'none') return found.value;
  if (found.value.kind === 'kept') {
    const { from, text } = found.value;
    const shown = html`its Pod, kept in ConfigMap <code>${from.name}</code> in ${from.namespace}`;
    return { kind: 'text', from: shown, text: text.slice(-logBytes), isFailedInit: false };
  }
  const { from, isFailedInit } = found.value;
  const tail = await tasks.tail(from, logBytes, signal);
  if (!tail.ok) return { kind: 'unavailable', message: tail.failure.message };
  if (tail.value === undefined) return { kind: 'none', why: 'There is nothing to read of its Pod any more.' };
  const shown = html`container <code>${from.container}</code> of Pod <code>${from.name}</code> in ${from.namespace}`;
  return { kind: 'text', from: shown, text: tail.value, isFailedInit };
}

/** Without an answer there is no button. */
async function mayStopIt({ guard }: KnownTasks, response: Response, task: TaskView): Promise<boolean> {
  const isOver = task.phase === 'Completed' || task.phase === 'Failed';
  if (task.system !== 'kubeopencode' || isOver || task.isStopping || task.isDeleted) return false;
  const allowed = await guard.may(callerOf(response), rightToStop(task));
  return allowed.ok && allowed.value;
}

function rightToStop({ namespace, name }: TaskPlace): ObjectRight {
  return { verb: 'patch', group: groups.kubeopencode, resource: 'tasks', namespace, name };
}

export function stopTask({ tasks, guard, log }: KnownTasks): RequestHandler {
  return async (request, response) => {
    const place = placeOf(request);
    if (place?.system !== 'kubeopencode') return sendNoTask(response);
    const allowed = await guard.may(callerOf(response), rightToStop(place));
    if (!allowed.ok) return sendClusterAway(response, 'Task', allowed.failure.message);
    if (!allowed.value) return sendMayNotStop(response, place);
    const found = await tasks.find(place, soon());
    if (!found.ok) return sendClusterAway(response, 'Task', found.failure.message);
    // The one that the page was about, and no other that has come under its name.
    if (found.value === undefined || found.value.uid !== asRecord(request.body)?.['uid']) return sendNoTask(response);
    const stopped = await tasks.stop(found.value, soon());
    if (!stopped.ok) return sendClusterAway(response, 'Task', stopped.failure.message);
    if (stopped.value.kind === 'refused') return sendRefused(response, stopped.value.message);
    const { user } = userOf(response);
    log.info(
      { user, namespace: place.namespace, task: place.name, outcome: stopped.value.kind },
      'asked to stop a Task',
    );
    response.writeHead(303, { location: taskAddress(place) }).end();
  };
}

/** What no Task can be called need not be asked for. */
export function placeOf({ params }: Request): TaskPlace | undefined {
  const { namespace, name } = params;
  const system: System | undefined = systems.find((one) => one === params['system']);
  if (system === undefined || !isName(namespace) || !isName(name)) return undefined;
  return { system, namespace, name };
}

function isName(text: unknown): text is string {
  return typeof text === 'string' && text.length <= 253 && /^[a-z0-9][a-z0-9.-]*$/.test(text);
}
