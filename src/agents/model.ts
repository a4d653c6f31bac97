/**
 * Tasks and Agents of KubeOpenCode (kubeopencode.io) and KubeTask (kubetask.io), after parsing: defaults filled in, agentRef
 * in one form, the File contexts of KubeTask as the ContextItems that they are. Both systems share everything but their
 * resources: a Pod, a queue and servers here, a Job there.
 */
import type { OwnerReference } from '../kernel/kube-object.ts';
import type { StatusCondition } from '../workflow/model.ts';

export type System = 'kubeopencode' | 'kubetask';

/** Names that users and their tools rely on. */
export const names = {
  taskLabel: 'kubeopencode.io/task',
  taskNamespaceLabel: 'kubeopencode.io/task-namespace',
  agentLabel: 'kubeopencode.io/agent',
  kubeTaskLabel: 'kubetask.io/task',
  stopAnnotation: 'kubeopencode.io/stop',
  finalizer: 'kubeopencode.io/task-cleanup',
  /** On what is made for a Task: its UID, and its names in full, which labels may have no room for. */
  taskUidAnnotation: 'countersign.dev/task-uid',
  taskAnnotation: 'countersign.dev/task',
  /** On what is made for a server, as JSON without it: what it was made from, so that a difference is seen. */
  madeFromAnnotation: 'countersign.dev/made-from',
  defaultAgent: 'default',
  defaultConfig: 'default',
  configNamespace: 'kubeopencode-system',
  agentContainer: 'agent',
  contextFile: '.kubeopencode/context.md',
  taskFile: 'task.md',
  workspaceDir: '/workspace',
  /** Key of the ConfigMap that keeps the end of what a stopped Task has printed. */
  logKey: 'agent.log',
} as const;

export const defaultImages = {
  agent: 'quay.io/kubeopencode/kubeopencode-agent-opencode:latest',
  executor: 'quay.io/kubeopencode/kubeopencode-agent-devbox:latest',
  attach: 'quay.io/kubeopencode/kubeopencode-agent-attach:latest',
  system: 'quay.io/kubeopencode/kubeopencode:latest',
  kubeTask: 'quay.io/zhaoxue/kubetask-agent-gemini:latest',
} as const;

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

// ---- what is wanted

interface AnyContext {
  /** For messages and for the XML attribute. */
  readonly name?: string;
  readonly description?: string;
  /** The Task goes on without it where it cannot be had. */
  readonly optional: boolean;
  /** As written; relative: to the workspace. Absent: a block of the context file. */
  readonly mountPath?: string;
  /** 0 to 0o777 */
  readonly fileMode?: number;
}

export interface TextContext extends AnyContext {
  readonly type: 'Text';
  readonly text: string;
}

export interface ConfigMapContext extends AnyContext {
  readonly type: 'ConfigMap';
  /** No key: all of them. */
  readonly configMap: { readonly name: string; readonly key?: string };
}

export interface GitContext extends AnyContext {
  readonly type: 'Git';
  readonly git: GitSource;
}

export interface RuntimeContext extends AnyContext {
  readonly type: 'Runtime';
}

export interface UrlContext extends AnyContext {
  readonly type: 'URL';
  readonly url: UrlSource;
}

export type ContextItem = TextContext | ConfigMapContext | GitContext | RuntimeContext | UrlContext;

export interface GitSource {
  /** https, http, ssh or git@host:path; never with credentials in it. */
  readonly repository: string;
  /** Inside the repository. */
  readonly path?: string;
  /** Branch, tag or commit; HEAD: the default branch. */
  readonly ref: string;
  /** 0: everything. */
  readonly depth: number;
  readonly recurseSubmodules: boolean;
  /** Keys username and password, or ssh-privatekey and ssh-known-hosts. */
  readonly secretRef?: string;
}

export interface UrlSource {
  readonly source: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Keys token, or username and password. */
  readonly secretRef?: string;
  readonly timeoutSeconds: number;
  readonly insecureSkipTlsVerify: boolean;
}

