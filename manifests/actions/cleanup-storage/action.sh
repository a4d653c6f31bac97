die 'not implemented: needs access to the disk of the node; delete Pods that have ended, or expand_pvc.'
