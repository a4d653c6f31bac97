import { failure } from '../kernel/failure.ts';
import { fail, type Result } from '../kernel/result.ts';

/** The flight goes on for others, and for the next try, when this caller's time is up. */
export function before<T>(
  signal: AbortSignal,
  flight: Promise<Result<T>>,
  who: 'the registry' | 'the policy engine' = 'the registry',
): Promise<Result<T>> {
  const { promise, resolve, reject } = Promise.withResolvers<Result<T>>();
  const giveUp = (): void => {
    resolve(fail(failure('DEADLINE_EXCEEDED', `${who} did not answer within the time of this request`, 2)));
  };
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  flight.then(resolve, reject).finally(() => {
    signal.removeEventListener('abort', giveUp);
  });
  return promise;
}
