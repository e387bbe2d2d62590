// Photos of a filter as one ZIP, with numbers and names in their metadata for Lightroom and Photo Mechanic.

import { toast } from "../../components/toast.js";
import { el } from "../../elements.js";
import { counted, t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { button, busily } from "../forms.js";

const MOST = 2000; // of one ZIP

/** A button that downloads the photos of `feedNow()`, as many as one ZIP may have. */
export function zipButton(album, feedNow) {
  const made = button(t("save_zip"), { symbol: "download" });
  made.addEventListener("click", () => busily(made, () => download(album, feedNow())).catch((error) => toast(error.message)));
  return made;
}

async function download(album, feed) {
  while (!feed.isComplete && feed.photos.length < MOST) await feed.more();
  const ids = feed.photos.filter((photo) => photo.status === "done").slice(0, MOST).map((photo) => photo.photo.photo_id);
  if (ids.length === 0) throw new Error(t("none_of_filter_title"));
  const { url, files } = await api("POST", albumPath(album, "downloads"), { body: { photo_ids: ids, size: "original", metadata: true } });
  el("a", { href: url, download: `${album}.zip` }).click();
  toast(counted("zip_of", files));
}
