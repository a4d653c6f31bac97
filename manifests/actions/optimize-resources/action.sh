die 'not implemented: needs recommendations of what measures usage; increase_resources sets values that you name.'
