die 'not implemented: needs commands inside of the container (pods/exec), which is the right to do all that the program may.'
