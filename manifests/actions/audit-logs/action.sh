die 'not implemented: needs the place where the API server writes its audit log, which its API does not serve.'
