die 'not implemented: needs whoever issues the credential; build an image that asks them, with this contract.'
