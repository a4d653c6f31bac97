import { asRecord } from '../../src/kernel/strict-json.ts';
import { at } from './objects.ts';

/** Paths of fields that `kubectl explain` has nothing to say about. */
export function undescribed(schema: unknown, path = ''): readonly string[] {
  const members = Object.entries(asRecord(at(schema, 'properties')) ?? {});
  const inside = members.flatMap(([name, member]) => [
    ...(at(member, 'description') === undefined ? [`${path}.${name}`] : []),
    ...undescribed(member, `${path}.${name}`),
  ]);
  const ofObjects = ['.apiVersion', '.kind', '.metadata'];
  const items = at(schema, 'items');
  return [
    ...inside.filter((one) => !ofObjects.includes(one)),
    ...(items === undefined ? [] : undescribed(items, `${path}[]`)),
  ];
}
