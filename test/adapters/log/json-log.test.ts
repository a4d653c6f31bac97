import { describe, expect, test } from 'vitest';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { jsonLog } from '../../../src/adapters/log/json-log.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What was written for one event. */
function written(fields: Fields, message = 'it happened'): string {
  let text = '';
  jsonLog('info', { write: (line) => void (text += line) }).info(fields, message);
  return text;
}

function parsed(fields: Fields): Fields {
  // The log writes objects.
  return JSON.parse(written(fields)) as Fields;
}

describe('an event', () => {
  test('is one line of JSON with time, level and message', () => {
    const text = written({ correlationId: 'c-1', durationMs: 3 });
    expect(text).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(text)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      correlationId: 'c-1',
      durationMs: 3,
      message: 'it happened',
    });
  });

  test.each(['info', 'warn', 'error'] as const)('of level %s says so', (level) => {
    let text = '';
    jsonLog('info', { write: (line) => void (text += line) })[level]({}, 'm');
    expect(JSON.parse(text)).toMatchObject({ level });
  });

  test('below the level that is wanted is not written', () => {
    let text = '';
    const log = jsonLog('error', { write: (line) => void (text += line) });
    log.info({}, 'm');
    log.warn({}, 'm');
    expect(text).toBe('');
  });

  test('is one line, whatever its fields hold', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (fields, message) => {
        const text = written(fields, message);
        expect(text.indexOf('\n')).toBe(text.length - 1);
        JSON.parse(text);
      }),
    );
  });

  test('goes to standard error: standard output is for results', () => {
    const module = new URL('../../../src/adapters/log/json-log.ts', import.meta.url).href;
    const program = `import { jsonLog } from '${module}'; const log = jsonLog(); log.info({ a: 1 }, 'm'); log.flush();`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ a: 1, message: 'm' });
  });
});

describe('a secret', () => {
  const secret = 'hunter2';

  test.each([
    'password',
    'registryPassword',
    'passphrase',
    'token',
    'accessToken',
    'refresh_token',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'clientSecret',
    'privateKey',
    'private_key',
    'private-key',
    'key',
    'auth',
    'credentials',
    'identitytoken',
    'apiKey',
  ])('in a field called %s is not written, at any depth', (name) => {
    for (const fields of [{ [name]: secret }, { a: { b: { [name]: secret } } }, { list: [{ [name]: secret }] }]) {
      expect(written(fields)).not.toContain(secret);
    }
  });

  test('is left out as a whole when it is an object', () => {
    expect(written({ credentials: { username: 'u', value: secret } })).not.toContain(secret);
  });

  test('in what a network library hangs on its errors is not written', () => {
    const error = Object.assign(new Error('401'), {
      code: 'E401',
      request: { headers: { authorization: secret } },
      options: { auth: secret },
      cause: Object.assign(new Error('inner'), { response: { headers: { 'set-cookie': secret } } }),
    });
    const text = written({ err: error });
    expect(text).not.toContain(secret);
    expect(JSON.parse(text)).toMatchObject({ err: { type: 'Error', message: '401', code: 'E401', cause: 'inner' } });
  });

  test('in the address of a server is not written', () => {
    const error = new Error(`cannot reach https://robot:${secret}@registry.example/v2/`);
    for (const fields of [{ url: `https://robot:${secret}@registry.example/v2/` }, { err: error }, { a: [error] }]) {
      expect(written(fields)).not.toContain(secret);
    }
  });

  test.each(['keyless', 'author', 'monkey', 'certificate', 'publicKey'])(
    'is not what a field called %s holds',
    (name) => {
      expect(parsed({ [name]: 'kept' })[name]).toBe('kept');
    },
  );
});

describe('what is too large', () => {
  test.each([
    { name: 'a long text', fields: { a: 'x'.repeat(1e6) } },
    { name: 'a long list', fields: { a: Array(1e5).fill('x') } },
    { name: 'a deep object', fields: JSON.parse('{"a":'.repeat(500) + '1' + '}'.repeat(500)) as Fields },
    { name: 'an error with a long message', fields: { err: new Error('x'.repeat(1e6)) } },
    {
      name: 'an object of many members',
      fields: { a: Object.fromEntries(Array.from({ length: 1e5 }, (_, n) => [n, n])) },
    },
    { name: 'bytes', fields: { body: Buffer.alloc(1e6) } },
  ])('($name) is cut', ({ fields }) => {
    expect(written(fields).length).toBeLessThan(20_000);
  });

  test('ends with "…" when it was text', () => {
    expect(parsed({ a: 'x'.repeat(5000) })['a']).toBe(`${'x'.repeat(2048)}…`);
  });

  test('may contain itself', () => {
    const circle: Record<string, unknown> = {};
    circle['circle'] = circle;
    expect(parsed({ circle })).toHaveProperty('message');
  });
});
