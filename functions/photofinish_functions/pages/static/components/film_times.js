// Times in films: how they are written and spoken, and which of them a reader is led to. Pure.

const APART_S = 3; // a runner and her number are often seen best a second apart

/** Seconds as a player shows them: "0:42", "1:02:03". */
export function clock(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A duration in words of `language`: "42 seconds", "1 hour, 2 minutes, 3 seconds". */
export function spoken(seconds, language) {
  const whole = Math.max(Math.round(seconds), 1);
  const parts = [
    ["hour", Math.floor(whole / 3600)],
    ["minute", Math.floor(whole / 60) % 60],
    ["second", whole % 60],
  ];
  const inWords = ([unit, count]) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
  return new Intl.ListFormat(language, { type: "unit", style: "long" }).format(parts.filter(([, count]) => count > 0).map(inWords));
}

/** The times of these boxes, ascending; of those that are hardly apart the first one that is given. Boxes of photos have none. */
export function momentsOf(boxes) {
  const kept = [];
  for (const box of boxes) {
    const at = box?.at_s ?? null;
    if (at !== null && kept.every((other) => Math.abs(at - other) >= APART_S)) kept.push(at);
  }
  return kept.sort((one, other) => one - other);
}

/**
 * What pages show of the film of an API's photo, found or listed: how long it lasts, where the player starts, the moments in which
 * what was searched for is seen, and where scenes begin. null of a photo.
 */
export function filmOf({ in_video: hit = null, video = null, face = null, bib = null, name = null }) {
  if (hit !== null) {
    const boxes = [{ at_s: hit.at_s }, face?.box, bib?.box, name?.face?.box, name?.bib?.box];
    const scenes = hit.scene_start_s === null ? [] : [hit.scene_start_s];
    return { duration_s: hit.duration_s, start_s: hit.at_s ?? 0, moments: momentsOf(boxes), scenes };
  }
  if (video === null) return null;
  return { duration_s: video.duration_s, start_s: 0, moments: [], scenes: video.scenes.map((scene) => scene.start_s) };
}
