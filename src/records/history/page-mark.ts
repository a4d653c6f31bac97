/** Where a page of actions ended: the place of its last record in the order of listing. Opaque to callers. */
export interface ActionMark {
  readonly time: number;
  readonly workflowUid: string;
  readonly step: string;
}

const longest = 4_096;

export function printActionMark({ time, workflowUid, step }: ActionMark): string {
  return Buffer.from(JSON.stringify([time, workflowUid, step])).toString('base64url');
}

export function parseActionMark(text: string): ActionMark | undefined {
  if (text.length > longest) return undefined;
  try {
    const mark: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (!Array.isArray(mark) || mark.length !== 3) return undefined;
    const [time, workflowUid, step]: readonly unknown[] = mark;
    if (typeof time !== 'number' || !Number.isSafeInteger(time)) return undefined;
    return typeof workflowUid === 'string' && typeof step === 'string' ? { time, workflowUid, step } : undefined;
  } catch {
    return undefined;
  }
}
