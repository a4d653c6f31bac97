/** Takes secrets out of text that others wrote: git and its helpers quote what they were given. */

const shortest = 4;

/** Each secret as it is, line by line, and in the forms that it has in URLs and headers. */
export function redactor(secrets: readonly (string | undefined)[]): (text: string) => string {
  const forms = secrets
    .flatMap((secret) => (secret === undefined ? [] : secret.split(/\r?\n/)))
    .flatMap((line) => [line, encodeURIComponent(line.toWellFormed()), Buffer.from(line).toString('base64')])
    .filter((form) => form.length >= shortest)
    // A longer one may contain a shorter one.
    .toSorted((one, other) => other.length - one.length);
  return (text) => forms.reduce((rest, form) => rest.replaceAll(form, '***'), text);
}
