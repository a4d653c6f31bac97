/** The least that a webhook can be: TLS, express, the body parsed, everything allowed. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { answerQuestions, tell, workDone } from './child.ts';

const [, , folder = ''] = process.argv;
const app = express();
app.disable('x-powered-by').disable('etag');
app.use(express.json({ limit: '8mb' }));
app.post('/validate', (request, response) => {
  // What the bench sends is an AdmissionReview.
  const review = request.body as { request: { uid: string } };
  response.json({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: review.request.uid, allowed: true },
  });
});
const tls = { cert: readFileSync(`${folder}/tls.crt`), key: readFileSync(`${folder}/tls.key`) };
const server = createServer(tls, app);
answerQuestions(async () => workDone());
server.listen(0, '127.0.0.1', () => {
  // A server that listens on a port has this kind of address.
  tell({ port: (server.address() as AddressInfo).port });
});
