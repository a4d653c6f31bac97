import { LRUCache } from 'lru-cache';
import { digestOf } from '../kernel/digest.ts';
import type { Result } from '../kernel/result.ts';
import type { Evaluation } from '../policy/evaluation.ts';
import type { PolicyCode } from '../policy/model.ts';
import type { EvaluationRequest, PolicyLanguages } from '../ports/policy-languages.ts';
import { before } from './before-deadline.ts';

/** A message may have kilobytes, so what is kept is bounded by size. */
const maxBytes = 8 * 1024 * 1024;
const entryBytes = 512;
const unavailableMs = 1_000;
const clockMs = 60_000;

/**
 * Evaluations of policy code, remembered by content: one at a time for equal code, name and input, whoever asks. What
 * failed is asked again after a second, and code that may look at the clock after a minute.
 */
export function rememberEvaluations(languages: PolicyLanguages, flightSeconds: number): PolicyLanguages {
  const known = new LRUCache<string, Result<Evaluation>, EvaluationRequest>({
    maxSize: maxBytes,
    // What is under way when others need the room is answered all the same.
    ignoreFetchAbort: true,
    sizeCalculation: (answer) => entryBytes + 2 * (answer.ok ? answer.value : answer.failure).message.length,
    fetchMethod: async (_key, _stale, { options, context }) => {
      const evaluated = await languages.evaluate(context, AbortSignal.timeout(flightSeconds * 1_000));
      if (!evaluated.ok) options.ttl = unavailableMs;
      else if (mayReadClock(context.code)) options.ttl = clockMs;
      return evaluated;
    },
  });
  return {
    evaluate(request, signal) {
      const { name, code, input } = request;
      const key = [code.language, code.hash, digestOf(name), digestOf(input)].join(' ');
      return before(signal, known.forceFetch(key, { context: request }), 'the policy engine');
    },
  };
}

/**
 * Rego has time.now_ns, and what io.jwt.decode_verify and crypto.x509 say of a token or a certificate changes with the time.
 * CUE has no clock.
 */
export function mayReadClock({ language, text }: Pick<PolicyCode, 'language' | 'text'>): boolean {
  return language !== 'cue' && /now|decode_verify|x509/i.test(text);
}