export interface Credential {
  readonly name: string;
  readonly secret: string;
  /** Absent: all keys, as variables or, with a mountPath, as a folder. */
  readonly key?: string;
  readonly env?: string;
  readonly mountPath?: string;
  readonly fileMode?: number;
}

/** Fields that go into a Pod as they are: the API server judges them. */
export interface PodSettings {
  readonly labels: Readonly<Record<string, string>>;
  readonly nodeSelector?: unknown;
  readonly tolerations?: unknown;
  readonly affinity?: unknown;
  readonly runtimeClassName?: string;
  readonly resources?: unknown;
  readonly imagePullSecrets?: unknown;
  /** Of every container; absent: what the Pod security standard `restricted` asks for. */
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly podSecurityContext?: Readonly<Record<string, unknown>>;
}

interface AnyAgent extends Place {
  readonly uid: string;
  readonly apiVersion: string;
  readonly contexts: readonly ContextItem[];
  readonly credentials: readonly Credential[];
  readonly pod: PodSettings;
  readonly serviceAccountName: string;
  /** The name of an ActionPolicy that its Pods say they are under. */
  readonly actionPolicy?: string;
}

/** Agent of KubeOpenCode. */
export interface Agent extends AnyAgent {
  readonly generation: number;
  readonly deleted: boolean;
  /** Copies /tools/opencode; images as resolved. */
  readonly agentImage: string;
  readonly executorImage: string;
  readonly attachImage: string;
  /** Absolute, without a slash at its end. */
  readonly workspaceDir: string;
  readonly command?: readonly string[];
  /** JSON text. */
  readonly config?: string;
  /** Go's filepath.Match; empty: all. */
  readonly allowedNamespaces: readonly string[];
  /** Absent: unlimited. */
  readonly maxConcurrentTasks?: number;
  readonly quota?: Quota;
  /** Present: tasks attach to its server. */
  readonly server?: { readonly port: number };
}

export interface Quota {
  readonly maxTaskStarts: number;
  readonly windowSeconds: number;
}

/** Agent of KubeTask. */
export interface KubeTaskAgent extends AnyAgent {
  readonly agentImage: string;
  readonly toolsImage?: string;
}

/** Task of KubeOpenCode as written, its template not yet merged. */
export interface Task extends Place {
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly finalizers: readonly string[];
  readonly deleted: boolean;
  readonly stopped: boolean;
  readonly description?: string;
  readonly contexts: readonly ContextItem[];
  readonly agentRef?: AgentRef;
  readonly templateRef?: AgentRef;
  readonly timeoutSeconds?: number;
}

/** No namespace: that of the Task, for what its template says too. */
export interface AgentRef {
  readonly name: string;
  readonly namespace?: string;
}

export interface TaskTemplate extends Place {
  readonly description?: string;
  readonly contexts: readonly ContextItem[];
  readonly agentRef?: AgentRef;
}

/** Task of KubeTask. */
export interface KubeTask extends Place {
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly deleted: boolean;
  readonly contexts: readonly ContextItem[];
  readonly agentRef?: string;
  readonly timeoutSeconds?: number;
}

/** KubeOpenCodeConfig. */
export interface SystemConfig {
  readonly systemImage: { readonly image: string; readonly imagePullPolicy: 'Always' | 'Never' | 'IfNotPresent' };
  /** Hosts and networks (CIDR) that url-fetch may ask although they are loopback or link-local. */
  readonly allowedUrlHosts: readonly string[];
  readonly ttlSecondsAfterFinished?: number;
  readonly maxRetainedTasks?: number;
}

// ---- what became of it

export type TaskPhase = '' | 'Pending' | 'Queued' | 'Running' | 'Completed' | 'Failed';

export type Condition = StatusCondition;

