/** Contexts without a place of their own, as blocks of one file that the agent reads as instructions. */

export interface ContextBlock {
  readonly name: string;
  readonly namespace: string;
  readonly type: string;
  readonly content: string;
}

export function contextBlocks(blocks: readonly ContextBlock[]): string {
  return blocks.map(blockOf).join('\n\n');
}

function blockOf({ name, namespace, type, content }: ContextBlock): string {
  const attributes = `name="${escaped(name)}" namespace="${escaped(namespace)}" type="${escaped(type)}"`;
  return `<context ${attributes}>\n${inside('context', content)}\n</context>`;
}

/** KubeTask: what several contexts put into one file. */
export function indexedBlocks(contents: readonly string[]): string {
  const blocks = contents.map(
    (content, index) => `<context index="${index}">\n${inside('context', content)}\n</context>`,
  );
  return blocks.join('\n\n');
}

/** All files of a ConfigMap, in the order of their names. */
export function fileBlocks(files: ReadonlyMap<string, string>): string {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, text]) => `<file name="${escaped(name)}">\n${inside('file', text)}\n</file>`).join('\n');
}

/**
 * Content is left as it is: models read code better without &lt;. But whoever writes one context must not be able to end
 * its block and go on as another, say as the Agent's own; a text about such tags is no reason to refuse the Task, so its
 * closing tags are broken with a backslash.
 */
function inside(tag: 'context' | 'file', content: string): string {
  return content.replace(new RegExp(`<(\\s*)/(?=\\s*${tag})`, 'gi'), '<$1\\/');
}

function escaped(value: string): string {
  return value.replace(/[&<>"\p{Cc}]/gu, (char) => `&#${char.codePointAt(0) ?? 0};`);
}
