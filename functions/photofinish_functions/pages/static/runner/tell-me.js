// "Tell me": where the server can send messages, new photos of the reader are announced to her.

/** The button, or null where there is nothing to offer. */
export function tellMeButton() {
  return null;
}