/** Of both systems: podName and podNamespace there, jobName here. Times are RFC 3339 in whole seconds. */
export interface TaskStatus {
  readonly phase: TaskPhase;
  readonly observedGeneration?: number;
  readonly agentRef?: Place;
  readonly podName?: string;
  readonly podNamespace?: string;
  readonly jobName?: string;
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly conditions: readonly Condition[];
}

/** Of an Agent: taskStartHistory[]. */
export interface TaskStart {
  readonly taskName: string;
  readonly taskNamespace: string;
  readonly startTime: string;
}

/** Reasons of condition Ready=False of a Failed Task; a closed set. */
export type TaskFailureReason =
  | 'AgentError'
  | 'TaskTemplateError'
  | 'ContextError'
  | 'ConfigMapCreationError'
  | 'PodCreationError'
  | 'JobCreationError'
  | 'InvalidTask'
  | 'NameTaken'
  /** An admission webhook or Pod security has refused the Pod. */
  | 'Refused'
  | 'ImagePullFailed'
  /** A Secret, ConfigMap, volume or command that is not there. */
  | 'ConfigurationError'
  /** git-init, url-fetch, context-init or opencode-init has failed. */
  | 'InitFailed'
  /** The agent has ended with another exit code than 0. */
  | 'AgentFailed'
  | 'OOMKilled'
  | 'Timeout'
  /** Evicted, preempted, its node shut down or gone. */
  | 'NodeLost'
  /** Removed by somebody else. */
  | 'PodLost';

// ---- what is put into the workspace

export type FileContent = { readonly text: string } | { readonly base64: string };

/** All paths are absolute and normalised; no two are the same, and none is inside another that is not a plain folder. */
export interface Workspace {
  readonly files: readonly WorkspaceFile[];
  readonly folders: readonly WorkspaceFolder[];
  readonly clones: readonly WorkspaceClone[];
  readonly downloads: readonly WorkspaceDownload[];
  /** Whether one of the files is the context file. */
  readonly hasContextFile: boolean;
}

export interface WorkspaceFile {
  readonly path: string;
  readonly mode?: number;
  readonly content: FileContent;
}

/** All keys of a ConfigMap in the namespace of the Pod. */
export interface WorkspaceFolder {
  readonly path: string;
  readonly mode?: number;
  readonly configMap: string;
  readonly optional: boolean;
}

export interface WorkspaceClone {
  readonly path: string;
  readonly git: GitSource;
  readonly optional: boolean;
}

export interface WorkspaceDownload {
  readonly path: string;
  readonly mode?: number;
  readonly url: UrlSource;
  readonly optional: boolean;
}

/** core/v1 ConfigMap; absent from a map of these: it was looked for, and there is none. */
export interface ConfigMapData {
  readonly data: Readonly<Record<string, string>>;
  /** base64 */
  readonly binaryData: Readonly<Record<string, string>>;
}

/** By `namespace/name`. `unread`: those before it have more than one Task can hold. */
export type ConfigMaps = ReadonlyMap<string, ConfigMapData | 'unread'>;

/** Of what is made for a Task. Owner: only in the Task's own namespace. */
export interface TaskNames {
  readonly namespace: string;
  readonly pod: string;
  readonly configMap: string;
  readonly log: string;
  readonly owner?: OwnerReference;
}

/** Why a Task fails, or waits, in one sentence. */
export interface TaskProblem {
  readonly reason: TaskFailureReason;
  readonly message: string;
}

/** A Task with its template and its Agent: all that its Pod is made from, but for the content of ConfigMaps. */
export interface Work {
  readonly task: Pick<Task, 'namespace' | 'name' | 'uid' | 'createdAt'>;
  readonly agent: Agent;
  readonly description?: string;
  /** In the order of their priority, lowest first: of the Agent, of the template, of the Task; each with where its ConfigMap is. */
  readonly contexts: readonly { readonly item: ContextItem; readonly namespace: string }[];
}
