// From the API's photos to those that the grid and the full screen show, and what a photo was found by. Pure.

import { clock, filmOf, spoken } from "../components/film_times.js";
import { counted, language, t, timeOfDay, together } from "../messages.js";

const NO_TAGS = [];
const NOTHING_FOUND = {};

/** A photo as `<pf-grid>` takes it; what it is called is only made of those that are looked at. */
class Shown {
  constructor(source, favourites) {
    const image = source.image ?? source;
    this.id = source.photo.photo_id;
    this.width = image.width ?? 3;
    this.height = image.height ?? 2;
    this.placeholder = source.placeholder ?? null;
    this.stack = source.burst?.size ?? 1;
    this.taken = source.corrected_at ?? source.taken_at ?? image.taken_at ?? null;
    this.film = filmOf(source);
    this.mark = favourites.has(this.id);
    this.relink(source);
  }

  /** Take the links of the API's photo, which end after a quarter of an hour. */
  relink({ renditions }) {
    this.thumbnail = renditions.thumbnail?.url ?? null;
    this.preview = renditions.preview?.url ?? null;
  }

  get label() {
    if (this.film !== null) return filmLabel(this);
    const label = this.taken === null ? t("a_photo") : t("photo_taken_at", { time: timeOfDay(this.taken) });
    return this.stack > 1 ? `${label}, ${counted("of_burst", this.stack)}` : label;
  }
}

function filmLabel({ film, taken }) {
  const label = t("video_of", { duration: spoken(film.duration_s, language) });
  return taken === null ? label : `${label}, ${timeOfDay(taken)}`;
}

/** A found photo; `source` is the API's. */
export function shown(source, favourites) {
  return Object.assign(new Shown(source, favourites), { tags: reasons(source), source });
}

/** One of all photos of an album: nothing is kept but what is shown, because there may be ten thousand. */
export function listed(source, favourites) {
  return Object.assign(new Shown(source, favourites), { tags: NO_TAGS, source: NOTHING_FOUND });
}

/** The photos with those that are folded under them; each has as `at` the index of the one that shows it in the grid. */
export function unfolded(photos, favourites) {
  return photos.flatMap((photo, at) => [
    Object.assign(Object.create(photo), { at }),
    ...(photo.source.burst?.photos ?? []).map((folded) => Object.assign(shown(folded, favourites), { at })),
  ]);
}

/** Why a photo was found: its face, its number, or a near miss; and where in a film. */
export function reasons(source) {
  const { face = null, bib = null } = source;
  const why = [];
  if (isMaybe({ face, bib })) why.push({ text: t("maybe_you"), short: t("maybe_you"), kind: "maybe" });
  if (face !== null) why.push({ text: t("found_by_face"), icon: "face" });
  if (bib !== null) why.push({ text: t("found_by_number", { bib: bib.number }), icon: "number", short: bib.number });
  const times = filmOf(source)?.moments.map(clock) ?? [];
  if (times.length > 0) why.push({ text: t("in_film_at", { times: together(times) }), short: t("at_times", { times: together(times) }) });
  return why;
}

/** Whether a found photo may as well show another person. */
export function isMaybe({ face = null, bib = null }) {
  const isSureFace = face !== null && face.is_certain;
  const isSureBib = bib !== null && !bib.partial && (!bib.inferred || bib.confirmed);
  return (face !== null || bib !== null) && !isSureFace && !isSureBib;
}

/** The face that "is this you?" asks about; null if none is known. */
export function faceOf({ face = null, bib = null }) {
  return face?.face_id ?? bib?.face_id ?? null;
}

/** When the first link of these photos ends, in ms since 1970. */
export function linksEnd(sources) {
  const ends = sources.flatMap(({ renditions }) => Object.values(renditions).filter(Boolean).map((link) => Date.parse(link.expires_at)));
  return Math.min(...ends);
}
