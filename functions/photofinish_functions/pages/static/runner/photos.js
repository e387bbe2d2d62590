// From the API's photos to those that the grid and the full screen show, and what a photo was found by. Pure.

import { counted, t, timeOfDay } from "../messages.js";

/** A found photo or a listed one, as `<pf-grid>` takes it. `source` is the API's. */
export function shown(source, favourites) {
  const image = source.image ?? source;
  const why = reasons(source);
  return {
    id: source.photo.photo_id,
    width: image.width ?? 3,
    height: image.height ?? 2,
    thumbnail: source.renditions.thumbnail?.url ?? null,
    preview: source.renditions.preview?.url ?? null,
    placeholder: source.placeholder ?? null,
    stack: source.burst?.size ?? 1,
    label: labelOf(source, image),
    mark: favourites.has(source.photo.photo_id),
    tags: why,
    source,
  };
}

/** The photos with those that are folded under them; each has as `at` the index of the one that shows it in the grid. */
export function unfolded(photos, favourites) {
  return photos.flatMap((photo, at) => [
    { ...photo, at },
    ...(photo.source.burst?.photos ?? []).map((folded) => ({ ...shown(folded, favourites), at })),
  ]);
}

/** Why a photo was found: its face, its number, or a near miss. */
export function reasons({ face = null, bib = null }) {
  const why = [];
  if (isMaybe({ face, bib })) why.push({ text: t("maybe_you"), short: t("maybe_you"), kind: "maybe" });
  if (face !== null) why.push({ text: t("found_by_face"), icon: "face" });
  if (bib !== null) why.push({ text: t("found_by_number", { bib: bib.number }), icon: "number", short: bib.number });
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

function labelOf(source, image) {
  const taken = source.corrected_at ?? source.taken_at ?? image.taken_at ?? null;
  const label = taken === null ? t("a_photo") : t("photo_taken_at", { time: timeOfDay(taken) });
  return source.burst?.size > 1 ? `${label}, ${counted("of_burst", source.burst.size)}` : label;
}
