/** All of a body, or undefined when it is longer than allowed: leaving the loop ends the connection, so the rest is never read. */
export async function readAtMost(
  body: AsyncIterable<unknown> | Iterable<unknown>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    // Bodies of undici, node:http and fetch yield bytes unless they are given an encoding.
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > maxBytes) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
