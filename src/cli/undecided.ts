/** What could not be found out, e.g. because a database was away: printed as one line, exit code 3. */
export class Undecided extends Error {}
