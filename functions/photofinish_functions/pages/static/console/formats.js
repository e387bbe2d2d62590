// Numbers, sizes, times and durations as the reader's language writes them.

import { counted, language, t } from "../messages.js";

const number = new Intl.NumberFormat(language);
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export const count = (value) => number.format(value);
export const share = (value) => percent.format(value);
/** An amount of dollars: exact to the cent, or to a hundredth of one where it is less than a dollar. */
export const dollars = (usd) => new Intl.NumberFormat(language, { style: "currency", currency: "USD", maximumFractionDigits: usd < 1 ? 4 : 2 }).format(usd);
export const at = (time) => moment.format(new Date(time));
export const atClock = (time) => clock.format(new Date(time));

/** A rate, with a decimal where it is small. */
export const rate = (perSecond) => number.format(perSecond >= 10 ? Math.round(perSecond) : Math.round(perSecond * 10) / 10);

/** The name of a file without its folders. */
export const baseName = (name) => name.slice(name.lastIndexOf("/") + 1);

/** The name of a photo below its album. */
export const below = (photo) => photo.name.slice(photo.album.length + 1);

export function bytes(size) {
  const step = Math.min(Math.floor(Math.log(Math.max(size, 1)) / Math.log(1000)), UNITS.length - 1);
  const digits = step > 1 ? 1 : 0;
  const format = new Intl.NumberFormat(language, { style: "unit", unit: UNITS[step], maximumFractionDigits: digits });
  return format.format(size / 1000 ** step);
}

/** A duration that is good to know roughly: "40 seconds", "12 minutes", "3 hours". */
export function duration(seconds) {
  if (seconds < 90) return counted("seconds", Math.max(Math.round(seconds), 1));
  if (seconds < 90 * 60) return counted("minutes", Math.round(seconds / 60));
  return counted("hours", Math.round(seconds / 3600));
}

/** Who did something, without the technical prefix. */
export const byWhom = (principal) => principal ?? t("unknown_caller");
