// Receipts of erasures: the page waits until one is signed, and saves it as a file.

import { toast } from "../components/toast.js";
import { el } from "../elements.js";
import { t } from "../messages.js";
import { api, pause } from "./api.js";

const POLL_S = 2;
const LONGEST_WAIT_MS = 2 * 60 * 1000;

/** Offer the receipt as soon as it is there, also where the reader has gone on to another view. */
export async function offerReceipt(erasureId, text) {
  const until = performance.now() + LONGEST_WAIT_MS;
  while (performance.now() < until) {
    const { finished_at: finished } = await api("GET", `/erasures/${erasureId}`);
    if (finished !== null) {
      toast(text, { label: t("save_receipt"), run: () => saveReceipt(erasureId).catch((error) => toast(error.message)) });
      return;
    }
    await pause(POLL_S);
  }
}

/** As it was signed, byte for byte. */
export async function saveReceipt(erasureId) {
  const answer = await fetch(`/v1/erasures/${erasureId}/receipt`);
  if (!answer.ok) throw new Error(t("receipt_not_there"));
  const url = URL.createObjectURL(await answer.blob());
  el("a", { href: url, download: `receipt-${erasureId}.json` }).click();
  URL.revokeObjectURL(url);
}
