die 'not implemented: needs the tool of the database; build an image that has it, with this contract.'
