/** What context type Runtime tells the agent about where it runs. The values are in its environment. */
import { names } from './model.ts';

export const runtimeContext = `## KubeOpenCode Runtime Context

You work on a task inside a container of a Kubernetes Pod that was made for it and ends with it.

These environment variables say which one:

- \`TASK_NAME\`: the name of the Task resource you work on
- \`TASK_NAMESPACE\`: the namespace of that Task
- \`WORKSPACE_DIR\`: the folder to work in; its file \`${names.taskFile}\` holds the description of the task

What the Pod's service account may do in the cluster, you may do. Where it is allowed to, and kubectl is there:

- \`kubectl get task "$TASK_NAME" -n "$TASK_NAMESPACE" -o yaml\` shows the Task with its contexts and its status
- \`kubectl get task "$TASK_NAME" -n "$TASK_NAMESPACE" -o jsonpath='{.spec.description}'\` prints its description

Files outside mounted volumes are gone when the Pod has ended: push or upload whatever has to stay.`;
