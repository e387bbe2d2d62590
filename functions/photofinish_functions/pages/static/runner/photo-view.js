// One photo over the whole screen, with what a runner can do with it: like, download, share, say whether it is her.

import { openLightbox, stageButton } from "../components/lightbox.js";
import { toast } from "../components/toast.js";
import { el, icon } from "../elements.js";
import { t } from "../messages.js";
import { allowedSize, downloadOne, filmAddress, mayDownload } from "./downloads.js";
import { giveFeedback } from "./feedback.js";
import { faceOf, isMaybe, unfolded } from "./photos.js";
import { canShare, sharePhoto } from "./sharing.js";

/**
 * Open photo `index` of what `grid` shows; afterwards the focus is on the photo that was shown last. `renewed(photo)` gives a new
 * link to its picture.
 */
export async function viewPhotos(grid, index, { album, favourites, page, renewed }) {
  const actions = (photo, at, redraw) => {
    const like = () => {
      favourites.toggle(photo.id);
      redraw();
    };
    const liked = favourites.has(photo.id);
    const buttons = [
      stageButton(liked ? "heart-full" : "heart", t(liked ? "unlike" : "like"), { pressed: liked, act: like }),
    ];
    if (mayDownload(page)) {
      buttons.push(stageButton("download", downloadLabel(photo), { act: () => downloadOne(album, photo, page) }));
    }
    if (canShare()) buttons.push(stageButton("share", t("share"), { act: () => sharePhoto(photo, page) }));
    return buttons;
  };
  // There is no smaller size of a film: where originals are not given away, its picture is.
  const downloadLabel = (photo) => t(photo.film === null ? "download" : allowedSize(page) === "original" ? "download_film" : "download_poster");
  const fileOf = (photo) => filmAddress(album, photo, page);
  const caption = (photo, at, redraw) => {
    const tags = (photo.tags ?? []).map((tag) =>
      el("span", { class: `tag ${tag.kind === "maybe" ? "warn" : ""}` }, tag.icon ? icon(tag.icon) : null, tag.text),
    );
    const time = el("span", { class: "soft-on-stage", text: photo.label });
    const row = el("div", { class: "row caption" }, time, ...tags);
    const question = isMaybe(photo.source) && faceOf(photo.source) !== null ? ask(photo, redraw) : null;
    return el("div", { class: "stack caption-stack" }, row, question);
  };
  const ask = (photo, redraw) => {
    if (photo.answered) return el("p", { text: t("thanks") });
    const answer = async (isMe) => {
      photo.answered = true;
      redraw();
      try {
        await giveFeedback(album, photo, isMe);
      } catch (problem) {
        photo.answered = false;
        redraw();
        toast(problem.sentence);
      }
    };
    const yes = el("button", { class: "button", type: "button", text: t("yes"), on: { click: () => answer(true) } });
    const no = el("button", { class: "button", type: "button", text: t("no"), on: { click: () => answer(false) } });
    return el("div", { class: "row ask", role: "group", "aria-label": t("is_this_you") }, el("span", { text: t("is_this_you") }), yes, no);
  };
  const photos = unfolded(grid.photos, favourites);
  const start = photos.findIndex((photo) => photo.at === index);
  const last = photos[await openLightbox(photos, start, { actions, caption, renewed, fileOf })].at;
  if (grid.isConnected && last < grid.photos.length) grid.focusPhoto(last);
}
