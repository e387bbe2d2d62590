// Sign-in: by an API key, which the server turns into a session that scripts cannot read.

import { el, icon } from "../elements.js";
import { t } from "../messages.js";
import { api } from "./api.js";
import { field, form } from "./forms.js";

/** Ask for a key until one is accepted; resolves with the session. */
export function signIn() {
  return new Promise((resolve) => {
    const key = el("input", { name: "key", type: "password", autocomplete: "current-password", required: true, spellcheck: "false" });
    const send = form([field(t("api_key"), key, { hint: t("api_key_hint") })], {
      label: t("sign_in"),
      save: async (values) => {
        const secret = values.get("key").trim();
        const isToken = secret.split(".").length === 3;
        await api("POST", "/sessions", { body: isToken ? { id_token: secret } : { api_key: secret }, retry: false });
        key.value = "";
        resolve(await api("GET", "/sessions"));
      },
    });
    const card = el("section", { class: "card raised sign-in", "aria-labelledby": "sign-in-title" });
    card.append(icon("lock"), el("h1", { id: "sign-in-title", text: t("console_title") }), el("p", { class: "soft", text: t("sign_in_text") }), send);
    document.title = `${t("sign_in")} · photofinish`;
    document.getElementById("main").replaceChildren(card);
    key.focus();
  });
}
