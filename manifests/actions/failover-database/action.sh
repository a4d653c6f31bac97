die 'not implemented: needs the tool or operator of the database; build an image that has it, with this contract.'
