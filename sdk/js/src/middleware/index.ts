import type { AnalyticsClient } from "../client.ts";

type Keeper = { waitUntil(promise: Promise<unknown>): void };

/** What the middleware needs of Hono's context. */
export interface HonoContext {
  req: { raw: Request };
  res: Response;
  executionCtx?: Keeper;
}

/** Hono's middleware: `app.use("*", analyticsMiddleware(client))` counts and times each request, and breaks none. */
export function analyticsMiddleware(client: AnalyticsClient): (context: HonoContext, next: () => Promise<void>) => Promise<void> {
  return async (context, next) => {
    const started = performance.now();
    let status = 500;
    try {
      await next();
      status = context.res.status;
    } finally {
      note(client, context.req.raw, status, context.res?.headers, started, () => context.executionCtx);
    }
  };
}

/** A fetch handler that counts and times each request of another: `export default { fetch: withAnalytics(client, handler) }`. */
export function withAnalytics<More extends unknown[]>(
  client: AnalyticsClient,
  handler: (request: Request, ...more: More) => Response | Promise<Response>,
): (request: Request, ...more: More) => Promise<Response> {
  return async (request, ...more) => {
    const started = performance.now();
    let answer: Response | undefined;
    try {
      return (answer = await handler(request, ...more));
    } finally {
      note(client, request, answer?.status ?? 500, answer?.headers, started, () => more.at(-1) as Keeper | undefined);
    }
  };
}

/** Takes the event of a request. A worker that sleeps between requests is kept awake until it is sent. */
function note(
  client: AnalyticsClient,
  request: Request,
  status: number,
  headers: Headers | undefined,
  started: number,
  keeper: () => Keeper | undefined,
): void {
  try {
    const size = Number.parseInt(headers?.get("content-length") ?? "", 10);
    client.track("http.request", {
      "http.request.method": request.method,
      "url.path": new URL(request.url).pathname,
      "http.response.status_code": status,
      "http.server.duration_ms": performance.now() - started,
      "http.response.size_bytes": Number.isNaN(size) ? null : size,
      "user_agent.original": request.headers.get("user-agent"),
    });
    const awake = keeper(); // NOTE: Hono's context throws where there is none
    if (typeof awake?.waitUntil === "function") awake.waitUntil(client.flush());
  } catch {
    // The request matters, the count of it does not.
  }
}
