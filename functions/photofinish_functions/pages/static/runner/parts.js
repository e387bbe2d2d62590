// Parts of the page that few visits need: their modules are loaded when they are.

import { toast } from "../components/toast.js";
import { t } from "../messages.js";

/** What `load()` gives, an `import("…")`; null if it cannot be loaded, which the reader is told. */
export async function whenNeeded(load) {
  try {
    return await load();
  } catch {
    toast(t("error_offline"));
    return null;
  }
}
