// What stands in the page's place when it cannot be shown: an icon, what happened, what to do.

import { el, icon } from "../elements.js";
import { t } from "../messages.js";

const KINDS = {
  unauthorized: { symbol: "lock", title: "closed_title", text: "closed_text" },
  unknown_album: { symbol: "search", title: "closed_title", text: "closed_text" },
  unknown_share: { symbol: "lock", title: "share_ended_title", text: "error_unknown_share" },
  offline: { symbol: "offline", title: "offline_title", text: "offline_text" },
};

/** Fill `place` with why, and show it; `again` is offered where trying again may help. */
export function showClosed(place, problem, again) {
  const kind = KINDS[problem.code];
  const symbol = kind?.symbol ?? "warning";
  const title = t(kind?.title ?? "trouble_title");
  const text = kind === undefined ? problem.sentence : t(kind.text);
  const helps = again !== null && !["unauthorized", "unknown_album", "unknown_share"].includes(problem.code);
  place.replaceChildren(
    icon(symbol),
    el("h1", { text: title, tabindex: "-1" }),
    el("p", { class: "soft", text }),
    ...(helps ? [el("button", { class: "button", type: "button", text: t("try_again"), on: { click: again } })] : []),
  );
  place.hidden = false;
  place.querySelector("h1").focus();
}
