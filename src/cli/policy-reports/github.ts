/** GitHub's workflow commands: annotations in the files of a pull request. */
import type { CheckedThing } from './outcome.ts';

/** One line for each message; what is fine says nothing. GitHub Actions: workflow commands for GitHub Actions */
export function githubAnnotations(things: readonly CheckedThing[]): string {
  return things
    .flatMap((thing) => [
      ...thing.errors.map((text) => annotation('error', thing, text)),
      ...thing.warnings.map((text) => annotation('warning', thing, text)),
    ])
    .join('');
}

function annotation(level: 'error' | 'warning', { group, name, place }: CheckedThing, text: string): string {
  const line = place?.lineOf?.(text) ?? place?.line;
  const about = [
    ...(place === undefined ? [] : [`file=${property(place.file)}`, `line=${line}`]),
    `title=${property(`${group}: ${name}`)}`,
  ];
  return `::${level} ${about.join(',')}::${data(text)}\n`;
}

/** As actions/toolkit writes them; whoever reads lines must find no other command in them. */
function data(text: string): string {
  return text.replace(/[%\r\n]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
