die 'not implemented: needs the tool of the mesh; restart_pod starts sidecars anew.'
