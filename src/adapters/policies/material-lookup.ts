/** What policies that are compiled find when they ask for keys and code. */
import { digestOf } from '../../kernel/digest.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Material, Materials, SecretData } from '../../policy/compile.ts';
import { usualSystemNamespace } from '../../policy/model.ts';
import { materialId, type MaterialRef } from '../../policy/wanted-materials.ts';
import type { LastGood } from './last-good.ts';
import type { KeptMaterial, MaterialMemory } from './material-memory.ts';

export interface MaterialLookup {
  readonly materials: Materials;
  /** Equal for equal content of all of these, problems included. */
  contentOf(refs: readonly MaterialRef[]): string;
}

/** `ownNamespace`: the only one that a secretRef may name; undefined: Secrets come from files, and have no namespace. */
export function materialLookup(
  good: Pick<LastGood, 'kept'>,
  memory: MaterialMemory,
  ownNamespace: string | undefined,
): MaterialLookup {
  function secret(name: string, namespace: string | undefined): SecretData {
    const own: readonly unknown[] = [undefined, ownNamespace, usualSystemNamespace];
    if (ownNamespace !== undefined && !own.includes(namespace)) {
      const wanted = `secretRef.namespace is "${quoted(String(namespace), 64)}", but Secrets are read from ${ownNamespace} only`;
      return { ok: false, problem: wanted };
    }
    const found = good.kept.get(`Secret/${name}`)?.document;
    if (found?.kind === 'secret') return { ok: true, data: found.data };
    return { ok: false, problem: `secret "${quoted(name, 253)}" is not there, or cannot be read` };
  }

  function kept(ref: MaterialRef): Material {
    const found = memory.get(materialId(ref));
    if (found?.text !== undefined) return { ok: true, text: found.text };
    return { ok: false, problem: problemOf(found) };
  }

  /** Short, whatever the length of the code. */
  function contentOfOne(ref: MaterialRef): readonly unknown[] {
    if (ref.kind !== 'secret') return [memory.get(materialId(ref))?.content];
    const found = secret(ref.name, undefined);
    return found.ok ? [...found.data] : [found.problem];
  }

  return {
    materials: {
      secret,
      configMap: (name, key) => kept({ kind: 'config-map', name, ...(key === undefined ? {} : { key }) }),
      remote: (url, sha256) => kept({ kind: 'remote', url, sha256 }),
      kms: (uri) => kept({ kind: 'kms', uri }),
    },
    contentOf: (refs) => (refs.length === 0 ? '' : digestOf(JSON.stringify(refs.map(contentOfOne)))),
  };
}

function problemOf(found: KeptMaterial | undefined): string {
  return found === undefined ? 'it is not looked up here' : `${found.title}: ${found.problem ?? 'it cannot be had'}`;
}
