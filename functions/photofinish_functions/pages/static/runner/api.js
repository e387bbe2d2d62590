// Calls of the API. Everything that can go wrong becomes a Problem, with a sentence for people in their language.

import { counted, has, t } from "../messages.js";

const PATIENCE_MS = 30_000;

/** Why a call failed: the API's error code, or `offline` if no answer came. */
export class Problem extends Error {
  constructor({ code, message, status = 0, retryAfterS = null }) {
    super(message);
    Object.assign(this, { code, status, retryAfterS });
  }

  /** What to tell the reader. */
  get sentence() {
    if (this.code === "rate_limited" && this.retryAfterS > 60) return counted("rate_limited_for", Math.ceil(this.retryAfterS / 60));
    return has(`error_${this.code}`) ? t(`error_${this.code}`) : this.message;
  }
}

/** Call `/v1{path}` and return the answer's JSON; null where it has none. Raises Problem. */
export async function call(method, path, { json, form, signal } = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const request = { method, signal: signal ? AbortSignal.any([signal, patience]) : patience, headers: {} };
  if (json !== undefined) {
    request.body = JSON.stringify(json);
    request.headers["Content-Type"] = "application/json";
  } else if (form !== undefined) {
    request.body = form;
  }
  let answer;
  let text;
  try {
    answer = await fetch(`/v1${path}`, request);
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ code: "offline", message: String(error) });
  }
  const body = parsed(text);
  if (answer.ok) return body;
  const { code = "internal", message = answer.statusText } = body?.error ?? {};
  const wait = Number(answer.headers.get("Retry-After"));
  throw new Problem({ code, message, status: answer.status, retryAfterS: Number.isFinite(wait) && wait > 0 ? wait : null });
}

/** The path of an album below `/v1`. */
export const albumPath = (album) => `/albums/${encodeURIComponent(album)}`;

function parsed(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
