// The film of a photo's view: the player in place of the picture, for those who may play it, and the moments of who is in it.

import { filmPlayer, jumpsOf, notHere } from "../../components/film.js";
import { clock, filmOf, spoken } from "../../components/film_times.js";
import { el, icon } from "../../elements.js";
import { language, t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { baseName } from "../formats.js";

/** `{element, jump, file}` of a video, `picture` being its poster; `jump` and `file` are null where it cannot be played here. */
export async function filmStage(photo, picture, signal) {
  const { album, photo_id: id, name } = photo.photo;
  const { has_originals: hasOriginals } = await api("GET", albumPath(album), { signal });
  if (!hasOriginals) return { element: el("div", { class: "stack" }, picture, notHere()), jump: null, file: null };
  const film = filmOf(photo);
  const file = `/v1${albumPath(album, "photos", id)}/download?size=original`;
  const label = `${t("video_of", { duration: spoken(film.duration_s, language) })}, ${baseName(name)}`;
  const player = filmPlayer({ film, source: file, saved: file, poster: photo.renditions.preview?.url, label });
  if (photo.image !== null) player.element.style.setProperty("aspect-ratio", `${photo.image.width} / ${photo.image.height}`);
  signal.addEventListener("abort", () => player.stop());
  const element = el("div", { class: "film-stage" }, player.element);
  const jumps = jumpsOf(film, player.jump);
  if (jumps !== null) element.append(jumps);
  return { element, jump: player.jump, file };
}

/** The moment of a person or number in a film: a button that jumps there, or what time it is. */
export function momentButton(at, jump) {
  const time = clock(at);
  if (jump === null) return el("span", { class: "soft small", text: t("at_times", { times: time }) });
  return el("button", { type: "button", class: "button quiet small", "aria-label": t("play_from", { time }), on: { click: () => jump(at) } }, icon("play"), time);
}
