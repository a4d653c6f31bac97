/**
 * The tables, as steps that are only ever added to: a database of version n has had the first n. The same in SQLite, which
 * reads BIGINT as INTEGER, and in PostgreSQL.
 */
export const migrations: readonly (readonly string[])[] = [
  [
    // removed: the last record that retention took away; nothing up to it is taken in again.
    `CREATE TABLE countersign_chains (
      chain BIGINT PRIMARY KEY, writer TEXT NOT NULL, started_at TEXT NOT NULL, first BIGINT NOT NULL,
      last BIGINT NOT NULL, count BIGINT NOT NULL, removed BIGINT NOT NULL, UNIQUE (writer, started_at))`,
    `CREATE TABLE countersign_records (
      chain BIGINT NOT NULL, sequence BIGINT NOT NULL, time BIGINT NOT NULL, hash TEXT NOT NULL, verdict TEXT NOT NULL,
      kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, correlation_id TEXT NOT NULL,
      images TEXT NOT NULL, words TEXT NOT NULL, line TEXT NOT NULL, PRIMARY KEY (chain, sequence))`,
    `CREATE TABLE countersign_terms (
      field TEXT NOT NULL, value TEXT NOT NULL, time BIGINT NOT NULL, chain BIGINT NOT NULL, sequence BIGINT NOT NULL,
      PRIMARY KEY (field, value, time, chain, sequence))`,
    'CREATE INDEX countersign_terms_place ON countersign_terms (chain, sequence)',
    ...['time', 'verdict, time', 'namespace, verdict, time', 'namespace, time', 'kind, time', 'name, time'].map(
      (columns) =>
        `CREATE INDEX countersign_by_${columns.replaceAll(', ', '_')} ON countersign_records (${columns}, chain, sequence)`,
    ),
    'CREATE INDEX countersign_by_uid ON countersign_records (uid)',
    'CREATE INDEX countersign_by_correlation_id ON countersign_records (correlation_id)',
  ],
  [
    // One row: which store this is, and the number of its last change to what follows.
    'CREATE TABLE countersign_history (store TEXT NOT NULL, changed BIGINT NOT NULL)',
    `CREATE TABLE countersign_actions (
      workflow_uid TEXT NOT NULL, step TEXT NOT NULL, workflow TEXT NOT NULL, namespace TEXT NOT NULL,
      workflow_type TEXT NOT NULL, engine TEXT NOT NULL, action_type TEXT NOT NULL, status TEXT NOT NULL,
      executed_at BIGINT NOT NULL, completed_at BIGINT, duration BIGINT, changed BIGINT NOT NULL, size BIGINT NOT NULL,
      document TEXT NOT NULL, PRIMARY KEY (workflow_uid, step))`,
    `CREATE TABLE countersign_effectiveness (
      workflow_uid TEXT NOT NULL, step TEXT NOT NULL, assessor TEXT NOT NULL, action_type TEXT NOT NULL,
      score DOUBLE PRECISION NOT NULL, assessed_at BIGINT NOT NULL, changed BIGINT NOT NULL, document TEXT NOT NULL,
      PRIMARY KEY (workflow_uid, step, assessor))`,
    // All that effectiveness reads: a million records are counted without looking at them.
    `CREATE INDEX countersign_actions_by_action_type ON countersign_actions
      (action_type, executed_at, engine, status, duration, completed_at, workflow_uid)`,
    'CREATE INDEX countersign_actions_by_workflow_uid ON countersign_actions (workflow_uid, executed_at)',
    ...['', 'status', 'action_type, status', 'workflow', 'namespace', 'engine'].map((columns) => {
      const by = columns === '' ? ['executed_at'] : [...columns.split(', '), 'executed_at'];
      return `CREATE INDEX countersign_actions_by_${by.join('_')} ON countersign_actions (${by.join(', ')})`;
    }),
    'CREATE INDEX countersign_actions_by_changed ON countersign_actions (changed)',
    'CREATE INDEX countersign_effectiveness_by_changed ON countersign_effectiveness (changed)',
    'CREATE INDEX countersign_effectiveness_by_type ON countersign_effectiveness (action_type, assessed_at)',
    'CREATE INDEX countersign_effectiveness_by_time ON countersign_effectiveness (assessed_at)',
  ],
];

export const schemaVersion = migrations.length;

export function tooNew(found: number): string {
  return (
    `the records database has schema version ${found} and this program knows up to version ${schemaVersion}: ` +
    'run the newer program again, or name another database'
  );
}
