// A film: a player that starts where someone is seen, and buttons that jump to other moments and to scenes.

import { el, icon } from "../elements.js";
import { t } from "../messages.js";
import { clock } from "./film_times.js";

const RENEW_AFTER_MS = 60_000; // the link to a film ends after a quarter of an hour: the address of the API leads to a new one
const NETWORK = 2; // MediaError.MEDIA_ERR_NETWORK

/**
 * A player of `film` (as `filmOf` gives it), whose file the address `source` leads to. Where the browser cannot play it, it says so,
 * with a link to `saved`. `{element, jump(seconds), stop()}`.
 */
export function filmPlayer({ film, source, saved, poster, label }) {
  const video = el("video", { controls: true, preload: "metadata", playsinline: true, poster, "aria-label": label, src: source });
  const element = el("div", { class: "film-player" }, video);
  let wanted = film.start_s;
  let renewedAt = performance.now();
  const unplayable = (sentence) => {
    video.remove();
    const link = el("a", { class: "button", href: saved, target: "_blank", rel: "noopener" }, icon("download"), t("download_film"));
    const words = el("div", { class: "film-trouble", role: "alert" }, el("p", { text: t(sentence) }), link);
    element.replaceChildren(...(poster ? [el("img", { src: poster, alt: label })] : []), words);
  };
  video.addEventListener("loadedmetadata", () => {
    // Only the sound of it can be played.
    if (video.videoWidth === 0) unplayable("film_unplayable");
    else video.currentTime = wanted;
  });
  video.addEventListener("error", () => {
    const { code } = video.error;
    if (code !== NETWORK) return unplayable("film_unplayable");
    const now = performance.now();
    if (now - renewedAt < RENEW_AFTER_MS) return unplayable("film_lost");
    renewedAt = now;
    wanted = video.currentTime;
    video.src = source;
    return video.play().catch(() => {});
  });
  return {
    element,
    jump(seconds) {
      if (!video.isConnected) return;
      wanted = seconds;
      if (video.readyState > 0) video.currentTime = seconds;
      // Browsers may refuse to play until the reader presses the player itself: it is at the right place then.
      video.play().catch(() => {});
    },
    /** Load no more of it. */
    stop() {
      video.pause();
      video.removeAttribute("src");
      video.remove();
    },
  };
}

/** Buttons for the moments and scenes of a film; null if it has none. */
export function jumpsOf({ moments, scenes }, jump) {
  const button = (at) =>
    el("button", { type: "button", class: "jump", "aria-label": t("play_from", { time: clock(at) }), on: { click: () => jump(at) } }, icon("play"), clock(at));
  const group = (label, times) => el("div", { class: "jumps", role: "group", "aria-label": label }, el("span", { text: label }), ...times.map(button));
  const others = scenes.filter((at) => !moments.includes(at));
  const groups = [
    moments.length > 0 ? group(t("film_moments"), moments) : null,
    others.length > 1 || (others.length > 0 && moments.length > 0) ? group(t("film_scenes"), others) : null,
  ].filter((one) => one !== null);
  return groups.length === 0 ? null : el("div", { class: "film-jumps" }, ...groups);
}

/** What is said in place of the player where the reader may see the film's picture only. */
export const notHere = () => el("p", { class: "film-not-here", text: t("film_not_here") });
