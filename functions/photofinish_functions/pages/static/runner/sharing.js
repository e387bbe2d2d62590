// Share a picture with the apps of the phone. The page's own link opens nothing for others, so the picture itself is shared.

import { toast } from "../components/toast.js";
import { t } from "../messages.js";

/** Whether this browser can share files with other apps. */
export function canShare() {
  return navigator.canShare?.({ files: [new File([""], "photo.jpg", { type: "image/jpeg" })] }) ?? false;
}

export async function sharePhoto(photo, page) {
  let file;
  try {
    const answer = await fetch(photo.preview);
    if (!answer.ok) throw new Error(answer.statusText);
    file = new File([await answer.blob()], "photo.jpg", { type: "image/jpeg" });
  } catch {
    toast(t("share_failed"));
    return;
  }
  try {
    await navigator.share({ files: [file], title: page.about.title ?? page.about.album });
  } catch (error) {
    if (error.name !== "AbortError") toast(t("share_failed"));
  }
}
