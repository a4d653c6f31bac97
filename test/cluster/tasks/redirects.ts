/** Pages that a careful reader does not follow to their end. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addressForPods } from '../../actions/git-server.ts';

export interface Redirects {
  readonly origin: string;
  close(): void;
}

const chunk = Buffer.alloc(1024 * 1024, 'x');
/** Nobody reads this much. */
const most = 1024;

export async function startRedirects(): Promise<Redirects> {
  const address = await addressForPods();
  const server = createServer((request, response) => {
    if (request.url === '/to-metadata') {
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    } else if (request.url === '/endless') {
      let sent = 0;
      const more = (): void => {
        while (!response.destroyed && sent < most) {
          sent += 1;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, address, resolve);
  });
  // It listens on an address and a port.
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${address}:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
