/** Repositories over HTTP as a forge has them, with a name and a password if asked for. */
import { answer as answerGit } from '../actions/git-server.ts';
import { startWebServer, type Tls, type WebServer } from './web-server.ts';

export const login = { username: 'somebody', password: 'p@ss/word: 1' };
export const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;

export interface ForgeOptions {
  /** Only who knows `login` is let in. */
  readonly isClosed?: boolean;
  readonly tls?: Tls;
  /** 0: as servers were before 2018, which give away only commits that a branch or a tag names. */
  readonly protocol?: 0;
}

/** `folder`: holds bare repositories. */
export function startForge(folder: string, { isClosed = false, tls, protocol }: ForgeOptions = {}): Promise<WebServer> {
  return startWebServer((request, response) => {
    if (isClosed && request.headers.authorization !== authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    if (protocol === 0) delete request.headers['git-protocol'];
    void answerGit(folder, request, response).catch(() => response.destroy());
  }, tls);
}

/** Sends everybody to the same path elsewhere. */
export function startRedirect(to: string, tls?: Tls): Promise<WebServer> {
  return startWebServer((request, response) => {
    response.writeHead(302, { location: `${to}${request.url ?? ''}` }).end();
  }, tls);
}
