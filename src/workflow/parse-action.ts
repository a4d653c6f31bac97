/** An ActionExecution: one run of one action, of a workflow or by itself. */
import { defined } from '../kernel/defined.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { actionType, image, maxRetries } from './action-fields.ts';
import { dnsLabel, Members, Problems, shown, type TextRule } from './fields.ts';
import { names, type Action, type WorkflowProblem } from './model.ts';
import { originOf } from './origin.ts';
import { readInputs } from './parse-workflow.ts';

const objectName: TextRule = {
  maxLength: 253,
  pattern: /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/,
  expected: 'the name of an object',
};
const labelValue: TextRule = {
  maxLength: 63,
  pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  expected: 'the value of a label',
};
const ownerText: TextRule = { maxLength: 512, expected: 'at most 512 characters' };

export function parseAction(object: unknown): Result<Action, WorkflowProblem> {
  const problems = new Problems();
  const members = new Members(object, '', problems);
  const action = readAction(object, members);
  const { message } = problems;
  return message === undefined ? ok(action) : fail({ reason: 'InvalidSpec', message });
}

function readAction(object: unknown, members: Members): Action {
  const spec = members.object('spec');
  const metadata = members.object('metadata');
  const labels = metadata.object('labels');
  const origin = originOf(object);
  checkName(metadata);
  checkVerification(spec.object('imageVerification'));
  return {
    ...origin,
    kind: 'ActionExecution',
    ...defined('actionType', spec.text('actionType', actionType)),
    ...defined('image', readImage(spec)),
    verification: 'strict',
    inputs: readInputs(spec),
    ...defined('workspaceClaim', readWorkspaceClaim(spec)),
    ...defined('retries', spec.whole('retries', 0, maxRetries)),
    ...defined('timeoutMs', spec.duration('timeout')),
    cancel: spec.flag('cancel') ?? false,
    ...defined('mirrors', spec.text('mirrors', objectName)),
    workflow: labels.text(names.workflowLabel, labelValue) ?? origin.name,
    step: labels.text(names.stepLabel, labelValue) ?? origin.name,
    ...defined('owner', readOwner(metadata)),
    isDeleted: metadata.raw('deletionTimestamp') !== undefined,
  };
}

/** Where the name is generated there is none yet. */
function checkName(metadata: Members): void {
  const name = metadata.text('name', { ...dnsLabel, expected: `${dnsLabel.expected}: it becomes the name of a Job` });
  const isThere = name !== undefined || (metadata.raw('name') ?? '') !== '';
  if (!isThere && metadata.raw('generateName') === undefined) metadata.complain('name', 'is missing; give one');
}

/** Nobody turns it off from here: policies say what is verified. */
function checkVerification(verification: Members): void {
  const policy = verification.raw('policy');
  if (policy === undefined || policy === 'strict') return;
  verification.complain('policy', `is ${shown(policy)}; write strict, or leave it out`);
}

function readImage(spec: Members): string | undefined {
  const isGiven = (name: string): boolean => (spec.raw(name) ?? '') !== '';
  if (!isGiven('image') && !isGiven('actionType')) {
    spec.complain('image', 'is missing, and so is actionType; give one of them, or both');
  }
  return spec.text('image', image);
}

function readWorkspaceClaim(spec: Members): string | undefined {
  const claims = spec.objects('volumes', 1, (volume) => {
    if (volume.raw('name') !== 'workspace') volume.complain('name', 'is not "workspace", the one volume of an action');
    const path = volume.raw('mountPath') ?? '/workspace';
    if (path !== '/workspace') volume.complain('mountPath', `is ${shown(path)}; write /workspace, or leave it out`);
    if ((volume.raw('pvcName') ?? '') === '') volume.complain('pvcName', 'is missing; name a claim of this namespace');
    return volume.text('pvcName', objectName);
  });
  return claims[0];
}

function readOwner(metadata: Members): Action['owner'] {
  const owners = metadata.objects('ownerReferences', 100, (owner) => ({
    apiVersion: owner.text('apiVersion', ownerText) ?? '',
    kind: owner.text('kind', ownerText) ?? '',
    name: owner.text('name', ownerText) ?? '',
    uid: owner.text('uid', ownerText) ?? '',
    isController: owner.raw('controller') === true,
  }));
  const controller = owners.find((owner) => owner.isController);
  if (controller === undefined) return undefined;
  const { apiVersion, kind, name, uid } = controller;
  return { apiVersion, kind, name, uid };
}
