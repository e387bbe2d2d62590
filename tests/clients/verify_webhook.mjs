// Verifies webhooks: `v1` with the official library, `v1a` with Node's own cryptography. Reads lines of JSON {secret, headers, body}; answers each with the event or
// an error.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

import { verifyAsymmetric } from "./verify_asymmetric.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    const event = secret.startsWith("whpk_") ? verifyAsymmetric(secret, body, headers) : new Webhook(secret).verify(body, headers);
    console.log(JSON.stringify({ event }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
