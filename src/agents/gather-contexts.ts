/** All contexts in their order, as long as they can fit: 500 of them may name one large ConfigMap 500 times. */
import { fail, ok, type Result } from '../kernel/result.ts';
import { bytesOf, maxBytes, maxFiles } from './context-config-map.ts';
import { piecesOf, type Piece, type Surroundings } from './context-pieces.ts';
import type { ContextItem } from './model.ts';

export interface LabelledContext {
  readonly item: ContextItem;
  /** Where it was written. */
  readonly namespace: string;
  /** For people. */
  readonly by: string;
}

export interface LabelledPiece {
  readonly piece: Piece;
  readonly by: string;
}

/** A failure is a sentence that begins with the context. */
export function gatherContexts(
  contexts: readonly LabelledContext[],
  around: Surroundings,
): Result<readonly LabelledPiece[], string> {
  const all: LabelledPiece[] = [];
  let bytes = 0;
  for (const { item, namespace, by } of contexts) {
    const pieces = piecesOf(item, namespace, around);
    if (!pieces.ok) return fail(`${by}: ${pieces.failure}`);
    for (const piece of pieces.value) {
      bytes += bytesOfPiece(piece);
      all.push({ piece, by });
    }
    if (bytes > maxBytes || all.length > maxFiles) return fail(tooMuch(by, bytes, all.length));
  }
  return ok(all);
}

function tooMuch(by: string, bytes: number, count: number): string {
  const found =
    bytes > maxBytes ? `${bytes} bytes together, and a ConfigMap holds ${maxBytes}` : `${count} files together`;
  return `${by} and those before it have ${found}; take less, or fetch it with a Git context`;
}

function bytesOfPiece(piece: Piece): number {
  if (piece.kind === 'file') return bytesOf(piece.file.content);
  return piece.kind === 'block' ? Buffer.byteLength(piece.block.content) : 0;
}
