// "Tell me": where the server sends e-mail, new photos of the reader are announced to her, until she or the album ends it.

import { openDialog } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { el, icon } from "../elements.js";
import { language, t } from "../messages.js";
import { albumPath, call } from "./api.js";

/** Which sentence the reader agreed to; change it together with `tell_me_text`. */
const TEXT_VERSION = "page-2026-11";

/** Whether the server offers e-mail in this album; asked once. */
export async function offersMail(album) {
  try {
    const { channels } = await call("GET", `${albumPath(album)}/subscriptions?limit=1`);
    return channels.includes("email");
  } catch {
    return false;
  }
}

/** The button, or null where there is nothing to offer. */
export function tellMeButton(album, page) {
  if (!page.offersMail || page.finding === null) return null;
  return el("button", { class: "button", type: "button", on: { click: () => ask(album, page.finding) } }, icon("bell"), t("tell_me"));
}

async function ask(album, finding) {
  const heading = el("h2", { id: "tell-title", text: t("tell_me_title") });
  const input = el("input", { type: "email", id: "tell-address", autocomplete: "email", required: true });
  const field = el("div", { class: "field" }, el("label", { for: input.id, text: t("email_address") }), input);
  const cancel = el("button", { class: "button quiet", type: "button", text: t("cancel"), on: { click: () => dialog.close("") } });
  const agree = el("button", { class: "button primary", value: "yes", text: t("tell_me_do") });
  const actions = el("div", { class: "actions" }, cancel, agree);
  const form = el("form", { method: "dialog", class: "stack" }, heading, el("p", { text: t("tell_me_text") }), field, actions);
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": heading.id }, form);
  document.body.append(dialog);
  const answer = await openDialog(dialog);
  dialog.remove();
  if (answer === "yes") await subscribe(album, finding, input.value);
}

async function subscribe(album, { selfie, bib }, address) {
  const wanted = { channel: "email", address, language, text_version: TEXT_VERSION };
  if (bib !== null) wanted.bib = bib;
  const path = `${albumPath(album)}/subscriptions`;
  try {
    if (selfie === null) await call("POST", path, { json: wanted });
    else {
      const form = new FormData();
      form.append("subscription", new Blob([JSON.stringify(wanted)], { type: "application/json" }), "subscription.json");
      form.append("selfie", selfie, "selfie.jpg");
      await call("POST", path, { form });
    }
    toast(t("tell_me_done"));
  } catch (problem) {
    toast(problem.sentence ?? String(problem));
  }
}
