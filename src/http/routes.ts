import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Logger } from '../ports/logger.ts';
import { sendError, sendJson, sendText, wrongMethod } from './answers.ts';
import { assess, type ReadinessCheck } from './readiness.ts';
import { conversionRoute } from './conversion-route.ts';
import type { Reviewer } from './reviewer.ts';
import { webhookRoute, type WebhookRouteDeps } from './webhook-route.ts';

/** What GET /metrics answers. */
export interface MetricsPage {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface RoutesDeps extends Omit<WebhookRouteDeps, 'reviewer'> {
  /** Absent: this process answers no admission requests. */
  readonly reviewer?: Reviewer;
  readonly metrics: MetricsPage;
  readonly readiness: readonly ReadinessCheck[];
  readonly log: Logger;
}

export function routes(deps: RoutesDeps): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', false);
  const { reviewer } = deps;
  if (reviewer !== undefined) admission(app, { ...deps, reviewer });
  app.get('/healthz', health);
  app.get('/readyz', ready(deps.readiness));
  app.get('/metrics', metrics(deps.metrics));
  app.all(['/healthz', '/readyz', '/metrics'], wrongMethod('GET, HEAD'));
  app.use(unknownPath);
  app.use(unexpected(deps.log));
  return app;
}

function admission(app: Express, deps: WebhookRouteDeps): void {
  const load = { inFlight: 0 };
  app.post('/validate', webhookRoute('validate', deps, load));
  app.post('/mutate', webhookRoute('mutate', deps, load));
  app.post('/resource-conversion', conversionRoute());
  app.all(['/validate', '/mutate', '/resource-conversion'], wrongMethod('POST'));
}

const health: RequestHandler = (_request, response) => {
  sendText(response, 200, 'text/plain', 'ok');
};

function ready(checks: readonly ReadinessCheck[]): RequestHandler {
  return (_request, response) => {
    const readiness = assess(checks);
    sendJson(response, readiness.ready ? 200 : 503, readiness);
  };
}

function metrics(page: MetricsPage): RequestHandler {
  return async (_request, response) => {
    sendText(response, 200, page.contentType, await page.text());
  };
}

const unknownPath: RequestHandler = (_request, response) => {
  sendError(
    response,
    404,
    'There is nothing at this path. Paths are /validate, /mutate, /resource-conversion, /healthz, /readyz, /metrics.',
  );
};

/** Express recognises an error handler by its four parameters. */
function unexpected(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    log.error({ err: error, path: request.path.slice(0, 64) }, 'request failed unexpectedly');
    if (response.headersSent) response.destroy();
    else sendError(response, isBadRequest(error) ? 400 : 500, 'The request could not be answered.');
  };
}

/** What express itself refuses, e.g. a path that is not valid percent-encoding. */
function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400;
}
