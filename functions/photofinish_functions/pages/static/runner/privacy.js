// "Blur me, forget me": in two taps by the selfie that is already there. Where the album does not offer it, who to ask.

import { openDialog } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { el } from "../elements.js";
import { counted, t } from "../messages.js";
import { albumPath, call } from "./api.js";
import { smallSelfie } from "./selfie.js";

/** Ask the reader, whose `selfie` may be null; `onDone` is told when she was forgotten. */
export async function ask({ album, page, selfie, onDone }) {
  const isOffered = page.about.privacy?.indexing === "opt_out";
  const isRedacted = (page.about.privacy?.redact ?? "none") !== "none";
  const heading = el("h2", { id: "privacy-title", text: t("privacy_title") });
  const text = isOffered ? t(isRedacted ? "privacy_blurred" : "privacy_text") : t("privacy_ask_organiser");
  const cancel = el("button", { class: "button quiet", value: "", text: t(isOffered ? "cancel" : "close") });
  const actions = el("div", { class: "actions" }, cancel);
  const form = el("form", { method: "dialog", class: "stack" }, heading, el("p", { text }));
  let picture = selfie;
  if (isOffered) {
    const agree = el("button", { class: "button danger", value: "yes", text: t("privacy_do") });
    if (picture === null) {
      agree.disabled = true;
      form.append(pictureField(async (file) => {
        picture = (await smallSelfie(file))?.blob ?? null;
        agree.disabled = picture === null;
        if (picture === null) toast(t("error_not_a_picture"));
      }));
    }
    actions.append(agree);
  }
  form.append(actions);
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": heading.id }, form);
  document.body.append(dialog);
  const answer = await openDialog(dialog);
  dialog.remove();
  if (answer === "yes") await forget(album, picture, onDone);
}

async function forget(album, picture, onDone) {
  const form = new FormData();
  form.append("picture", picture, "picture.jpg");
  try {
    const done = await call("POST", `${albumPath(album)}/find-me/opt-out`, { form });
    toast(counted("privacy_done", done.erased_faces));
    onDone();
  } catch (problem) {
    toast(problem.sentence ?? String(problem));
  }
}

function pictureField(onFile) {
  const input = el("input", { type: "file", accept: "image/*", id: "privacy-picture", on: { change: (event) => onFile(event.target.files[0]) } });
  return el("div", { class: "field" }, el("label", { for: input.id, text: t("privacy_picture") }), input);
}
