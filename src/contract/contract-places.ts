/** Where an image keeps its contract: a label of its configuration, or a file in its root directory. */
export const contractLabel = 'ai.kubernaut.action-contract';
/** Where an image says which version it is. OCI image-spec 1.1 annotations.md §pre-defined annotation keys */
export const versionLabel = 'org.opencontainers.image.version';
export const contractFile = 'action-contract.yaml';
