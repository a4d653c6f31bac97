/**
 * The Secrets that policies name, one by one, read again every few seconds. A watch would tell sooner, but permission to
 * watch cannot be given for names that only the policies know: it would be permission to read every Secret of the namespace
 * at any time, in one request. A Secret that is gone is gone; one that cannot be read is a problem over its last good version.
 */
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { digestOf } from '../../kernel/digest.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { secretData, type PolicyDocument } from '../../policy/parse-documents.ts';
import { boundedCall, type ApiFailure, type CallLimits } from '../kubernetes/bounded-call.ts';
import type { Source } from './last-good.ts';

export interface SecretsPlace {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly limits: CallLimits;
  /** Milliseconds between looks; the time per Secret is added when there are many. */
  readonly pauseMs: number;
}

export interface NamedSecrets {
  /** One source per name, without a document when there is no such Secret; these are followed from now on. */
  read(names: readonly string[]): Promise<readonly Source[]>;
  close(): void;
}

/** A hundred Secrets are still read every five seconds; more of them take longer, and the API server does not notice. */
const pausePerSecretMs = 20;
const parallel = 4;

/** `changed` is called when one of them is not what `read` has given last. */
export function followSecrets(place: SecretsPlace, changed: () => void): NamedSecrets {
  const readAll = secretReader(place);
  let names: readonly string[] = [];
  let known = '';
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function look(): Promise<void> {
    const looked = names;
    const found = fingerprint(await readAll(looked));
    // A read that went on meanwhile knows better, and looks again by itself.
    if (looked !== names || closed) return;
    if (found === known) again();
    else changed();
  }

  function again(): void {
    clearTimeout(timer);
    if (names.length === 0 || closed) return;
    const wait = Math.max(place.pauseMs, names.length * pausePerSecretMs);
    timer = setTimeout(() => void look(), wait).unref();
  }

  return {
    async read(wanted) {
      clearTimeout(timer);
      names = wanted;
      const sources = await readAll(wanted);
      known = fingerprint(sources);
      again();
      return sources;
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Keys are not kept a second time. */
function fingerprint(sources: readonly Source[]): string {
  const contents = sources.map(({ name, documents }) => [
    name,
    documents.map((document) => {
      if (document.kind === 'problem') return document.messages;
      return document.kind === 'secret' ? [...document.data] : [];
    }),
  ]);
  return digestOf(stableJson(contents));
}

function secretReader({
  kubeConfig,
  namespace,
  limits,
}: SecretsPlace): (names: readonly string[]) => Promise<readonly Source[]> {
  const api = kubeConfig.makeApiClient(CoreV1Api);

  async function readOne(name: string): Promise<readonly PolicyDocument[] | ApiFailure> {
    const answer = await boundedCall(`read Secret ${namespace}/${name}`, limits, (options) =>
      api.readNamespacedSecret({ namespace, name }, options),
    );
    if (!answer.ok) return answer.failure.status === 404 ? [] : answer.failure;
    const data = secretData(asRecord(answer.value) ?? {});
    if (data === undefined) return [broken(name, 'data is not a map of base64 texts')];
    return [{ kind: 'secret', where: `Secret ${namespace}/${name}`, name, data }];
  }

  function broken(name: string, message: string): PolicyDocument {
    return { kind: 'problem', where: `Secret ${namespace}/${name}`, of: `Secret/${name}`, messages: [message] };
  }

  return async (names) => {
    const found = new Map<string, readonly PolicyDocument[]>();
    const queue = [...names];
    // When the API server does not answer for one, the others are not waited for.
    let away: ApiFailure | undefined;

    async function readNext(): Promise<void> {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const read = away ?? (await readOne(name));
        if ('code' in read && read.status === undefined) away = read;
        found.set(name, 'code' in read ? [broken(name, read.message)] : read);
      }
    }

    await Promise.all(Array.from({ length: parallel }, readNext));
    return names.map((name) => ({ name: `Secret/${name}`, documents: found.get(name) ?? [] }));
  };
}
