// What the page says: the messages that the server put into it, numbers and dates as the reader's language writes them.

const messages = JSON.parse(document.getElementById("messages").textContent);
export const language = document.documentElement.lang;
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);
const days = new Intl.DateTimeFormat(language, { dateStyle: "long" });
const times = new Intl.DateTimeFormat(language, { timeStyle: "short" });

/** The message `key` with `values` in its braces; numbers are formatted. */
export function t(key, values = {}) {
  const text = messages[key];
  if (text === undefined) throw new Error(`there is no message ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? numbers.format(values[name]) : values[name]));
}

/** The message `key#one`, `key#other`, … that suits `count`. */
export function counted(key, count, values = {}) {
  const category = plurals.select(count);
  return t(`${key}#${category}` in messages ? `${key}#${category}` : `${key}#other`, { count, ...values });
}

/** Whether there is a message `key`: of error codes, not all have one. */
export const has = (key) => key in messages;

/** A day, `2026-05-01`, in words. */
export function day(date) {
  return days.format(new Date(`${date}T12:00:00`));
}

/** Several things in one sentence: "0:03 and 1:23". */
export const together = (texts) => new Intl.ListFormat(language, { type: "conjunction" }).format(texts);

/** A time of day of `2026-05-01T10:15:00`, as the camera's clock said it. */
export function timeOfDay(taken) {
  return times.format(new Date(taken.slice(0, 19)));
}
