/** The console over HTTPS, as a person with a token uses it. */
import { Agent, request } from 'undici';

export interface Page {
  readonly status: number;
  readonly text: string;
}

type Somebody = { readonly token: string };

export interface Console {
  get(person: Somebody, path: string): Promise<Page>;
  /** A form; `site` is where a browser says that it was sent from. */
  post(person: Somebody, path: string, fields: Readonly<Record<string, string>>, site?: string): Promise<Page>;
  close(): Promise<void>;
}

/** `caBundle`: base64 of PEM. */
export function consoleAt(url: string, caBundle: string): Console {
  const dispatcher = new Agent({ connect: { ca: Buffer.from(caBundle, 'base64') } });
  const send = async (
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Page> => {
    const signal = AbortSignal.timeout(15_000);
    const answer = await request(`${url}${path}`, { method, dispatcher, headers, body: body ?? null, signal });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  const known = ({ token }: Somebody) => ({ authorization: `Bearer ${token}` });
  return {
    get: (person, path) => send('GET', path, known(person)),
    post: (person, path, fields, site = 'same-origin') => {
      const type = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': site };
      return send('POST', path, { ...known(person), ...type }, new URLSearchParams(fields).toString());
    },
    close: () => dispatcher.close(),
  };
}

/** A page without its markup. */
export function words(text: string): string {
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}
