// Downloads, as far as the album allows them: one photo, or all as one ZIP.

import { toast } from "../components/toast.js";
import { t } from "../messages.js";
import { albumPath, call } from "./api.js";

const MOST_FILES = 2000;

/** The size that the reader may download: "original", "web", or "none". */
export function allowedSize(page) {
  const allowed = page.share?.downloads ?? page.about?.downloads ?? "none";
  return allowed === "original" && page.about?.has_originals === false ? "web" : allowed;
}

export const mayDownload = (page) => allowedSize(page) !== "none";

/** Download one photo; the browser follows to where the file is. */
export function downloadOne(album, photo, page) {
  // It may lead to another origin, where `download` means nothing: the answer itself says that it is to be saved.
  follow(fileAddress(album, photo, allowedSize(page)), { download: "", target: "_blank", rel: "noopener" });
}

/** The address of a film's file, which leads to where it is; null if the reader may have its picture only. */
export const filmAddress = (album, photo, page) => (allowedSize(page) === "original" ? fileAddress(album, photo, "original") : null);

/** Make one ZIP of these photos and download it; resolves when the download begins. */
export async function downloadAll(album, photos, page) {
  const wanted = photos.slice(0, MOST_FILES);
  const json = { photo_ids: wanted.map((photo) => photo.id), size: allowedSize(page) };
  const passes = wanted.map((photo) => photo.source.download_pass).filter(Boolean);
  if (passes.length > 0) json.download_passes = passes;
  const made = await call("POST", `${albumPath(album)}/downloads`, { json });
  if (made.files < photos.length) toast(t("download_partial", { files: made.files, count: photos.length }));
  // Not in a tab of its own: browsers block those that open some time after the click.
  follow(new URL(made.url).pathname, { download: "" });
}

function fileAddress(album, photo, size) {
  const query = new URLSearchParams({ size });
  if (photo.source.download_pass) query.set("download_pass", photo.source.download_pass);
  return `/v1${albumPath(album)}/photos/${photo.id}/download?${query}`;
}

function follow(address, how) {
  const link = document.createElement("a");
  Object.assign(link, how, { href: address });
  link.click();
}
