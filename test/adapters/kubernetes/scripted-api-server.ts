import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';

export interface Call {
  /** e.g. "GET /api/v1/pods". */
  readonly line: string;
  readonly query: Readonly<Record<string, string>>;
  readonly accept: string | undefined;
  readonly body: unknown;
}

/** An API server that answers as a test says, and keeps what it was asked. */
export interface ScriptedApiServer {
  readonly kubeConfig: KubeConfig;
  readonly calls: Call[];
  close(): Promise<void>;
}

/** What is answered to a call: a status, or a body for 200; 404 for undefined. */
export type Script = (call: Call) => number | object | undefined;

export async function scriptedApiServer(script: Script): Promise<ScriptedApiServer> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    void text(request).then((sent) => {
      const url = new URL(request.url ?? '/', 'http://fake');
      const call: Call = {
        line: `${request.method ?? ''} ${url.pathname}`,
        query: Object.fromEntries(url.searchParams),
        accept: request.headers.accept,
        body: sent === '' ? undefined : JSON.parse(sent),
      };
      calls.push(call);
      const answer = script(call) ?? 404;
      const [status, body] = typeof answer === 'number' ? [answer, { kind: 'Status' }] : [200, answer];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'tester' },
  );
  return {
    kubeConfig,
    calls,
    async close() {
      await new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      });
    },
  };
}
