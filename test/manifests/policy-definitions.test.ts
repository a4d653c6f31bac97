/**
 * The kinds of policy.sigstore.dev beside those of sigstore policy-controller 0.15.1, field by field. The fixture is its
 * config/300-*.yaml, flattened: type, format, required and whether unknown members stay.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { manifests } from './render.ts';

interface Field {
  readonly type?: string | null;
  readonly format?: string;
  readonly required?: readonly string[];
  readonly open?: true;
}

interface Definition {
  readonly scope: string;
  readonly names: object;
  readonly versions: readonly (Named & { readonly fields: Readonly<Record<string, Field>> })[];
}

interface Named {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly subresources: object;
}

interface Written {
  readonly spec: {
    readonly scope: string;
    readonly names: object;
    readonly conversion: { readonly strategy: string };
    readonly versions: readonly (Named & {
      readonly additionalPrinterColumns: readonly { readonly name: string }[];
      readonly schema: { readonly openAPIV3Schema: unknown };
    })[];
  };
}

const fixture = new URL('../fixtures/policy-controller/definitions.json', import.meta.url);
// Both files are in this repository.
const theirs = JSON.parse(readFileSync(fixture, 'utf8')) as Readonly<
  Record<'ClusterImagePolicy' | 'TrustRoot', Definition>
>;
const ours = (file: string): Written => parse(readFileSync(join(manifests, 'crds', file), 'utf8'));

function flatten(schema: unknown, path = ''): readonly (readonly [string, Field])[] {
  const { type, format, required, properties, items, ...rest } = asRecord(schema) ?? {};
  const isOpen = rest['x-kubernetes-preserve-unknown-fields'] === true;
  const field = { type, ...(format === undefined ? {} : { format }), ...(required === undefined ? {} : { required }) };
  return [
    // Schemas hold nothing else in these members.
    [path, { ...field, ...(isOpen ? { open: true } : {}) } as Field],
    ...Object.entries(asRecord(properties) ?? {}).flatMap(([name, inner]) => flatten(inner, `${path}.${name}`)),
    ...(items === undefined ? [] : flatten(items, `${path}[]`)),
  ];
}

/** Which everybody's objects have, and what the background scan tells. */
const added = [
  '.apiVersion',
  '.kind',
  '.metadata',
  '.status.matched',
  '.status.matched.images',
  '.status.matched.observedAt',
];
/** Labels are texts: anything else could not be compared. */
const narrowed = '.spec.match[].selector.matchLabels';

describe.each([
  ['ClusterImagePolicy', 'clusterimagepolicies.yaml', ['v1alpha1', 'v1beta1']],
  ['TrustRoot', 'trustroots.yaml', ['v1alpha1']],
] as const)('%s', (kind, file, versions) => {
  const { spec } = ours(file);

  test('has the same names, scope and versions', () => {
    expect(spec.names).toMatchObject(theirs[kind].names);
    expect(spec.scope).toBe(theirs[kind].scope);
    const named = ({ name, served, storage, subresources }: Named) => ({ name, served, storage, subresources });
    expect(spec.versions.map(named)).toEqual(theirs[kind].versions.map(named));
  });

  test.each(versions)('%s has the same fields', (version) => {
    const written = spec.versions.find(({ name }) => name === version);
    const wanted = theirs[kind].versions.find(({ name }) => name === version);
    const fields = Object.fromEntries(
      flatten(written?.schema.openAPIV3Schema).filter(([path]) => !added.includes(path)),
    );
    const expected = Object.entries(wanted?.fields ?? {}).map(([path, field]) => [
      path,
      path === narrowed ? { type: 'object' } : field,
    ]);
    expect(expected.length).toBeGreaterThan(30);
    expect(fields).toEqual(Object.fromEntries(expected));
  });

  test('says in columns whether it is in force, and needs no webhook to be read', () => {
    for (const { additionalPrinterColumns } of spec.versions)
      expect(additionalPrinterColumns.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['Ready', 'Reason', 'Age']),
      );
    expect(spec.conversion.strategy).toBe('None');
  });
});

test('both versions of ClusterImagePolicy have one schema', () => {
  const [first, second] = ours('clusterimagepolicies.yaml').spec.versions;
  expect(second?.schema).toEqual(first?.schema);
});
