/** Nine names for nine lists of nine names, and so on: a few lines that become gigabytes when they are unfolded. */
export const aliasBomb = bomb(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']);

function bomb(names: readonly string[]): string {
  const lines = names.map((name, index) => {
    const item = index === 0 ? 'x' : `*${names[index - 1]}`;
    return `${name}: &${name} [${Array.from({ length: 9 }, () => item).join(', ')}]\n`;
  });
  return lines.join('');
}
