/** What suites can do to the programs of a cluster, which belong to another process: through a socket in its folder. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import type { ControlPlane } from './control-plane.ts';

type Command = 'stopApiServer' | 'startApiServer';

export interface Control {
  readonly socket: string;
  close(): Promise<void>;
}

export async function serveControl(controlPlane: ControlPlane, folder: string): Promise<Control> {
  const commands: Readonly<Record<string, () => Promise<void>>> = {
    '/stopApiServer': () => controlPlane.stopApiServer(),
    '/startApiServer': () => controlPlane.startApiServer(),
  };
  const server = createServer((call, answer) => {
    const command = commands[call.url ?? ''] ?? ((): Promise<void> => Promise.reject(new Error('no such command')));
    command().then(
      () => answer.end(),
      (error: unknown) => answer.writeHead(500).end(String(error)),
    );
  });
  const socket = join(folder, 'control.sock');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socket, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { socket, close };
}

export async function tellCluster(socket: string, command: Command): Promise<void> {
  const dispatcher = new Agent({ connect: { socketPath: socket } });
  try {
    const signal = AbortSignal.timeout(90_000);
    const { statusCode, body } = await request(`http://cluster/${command}`, { method: 'POST', dispatcher, signal });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${command}: ${text}`);
  } finally {
    await dispatcher.close();
  }
}
