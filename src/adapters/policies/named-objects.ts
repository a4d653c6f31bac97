/**
 * The Secrets and ConfigMaps that policies name, one by one, read again every few seconds. A watch would tell sooner, but
 * permission to watch cannot be given for names that only the policies know: it would be permission to read every Secret of
 * the namespace at any time, in one request. One that is gone is gone; one that cannot be read is a problem over its last
 * good version.
 */
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { digestOf } from '../../kernel/digest.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { configMapData, secretData, type PolicyDocument } from '../../policy/parse-documents.ts';
import { boundedCall, type ApiFailure, type CallLimits } from '../kubernetes/bounded-call.ts';
import type { Source } from './last-good.ts';

export interface ObjectsPlace {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly limits: CallLimits;
  /** Milliseconds between looks; the time per object is added when there are many. */
  readonly pauseMs: number;
}

export interface NamedObject {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
}

export interface NamedObjects {
  /** One source for each, without a document when there is no such object; these are followed from now on. */
  read(named: readonly NamedObject[]): Promise<readonly Source[]>;
  close(): void;
}

/** A hundred objects are still read every five seconds; more of them take longer, and the API server does not notice. */
const pausePerObjectMs = 20;
const parallel = 4;

/** `changed` is called when one of them is not what `read` has given last. */
export function followObjects(place: ObjectsPlace, changed: () => void): NamedObjects {
  const readAll = objectReader(place);
  let named: readonly NamedObject[] = [];
  let known = '';
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function look(): Promise<void> {
    const looked = named;
    const found = fingerprint(await readAll(looked));
    // A read that went on meanwhile knows better, and looks again by itself.
    if (looked !== named || closed) return;
    if (found === known) again();
    else changed();
  }

  function again(): void {
    clearTimeout(timer);
    if (named.length === 0 || closed) return;
    const wait = Math.max(place.pauseMs, named.length * pausePerObjectMs);
    timer = setTimeout(() => void look(), wait).unref();
  }

  return {
    async read(wanted) {
      clearTimeout(timer);
      named = wanted;
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
      return document.kind === 'secret' || document.kind === 'config-map' ? [...document.data] : [];
    }),
  ]);
  return digestOf(stableJson(contents));
}

function objectReader({
  kubeConfig,
  namespace,
  limits,
}: ObjectsPlace): (named: readonly NamedObject[]) => Promise<readonly Source[]> {
  const api = kubeConfig.makeApiClient(CoreV1Api);

  async function readOne({ kind, name }: NamedObject): Promise<readonly PolicyDocument[] | ApiFailure> {
    const answer = await boundedCall<unknown>(`read ${kind} ${namespace}/${name}`, limits, (options) =>
      kind === 'Secret'
        ? api.readNamespacedSecret({ namespace, name }, options)
        : api.readNamespacedConfigMap({ namespace, name }, options),
    );
    if (!answer.ok) return answer.failure.status === 404 ? [] : answer.failure;
    return [documentOf({ kind, name }, asRecord(answer.value) ?? {})];
  }

  function documentOf(object: NamedObject, read: Readonly<Record<string, unknown>>): PolicyDocument {
    const { kind, name } = object;
    const data = kind === 'Secret' ? secretData(read) : configMapData(read);
    if (data === undefined) return broken(object, 'data is not a map of texts');
    return { kind: kind === 'Secret' ? 'secret' : 'config-map', where: whereOf(object), name, data };
  }

  function broken(object: NamedObject, message: string): PolicyDocument {
    return { kind: 'problem', where: whereOf(object), of: idOf(object), messages: [message] };
  }

  function whereOf({ kind, name }: NamedObject): string {
    return `${kind} ${namespace}/${name}`;
  }

  return async (named) => {
    const found = new Map<NamedObject, readonly PolicyDocument[]>();
    const queue = [...named];
    // When the API server does not answer for one, the others are not waited for.
    let away: ApiFailure | undefined;

    async function readNext(): Promise<void> {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const read = away ?? (await readOne(next));
        if ('code' in read && read.status === undefined) away = read;
        found.set(next, 'code' in read ? [broken(next, read.message)] : read);
      }
    }

    await Promise.all(Array.from({ length: parallel }, readNext));
    return named.map((object) => ({ name: idOf(object), documents: found.get(object) ?? [] }));
  };
}

function idOf({ kind, name }: NamedObject): string {
  return `${kind}/${name}`;
}
