/** Connections to PostgreSQL: every wait has an end, a connection that broke is not used again, and nothing throws. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';

export interface PostgresSettings {
  /** `postgres://user[:password]@host[:port]/database[?sslmode=verify-full&sslrootcert=FILE]` */
  readonly url: string;
  /** Read for each connection, so that a password may change; stronger than the one in the URL. */
  readonly passwordFile?: string;
}

/** What only somebody who acts can mend: trying again is of no use. */
export class UnusableDatabase extends Error {}

export type SqlRow = Readonly<Record<string, unknown>>;
export type Query = (sql: string, values?: readonly unknown[]) => Promise<pg.QueryResult<SqlRow>>;

const connections = 4;
const connectMs = 3_000;
const statementMs = 10_000;

export class Pool {
  readonly #pool: pg.Pool;

  constructor({ url, passwordFile }: PostgresSettings) {
    this.#pool = new pg.Pool({
      connectionString: url,
      ...(passwordFile === undefined ? {} : { Client: clientWithPasswordOf(passwordFile) }),
      application_name: 'countersign',
      max: connections,
      connectionTimeoutMillis: connectMs,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      statement_timeout: statementMs,
      // Of this end, for a server that is silent.
      query_timeout: statementMs + 2_000,
      idle_in_transaction_session_timeout: statementMs,
    });
    // An idle connection that breaks is no event: the next query takes another one.
    this.#pool.on('error', () => undefined);
  }

  /** `work` may be done again after a failure of which nobody knows whether it took place. */
  async use<T>(work: (query: Query) => Promise<T>): Promise<Result<T>> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      return fail(unavailable(error));
    }
    // Breaking while it waits would otherwise be an event that nobody hears, and end the process.
    let broken: Error | undefined;
    const onError = (error: Error): void => void (broken = error);
    client.on('error', onError);
    try {
      return ok(await work((sql, values = []) => client.query<SqlRow>(sql, [...values])));
    } catch (error) {
      broken ??= error instanceof pg.DatabaseError || error instanceof UnusableDatabase ? undefined : asError(error);
      return fail(unavailable(error));
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  transaction<T>(work: (query: Query) => Promise<T>): Promise<Result<T>> {
    return this.use(async (query) => {
      await query('BEGIN');
      try {
        const done = await work(query);
        await query('COMMIT');
        return done;
      } catch (error) {
        // On a connection that is gone this fails as well, and the server has rolled back.
        await query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.#pool.end().catch(() => undefined);
  }
}

/** The library (8.23) takes a function for the password, but not beside a URL, which always has one, if an empty one. */
function clientWithPasswordOf(file: string): typeof pg.Client {
  return class extends pg.Client {
    constructor(...args: ConstructorParameters<typeof pg.Client>) {
      super(...args);
      Object.assign(this, { password: async () => (await readFile(file, 'utf8')).trim() });
    }
  };
}

function unavailable(error: unknown): Failure {
  const why = quoted(asError(error).message || codeOf(error));
  const final = error instanceof UnusableDatabase;
  return failure('RECORDS_UNAVAILABLE', `The records database cannot be used: ${why}.`, final ? undefined : 5);
}

/** Connecting to several addresses of a name fails with an AggregateError, which has no message. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('unknown error');
}
