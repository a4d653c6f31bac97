/**
 * Workflows of actions as they are asked for and as they went: what a WorkflowExecution and an ActionExecution say, parsed
 * once. Pure: nothing here knows of a cluster, a clock or a registry.
 */

/** What runs the steps: native Jobs, each through an ActionExecution, or one Tekton PipelineRun. */
export type Engine = 'job' | 'tekton';

/** The object itself, for owner references, events and children's labels. */
export interface Origin {
  /** Of the object that was created: WorkflowExecutions exist in two API groups. */
  readonly apiVersion: string;
  readonly kind: 'WorkflowExecution' | 'ActionExecution';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
}

export type Inputs = Readonly<Record<string, unknown>>;

export interface WorkflowStep {
  /** DNS-1123 label, unique in its workflow. */
  readonly name: string;
  /** `<category>/<action>`; absent: only the image says what it does. */
  readonly actionType?: string;
  /** Absent: the action registry names it. */
  readonly image?: string;
  readonly inputs: Inputs;
  readonly usesWorkspace: boolean;
  /** Names of steps that have to be completed first. */
  readonly runAfter: readonly string[];
  /** Further attempts after failures of the infrastructure. Absent: the setting. */
  readonly retries?: number;
  /** Milliseconds. Absent: the contract's, else the setting. */
  readonly timeoutMs?: number;
}

export interface Workflow extends Origin {
  readonly kind: 'WorkflowExecution';
  readonly workflowType?: string;
  readonly reason?: string;
  readonly steps: readonly WorkflowStep[];
  /** No further step starts. */
  readonly suspend: boolean;
  /** What runs is stopped; the workflow ends Failed with reason Cancelled. */
  readonly cancel: boolean;
  /** Of the whole run, milliseconds. */
  readonly timeoutMs?: number;
  readonly ttlSecondsAfterFinished?: number;
  /** `namespace/kind/name` or `kind/name`: at most one workflow acts on it at a time. */
  readonly targetResource?: string;
  /** On Tekton: an ActionExecution for each step that mirrors it and runs nothing. Absent: the setting. */
  readonly trackingActionExecutions?: boolean;
  /** Annotation kubernaut.io/executor. */
  readonly executor?: Engine;
  /** Annotation kubernaut.io/approved: "true". */
  readonly isApproved: boolean;
  readonly isDeleted: boolean;
}

export interface Action extends Origin {
  readonly kind: 'ActionExecution';
  readonly actionType?: string;
  readonly image?: string;
  readonly verification: 'strict';
  readonly inputs: Inputs;
  readonly workspaceClaim?: string;
  readonly retries?: number;
  readonly timeoutMs?: number;
  readonly cancel: boolean;
  /** Mirrors a TaskRun of this name; nothing is run for it. */
  readonly mirrors?: string;
  /** From labels: the workflow and step that it belongs to; its own name when it stands alone. */
  readonly workflow: string;
  readonly step: string;
  /** Absent: it stands alone. */
  readonly owner?: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };
  readonly isDeleted: boolean;
}

export type WorkflowPhase = '' | 'Initializing' | 'Executing' | 'Completed' | 'Failed';
/** Skipped: something it depends on did not complete. */
export type StepPhase = 'Pending' | 'Running' | 'Completed' | 'Failed' | 'Skipped' | 'Cancelled';
export type ActionPhase = '' | 'Pending' | 'Running' | 'Completed' | 'Failed' | 'Cancelled';

/** Why something failed, in closed words for machines and one sentence for people. */
export type FailureReason = (typeof failureReasons)[number];
export const failureReasons = [
  'InvalidDependencyGraph',
  'InvalidSpec',
  'Forbidden',
  'ConfigurationError',
  'ImagePullBackOff',
  'OOMKilled',
  'TaskFailed',
  'DeadlineExceeded',
  'ResourceExhausted',
  'WorkspaceUnavailable',
  'ExecutionRemoved',
  'NameTaken',
  'UnsupportedEngine',
  'Deduplicated',
  'Cancelled',
  'Evicted',
  'Unknown',
] as const;

export interface FailureDetails {
  readonly reason: FailureReason;
  /** As the system said it: the refusal, the condition of the Pod. */
  readonly message: string;
  /** A code of docs/debug-a-refusal.md, when the gate's rules are the reason. */
  readonly code?: string;
  readonly exitCode?: number;
  readonly failedStepName?: string;
  readonly failedTaskIndex?: number;
  /** ISO 8601. */
  readonly failedAt: string;
  /** One sentence: what failed, why, and what to do. */
  readonly naturalLanguageSummary: string;
  /** The action itself had begun to run. */
  readonly wasExecutionFailure: boolean;
}

