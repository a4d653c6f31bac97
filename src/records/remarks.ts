import type { Line } from './chain.ts';

/** What a record says about outages and crashes before it. */
export function remarksOf({ notes: { torn, lost } }: Line): readonly string[] {
  return [
    ...(torn ? [`before this record ${torn.bytes} bytes of an incomplete line were moved to ${torn.keptAs}`] : []),
    ...(lost ? [`before this record ${lost.decisions} decisions since ${lost.since} could not be written`] : []),
  ];
}
