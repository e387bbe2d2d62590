// One photo over the whole screen: swipe, pinch, arrows, + and -, Escape; the back button closes it.

import { el, icon } from "../elements.js";
import { closeLayer, openLayer } from "../layers.js";
import { t } from "../messages.js";
import { filmPlayer, jumpsOf, notHere } from "./film.js";
import { placeholder } from "./placeholder.js";
import { makeZoomable } from "./zoom.js";

/**
 * Show `photos` (as `<pf-grid>` has them) from `index` on. `actions(photo, index)` returns buttons for the upper edge,
 * `caption(photo, index)` what stands below. `renewed(photo)` is asked for a new link where a picture does not come, null if there
 * is none; `fileOf(photo)` for the address of a film's file, null if the reader may see its picture only. Resolves with the index of the photo that was shown last.
 */
export function openLightbox(photos, index, { actions = () => [], caption = () => null, renewed = async () => null, fileOf = () => null } = {}) {
  const counter = el("span", { class: "counter" });
  const tools = el("div", { class: "tools" });
  const below = el("div", { class: "below" });
  const button = (name, label, act) =>
    el("button", { type: "button", class: `stage-button ${name}`, "aria-label": label, on: { click: act } }, icon(name));
  const close = button("close", t("close"), () => dialog.close());
  const previous = button("left", t("previous_photo"), () => show(at - 1));
  const next = button("right", t("next_photo"), () => show(at + 1));
  const stage = el("div", { class: "stage" });
  const bar = el("div", { class: "bar" }, close, counter, tools);
  const dialog = el("dialog", { class: "lightbox", "aria-label": t("photo_view") }, bar, stage, previous, next, below);
  const zoom = makeZoomable(stage, {
    onSwipe: (way) => (way === "close" ? dialog.close() : show(at + (way === "next" ? 1 : -1))),
    onTap: () => film === null && dialog.classList.toggle("bare"),
  });
  let at = index;
  let film = null; // the player of what is shown
  let jumps = null;

  const show = (wanted) => {
    if (wanted < 0 || wanted >= photos.length) return;
    at = wanted;
    const photo = photos[at];
    film?.stop();
    const file = photo.film ? fileOf(photo) : null;
    film = file === null ? null : playerOf(photo, file);
    jumps = photo.film ? (film === null ? notHere() : jumpsOf(photo.film, film.jump)) : null;
    dialog.classList.toggle("plays", film !== null);
    if (film === null) showPicture(photo);
    else {
      dialog.classList.remove("bare");
      stage.replaceChildren(film.element);
      zoom.reset(null);
    }
    counter.textContent = t("photo_of", { number: at + 1, count: photos.length });
    previous.hidden = at === 0;
    next.hidden = at === photos.length - 1;
    redraw();
    // The next one is fetched while this one is looked at.
    if (photos[at + 1]?.preview) new Image().src = photos[at + 1].preview;
  };
  const playerOf = (photo, file) => filmPlayer({ film: photo.film, source: file, saved: file, poster: photo.preview, label: photo.label });
  const showPicture = (photo) => {
    const picture = el("img", { alt: photo.label, class: "picture", draggable: "false", decoding: "async" });
    const waiting = placeholder(photo.placeholder) ?? el("div", { class: "waiting" });
    const shape = el("div", { class: "shape" }, waiting, picture);
    shape.style.setProperty("aspect-ratio", `${photo.width} / ${photo.height}`);
    shape.style.setProperty("--shape", String(photo.width / photo.height));
    picture.addEventListener("load", () => picture.classList.add("loaded"));
    const lost = () => shape.classList.add("lost");
    const again = async () => {
      const link = await renewed(photo).catch(() => null);
      picture.addEventListener("error", lost, { once: true });
      if (link === null) lost();
      else picture.src = link;
    };
    picture.addEventListener("error", again, { once: true });
    picture.src = photo.preview ?? photo.thumbnail ?? "";
    stage.replaceChildren(shape, el("p", { class: "lost-text", text: t("photo_lost") }));
    zoom.reset(shape);
  };
  const redraw = () => {
    // A button that was pressed is made anew: the focus stays at its place.
    const focused = [...tools.children].indexOf(document.activeElement);
    tools.replaceChildren(...actions(photos[at], at, redraw));
    tools.children[focused]?.focus();
    below.replaceChildren(...[caption(photos[at], at, redraw), jumps].filter((node) => node !== null));
  };
  const keys = (event) => {
    if (event.target.closest("input, textarea, video") || document.querySelector("dialog.dialog[open]")) return;
    const act = {
      ArrowRight: () => show(at + 1),
      ArrowLeft: () => show(at - 1),
      Home: () => show(0),
      End: () => show(photos.length - 1),
      "+": () => zoom.by(1.5),
      "-": () => zoom.by(1 / 1.5),
    }[event.key];
    if (act === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  };

  return new Promise((resolve) => {
    const layer = openLayer(() => dialog.close());
    // Of the whole page: when what has the focus goes, keys go to the page and not to the dialog.
    document.addEventListener("keydown", keys);
    dialog.addEventListener("close", () => {
      document.removeEventListener("keydown", keys);
      closeLayer(layer);
      film?.stop();
      dialog.remove();
      resolve(at);
    });
    document.body.append(dialog);
    dialog.showModal();
    show(index);
  });
}

/** A button for the upper edge of the full screen. */
export function stageButton(name, label, { pressed = null, act }) {
  const attributes = { type: "button", class: "stage-button", "aria-label": label, title: label, on: { click: act } };
  if (pressed !== null) attributes["aria-pressed"] = String(pressed);
  return el("button", attributes, icon(name));
}
