// The public API as the console calls it: with the cookie of the sign-in, errors as sentences, repetitions that are safe.

import { has, t } from "../messages.js";

const ATTEMPTS = 5;
const LONGEST_WAIT_S = 30;

/** An answer that is an error: its `status` and `code`, and a message to show. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let whenSignedOut = () => {};

/** Call `listener` whenever the API says that the sign-in has ended. */
export function onSignedOut(listener) {
  whenSignedOut = listener;
}

/** The path of an album, or of something in it: `albumPath("spring-10k", "photos", id)`. */
export const albumPath = (album, ...below) => `/albums/${[album, ...below].map(encodeURIComponent).join("/")}`;

/** Ask `/v1{path}`, and return the answer's JSON. What is changed is changed once, however often the request is repeated. */
export async function api(method, path, { query = {}, body, signal, headers = {}, retry = true } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (method === "POST" && !sent["Idempotency-Key"]) sent["Idempotency-Key"] = crypto.randomUUID();
  const options = { method, signal, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) };
  const answer = await answered(`/v1${path}${queryText(query)}`, options, retry ? ATTEMPTS : 1);
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  throw await errorOf(answer, path);
}

/** Every item of a list that comes in pages: `for await (const person of items(path, "people"))`. */
export async function* items(path, field, { query = {}, signal } = {}) {
  let cursor;
  do {
    const page = await api("GET", path, { query: { ...query, cursor }, signal });
    yield* page[field];
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** Wait until the browser has a network, if it knows that it has none, and some seconds. */
export async function pause(seconds, signal) {
  if (!navigator.onLine) await new Promise((resolve) => window.addEventListener("online", resolve, { once: true }));
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  signal?.throwIfAborted();
}

async function answered(url, options, attempts) {
  for (let attempt = 1; ; attempt += 1) {
    let answer = null;
    try {
      answer = await fetch(url, options);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      if (attempt === attempts) throw new ApiError(0, "offline", t("error_offline"));
    }
    const isBusy = answer !== null && [429, 503].includes(answer.status) && answer.headers.has("Retry-After");
    if (answer !== null && (!isBusy || attempt === attempts)) return answer;
    const wait_s = Number(answer?.headers.get("Retry-After")) || 2 ** (attempt - 2);
    await pause(Math.min(wait_s, LONGEST_WAIT_S), options.signal);
  }
}

async function errorOf(answer, path) {
  const error = (await answer.json().catch(() => ({}))).error ?? {};
  if (answer.status === 401 && path !== "/sessions") whenSignedOut();
  const key = `error_${error.code}`;
  return new ApiError(answer.status, error.code ?? "unknown", has(key) ? t(key) : (error.message ?? t("error_unknown")));
}

function queryText(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
