// Webhooks of an album: servers that are told what happens, and what became of each delivery.

import { confirmed } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { el, icon } from "../elements.js";
import { t } from "../messages.js";
import { albumPath, api } from "./api.js";
import { button, busily, empty, field, form } from "./forms.js";
import { at } from "./formats.js";

const DELIVERIES = 20;

export async function webhooksView({ album }, { signal }) {
  const path = albumPath(album, "webhooks");
  const made = el("div", { "aria-live": "polite" });
  const list = el("div", { class: "stack" });
  const show = async () => {
    const { webhooks } = await api("GET", path, { signal });
    list.replaceChildren(...(webhooks.length > 0 ? webhooks.map((webhook) => card(path, webhook, show)) : [empty("bell", t("no_webhooks_title"), t("no_webhooks_text"))]));
  };
  await show();
  const create = form([field(t("webhook_url"), { name: "url", type: "url", required: true, placeholder: "https://", pattern: "https://.*" }), field(t("description_label"), { name: "description", maxlength: 200 })], {
    label: t("add_webhook"),
    save: async (values, sent) => {
      const { secret } = await api("POST", path, { body: { url: values.get("url"), description: values.get("description") } });
      made.replaceChildren(secretOf(secret));
      sent.reset();
      await show();
    },
  });
  const adding = el("details", { class: "card" }, el("summary", { text: t("add_webhook") }), create);
  return { title: t("section_webhooks"), content: [made, list, adding] };
}

function secretOf(secret) {
  const text = el("div", { class: "stack" }, el("strong", { text: t("webhook_secret") }), el("input", { class: "link", readonly: true, value: secret ?? "", "aria-label": t("webhook_secret") }), el("p", { class: "soft small", text: t("shown_once") }));
  return el("section", { class: "card raised" }, text);
}

function card(path, webhook, changed) {
  const own = `${path}/${webhook.webhook_id}`;
  const act = (text, work, options = {}) => {
    const made = button(text, { kind: "small", ...options });
    made.addEventListener("click", () => busily(made, work).catch((error) => toast(error.message)));
    return made;
  };
  const deliveries = el("details", {}, el("summary", { text: t("deliveries") }));
  const read = () => fillDeliveries(deliveries, own).catch((error) => toast(error.message));
  deliveries.addEventListener("toggle", () => deliveries.open && read());
  const test = async () => {
    await api("POST", `${own}/test`);
    toast(t("test_sent"));
    deliveries.open = true;
    await read();
  };
  const enable = async () => {
    await api("PATCH", own, { body: { enabled: !webhook.enabled } });
    await changed();
  };
  const remove = async () => {
    if (!(await confirmed({ title: t("remove_webhook"), text: webhook.url, yes: t("remove"), no: t("cancel"), danger: true }))) return;
    await api("DELETE", own);
    await changed();
  };
  const state = webhook.enabled ? el("span", { class: webhook.failing_since === null ? "tag good" : "tag warn", text: t(webhook.failing_since === null ? "enabled" : "failing") }) : el("span", { class: "tag", text: t("disabled") });
  return el(
    "section",
    { class: "card stack" },
    el("div", { class: "row" }, el("strong", { class: "file-name", text: webhook.url }), state),
    webhook.description === "" ? null : el("p", { class: "soft", text: webhook.description }),
    el("div", { class: "row" }, act(t("send_test"), test), act(t(webhook.enabled ? "disable" : "enable"), enable), act(t("remove"), remove, { kind: "danger small" })),
    deliveries,
  );
}

async function fillDeliveries(place, own) {
  const { deliveries } = await api("GET", `${own}/deliveries`, { query: { limit: DELIVERIES } });
  const kinds = { delivered: "good", pending: "warn", failed: "bad" };
  const rows = deliveries.map((one) => {
    const again = button(t("deliver_again"), { kind: "quiet small" });
    const details = el("p", { class: "soft small" });
    again.addEventListener("click", () => busily(again, () => api("POST", `${own}/deliveries/${one.delivery_id}/replay`).then(() => fillDeliveries(place, own))).catch((error) => toast(error.message)));
    const why = button(t("attempts"), { kind: "quiet small", on: { click: () => tellAttempts(details, own, one).catch((error) => toast(error.message)) } });
    const state = el("span", { class: `tag ${kinds[one.state] ?? ""}`, text: t(`delivery_${one.state}`) });
    return el("li", {}, el("span", { class: "file-name", text: one.type.replace("photofinish.", "") }), el("span", { class: "soft small", text: at(one.created_at) }), state, why, again, details);
  });
  place.querySelector("ul, p")?.remove();
  place.append(rows.length > 0 ? el("ul", { class: "plain rows" }, ...rows) : el("p", { class: "soft", text: t("no_deliveries") }));
}

async function tellAttempts(place, own, { delivery_id: id }) {
  const { attempts } = await api("GET", `${own}/deliveries/${id}`);
  const sentences = attempts.map((one) => `${at(one.at)}: ${one.status ?? one.error} (${one.duration_ms} ms)`);
  place.replaceChildren(icon("info"), sentences.length > 0 ? sentences.join(" · ") : t("no_attempt_yet"));
}
