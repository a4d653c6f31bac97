/** The webhook as `countersign webhook` starts it, in a process that also listens to its own event loop on demand. */
import { jsonLog } from '../../src/adapters/log/json-log.ts';
import { startWebhook } from '../../src/cli/start-webhook.ts';
import { answerQuestions, tell, workDone } from './child.ts';
import { listenClosely, type Probe } from './event-loop-probe.ts';

export type WebhookQuestion = 'begin listening' | 'deafness' | 'work';

const [, , folder = '', registry = ''] = process.argv;
const webhook = await startWebhook(
  {
    listen: { host: '127.0.0.1', port: 0 },
    policies: [`${folder}/policies`],
    namespace: 'countersign-system',
    onNoMatch: 'deny',
    decisionLog: { file: `${folder}/decisions.jsonl`, maxBytes: 100 * 1024 * 1024, maxFiles: 10 },
    onDecisionLogFailure: 'refuse',
    tls: { cert: `${folder}/tls.crt`, key: `${folder}/tls.key` },
    registry: { insecure: [registry], ca: new Map() },
    drainSeconds: 0,
  },
  jsonLog(),
);

let probe: Probe | undefined;
answerQuestions(async ({ about }: { readonly about: WebhookQuestion }): Promise<object> => {
  switch (about) {
    case 'begin listening':
      probe = listenClosely();
      return {};
    case 'deafness':
      return probe?.stop() ?? {};
    case 'work':
      return workDone();
  }
});
tell({ port: webhook.address.port });
