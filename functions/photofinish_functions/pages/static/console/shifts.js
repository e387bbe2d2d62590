// Shifts of cameras' clocks as people write them: hours, minutes and seconds with a sign. Pure.

const SHIFT = /^([-+−]?)(\d{1,4}):([0-5]?\d)(?::([0-5]?\d))?$/;
const SURE = 0.7; // as `photofinish cameras --find --apply`

/** `3725` as `+1:02:05`; no shift is `0:00`. */
export function shiftText(seconds) {
  const whole = Math.abs(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const sign = seconds > 0 ? "+" : seconds < 0 ? "-" : "";
  return `${sign}${hours}:${two(minutes)}${rest > 0 ? `:${two(rest)}` : ""}`;
}

/** The seconds of `+1:02:05`, `-0:30` or nothing at all; null if it is something else. */
export function shiftOf(text) {
  const plain = text.trim();
  if (plain === "") return 0;
  const found = SHIFT.exec(plain);
  if (found === null) return null;
  const [, sign, hours, minutes, seconds = "0"] = found;
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === "-" || sign === "−" ? -whole || 0 : whole;
}

/** Whether a found shift may be taken over without a look at the photos. */
export const isSure = (found) => found !== null && found.confidence >= SURE;