/** What is known of one run of an action, whichever engine runs it. Times are ISO 8601. */
export interface ActionResult {
  readonly startedAt?: string;
  readonly completedAt?: string;
  /** Name of the Job or TaskRun. */
  readonly executionName?: string;
  /** Of the TaskRun: another one of that name is a second run. */
  readonly executionUID?: string;
  readonly podName?: string;
  /** By digest, as it ran. */
  readonly image?: string;
  /** Who has signed it: key fingerprint, or certificate identity. */
  readonly signers?: readonly string[];
  /** `name@version` */
  readonly contract?: string;
  /** From 1. */
  readonly attempts?: number;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly failureDetails?: FailureDetails;
}

export interface StepStatus extends ActionResult {
  readonly name: string;
  readonly phase: StepPhase;
}

/** meta/v1 Condition */
export interface StatusCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export interface WorkflowStatus {
  readonly phase: WorkflowPhase;
  readonly message: string;
  /** Chosen once, at the start. */
  readonly engine?: Engine;
  readonly observedGeneration?: number;
  readonly startedAt?: string;
  readonly completedAt?: string;
  readonly steps: readonly StepStatus[];
  readonly workspacePVC?: string;
  /** The PipelineRun. */
  readonly executionRef?: { readonly kind: string; readonly name: string; readonly uid?: string };
  readonly failureDetails?: FailureDetails;
  readonly conditions: readonly StatusCondition[];
}

export interface ActionStatus extends ActionResult {
  readonly phase: ActionPhase;
  readonly observedGeneration?: number;
  /** UID of the Job that runs it; one that is not there any more was removed by somebody. */
  readonly jobUID?: string;
  /** What the Pod waits for, as far as it is known. */
  readonly waiting?: { readonly reason: string; readonly message: string; readonly since: string };
  /** Nothing is tried before. ISO 8601. */
  readonly retryAt?: string;
  readonly conditions: readonly StatusCondition[];
}

/** What an installation allows and presumes; from the ConfigMap kubernaut-workflowexecution-config. */
export interface WorkflowSettings {
  readonly maxParallelSteps: number;
  /** Workflows of more steps wait for approval. */
  readonly approvalThreshold: number;
  /** Of the client of the API server: requests a second, and how many at once after a pause. */
  readonly kubernetesQps: number;
  readonly kubernetesBurst: number;
  readonly tekton: {
    readonly enabled: boolean;
    readonly stage: 'off' | 'gitops' | 'multi-step' | 'all';
    /** In stage multi-step also workflows with any dependency. */
    readonly includeDependencies: boolean;
    readonly trackingActionExecutions: boolean;
  };
  readonly retries: number;
  readonly stepTimeoutMs: number;
  readonly jobTtlSeconds: number;
  /** Absent: finished workflows stay. */
  readonly workflowTtlSeconds?: number;
  readonly workspaceSize: string;
  readonly workspaceStorageClass?: string;
}

/** An entry of the action registry, ConfigMap kubernaut-action-registry. */
export interface RegisteredAction {
  readonly actionType: string;
  readonly image: string;
  readonly contract: string;
  readonly verification: 'strict';
}

/** Broken entries do not keep the others from working; a step that needs one fails with its problem. */
export interface ActionRegistry {
  readonly actions: ReadonlyMap<string, RegisteredAction>;
  readonly problems: ReadonlyMap<string, string>;
}

/** Names and labels of the design documents; `kubernaut.io` in labels, whatever the API group. */
export const names = {
  workflowLabel: 'kubernaut.io/workflow',
  stepLabel: 'kubernaut.io/step',
  /** On everything that is watched: Jobs, Pods, claims, PipelineRuns, TaskRuns. Its value is the engine. */
  engineLabel: 'countersign.dev/engine',
  executorAnnotation: 'kubernaut.io/executor',
  approvedAnnotation: 'kubernaut.io/approved',
  actionTypeAnnotation: 'kubernaut.io/action-type',
  metaTask: 'kubernaut-action',
  workspace: 'shared-workspace',
  settings: 'kubernaut-workflowexecution-config',
  registry: 'kubernaut-action-registry',
  container: 'action',
} as const;

/** Why a workflow or an action cannot be run as it is written; it ends Failed with this. */
export interface WorkflowProblem {
  readonly reason: FailureReason;
  /** Everything that is wrong, each with its field and the way out. */
  readonly message: string;
}
