die 'not implemented: needs the tool of the storage engine; build an image that has it, with this contract.'
