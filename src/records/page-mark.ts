/** Where a page ended: the place of its last record in the order of listing. Opaque to callers. */
export interface PageMark {
  readonly time: number;
  readonly chain: number;
  readonly sequence: number;
}

export function printMark({ time, chain, sequence }: PageMark): string {
  return Buffer.from(`${time}.${chain}.${sequence}`).toString('base64url');
}

export function parseMark(text: string): PageMark | undefined {
  if (text.length > 128) return undefined;
  const found = /^(-?\d{1,15})\.(\d{1,16})\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (found === null) return undefined;
  const [time, chain, sequence] = found.slice(1).map(Number);
  if (time === undefined || chain === undefined || sequence === undefined) return undefined;
  return [time, chain, sequence].every(Number.isSafeInteger) ? { time, chain, sequence } : undefined;
}
