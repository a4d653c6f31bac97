/**
 * The one Task that runs every action on Tekton; which image and which inputs, its parameters say. It is made where a
 * namespace has none of that name, and one that somebody else has made is used as it is. Pure.
 */
import type { NewObject } from '../kernel/kube-object.ts';
import { kinds } from './kinds.ts';
import { names } from './model.ts';

export const metaTaskResult = 'outputs';

export function metaTask(namespace: string): NewObject {
  const { apiVersion, kind } = kinds.task;
  return {
    apiVersion,
    kind,
    metadata: { name: names.metaTask, namespace, labels: { 'app.kubernetes.io/managed-by': 'countersign' } },
    spec: {
      description: 'Runs any Kubernaut action: the contract in its image says what it takes and how it has to run.\n',
      params: [
        param('actionType', 'Action type, e.g. kubernetes/scale_deployment'),
        param('actionImage', 'Image of the action, signed with Cosign, by its digest'),
        param('inputs', 'Inputs of the action, a JSON object'),
      ],
      workspaces: [
        // Where Jobs have it: an action finds it in the same place on both.
        {
          name: 'workspace',
          description: 'Shared by the steps of a workflow',
          optional: true,
          mountPath: '/workspace',
        },
      ],
      results: [{ name: metaTaskResult, type: 'string', description: 'The last JSON object that the action printed' }],
      steps: [
        {
          name: 'execute',
          image: '$(params.actionImage)',
          env: [
            { name: 'ACTION_TYPE', value: '$(params.actionType)' },
            { name: 'ACTION_INPUTS', value: '$(params.inputs)' },
            { name: 'WORKSPACE_PATH', value: '$(workspaces.workspace.path)' },
          ],
          script,
        },
      ],
    },
  };
}

function param(name: string, description: string): object {
  return { name, type: 'string', description };
}

const script = `#!/bin/sh
# The inputs go in by environment and by standard input; what is printed goes to the log as it is, and the last JSON
# object of it becomes the result. Builtins only: an image may have no other programs, and nothing to write to.
LC_ALL=C

# Tekton keeps results in the Pod's termination message: 4096 bytes with all escapes, or the run fails.
fits() {
  [ "$\{#1}" -le 3072 ] || return 1
  text=$1
  set -f
  IFS='"\\'
  set -- $text
  bytes=$(($\{#text} + $#))
  IFS='<>&'
  set -- $text
  [ "$((bytes + 5 * $#))" -le 3584 ]
}

keep() {
  fits "$1" || set -- '{"truncated":true,"bytes":'"$\{#1}"'}'
  printf '%s' "$1" 2>/dev/null >"$(results.outputs.path)" || :
}

# As it is printed, line by line. An object on one line, or whose first line begins and last line is its brace, is read
# here; what may be another is left to whoever reads the log. A result that is empty says that no object was printed.
relay() {
  last='' open='' doubt=''
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\\n' "$line"
    if [ -n "$open" ]; then
      case $line in
        '}') last=$open$line open='' ;;
        '{'* | '['*) doubt=1 ;;
        *) [ "$\{#open}" -gt 65536 ] || open=$open$line ;;
      esac
    else
      case $line in
        '{'*'}') last=$line ;;
        '{'*) open=$line ;;
        '[' | '[{' | [[:blank:]]*'{'*) doubt=1 ;;
      esac
    fi
  done
  [ -z "$open$doubt" ] || last='{"truncated":true}'
  keep "$last"
}

exec 3>&1
code=$(
  {
    {
      code=0
      printf '%s\\n' "$ACTION_INPUTS" 2>/dev/null | /action-entrypoint 3>&- 4>&- || code=$?
      echo "$code" >&4
    } | relay >&3 4>&-
  } 4>&1
)
exit "$code"
`;
