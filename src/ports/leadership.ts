/** Of all replicas at most one leads at a time; whatever writes to the cluster asks first. */
export interface Leadership {
  isLeader(): boolean;
  /** Calls back after `isLeader` has changed; returns how to stop. */
  onChange(listener: () => void): () => void;
}
