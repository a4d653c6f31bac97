/** Where an image keeps its contract: a label of its configuration, or a file in its root directory. */
export const contractLabel = 'ai.kubernaut.action-contract';
export const contractFile = 'action-contract.yaml';
