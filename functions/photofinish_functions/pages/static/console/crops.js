// A face cut out of a picture of its photo, in the browser: by the face's box, with some room around it.

import { el } from "../elements.js";
import { albumPath, api } from "./api.js";

const ROOM = 1.7;
const links = new Map(); // photo id → promise of a link to its picture
const LINKS_LAST_MS = 13 * 60 * 1000;

/** A square with the face of `box` in the picture at `url`; the size is CSS's.
 * A face in a video is not on its picture, which is of another moment: then all of the picture. */
export function crop(url, box, text = "") {
  const frame = el("span", { class: "crop" });
  const image = el("img", { alt: text, decoding: "async", src: url });
  image.addEventListener("load", () => {
    frame.classList.add("ready");
    if (box.at_s != null) {
      image.classList.add("whole");
      return;
    }
    const { naturalWidth: width, naturalHeight: height } = image;
    const side = Math.max(box.w * width, box.h * height) * ROOM;
    const scale = 100 / side;
    image.style.width = `${width * scale}%`;
    image.style.left = `${50 - (box.x + box.w / 2) * width * scale}%`;
    image.style.top = `${50 - (box.y + box.h / 2) * height * scale}%`;
  });
  frame.append(image);
  return frame;
}

/** The same for a face whose photo's picture is not known yet: it is asked for when the square comes into sight. */
export function lazyCrop(photo, box, text, signal) {
  const frame = el("span", { class: "crop" });
  const seen = new IntersectionObserver(async ([entry]) => {
    if (!entry.isIntersecting) return;
    seen.disconnect();
    const url = await pictureOf(photo, signal).catch(() => null);
    if (url !== null) frame.replaceWith(crop(url, box, text));
  });
  seen.observe(frame);
  signal.addEventListener("abort", () => seen.disconnect());
  return frame;
}

/** A link to a photo's picture; photos that are asked for again within its life share it. */
export function pictureOf(photo, signal) {
  const known = links.get(photo.photo_id);
  if (known !== undefined && performance.now() - known.at < LINKS_LAST_MS) return known.link;
  const asked = api("GET", albumPath(photo.album, "photos", photo.photo_id), { signal });
  const link = asked.then(({ renditions }) => renditions.preview?.url ?? null);
  links.set(photo.photo_id, { link, at: performance.now() });
  link.catch(() => links.delete(photo.photo_id));
  return link;
}
