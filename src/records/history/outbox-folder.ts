/** Where records wait across a restart. Methods reject with what the system says. */
export interface OutboxFolder {
  /** What lies there; made when it is not there. */
  read(): Promise<readonly WaitingFile[]>;
  /** On the disk when it settles, and whole at every moment. */
  write(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** Out of the way, for people to look at. Gives where it is. */
  setAside(name: string): Promise<string>;
}

export interface WaitingFile {
  readonly name: string;
  readonly text: string;
}
