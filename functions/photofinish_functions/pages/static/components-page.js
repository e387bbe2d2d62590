// The page of all components.

import "./components/pad.js";
import "./components/progress.js";
import "./components/tabs.js";
import { confirmed } from "./components/dialog.js";
import { toast } from "./components/toast.js";
import { t } from "./messages.js";

document.getElementById("show-toast").addEventListener("click", () => {
  toast(t("toast"), { label: t("undo"), run: () => {} });
});
document.getElementById("open-dialog").addEventListener("click", async () => {
  const question = { title: t("question"), text: t("question_text"), yes: t("erase"), no: t("cancel"), danger: true };
  if (await confirmed(question)) toast(t("toast"));
});
