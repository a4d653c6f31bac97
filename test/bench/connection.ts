/**
 * One kept-alive HTTPS connection with one request under way at a time, as an API server's. By hand, because a general
 * client costs more than the servers that are to be measured, and would be what is measured.
 */
import { connect, type TLSSocket } from 'node:tls';

export class Connection {
  readonly #socket: TLSSocket;
  #received: Buffer = Buffer.alloc(0);
  #answer: ((response: string) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
    const fail = (error?: Error): void => this.#failed?.(error ?? new Error('the server closed the connection'));
    socket.on('error', fail).on('close', () => {
      fail();
    });
  }

  static open(port: number, ca: string): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca, ALPNProtocols: ['http/1.1'] });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject).setNoDelay(true);
        resolve(new Connection(socket));
      });
    });
  }

  /** The whole response, head and body. */
  exchange(request: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const text = this.#received.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
    if (Number.isNaN(length)) return this.#failed?.(new Error('the response has no length'));
    if (text.length < head + 4 + length) return;
    this.#received = Buffer.alloc(0);
    this.#answer?.(text);
  }
}

export function postRequest(path: string, body: string): Buffer {
  const length = Buffer.byteLength(body);
  const head = [
    `POST ${path}?timeout=10s HTTP/1.1`,
    'Host: countersign.countersign.svc:443',
    'User-Agent: kube-apiserver-admission',
    `Content-Length: ${length}`,
    'Accept: application/json, */*',
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
