// Verifies `v1a` signatures of the Standard Webhooks specification (Ed25519), which its library for JavaScript does not.
import { createPublicKey, verify } from "node:crypto";

const TOLERANCE_S = 300;

export function verifyAsymmetric(publicKey, body, headers) {
  const x = Buffer.from(publicKey.slice("whpk_".length), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const [id, timestamp] = [headers["webhook-id"], headers["webhook-timestamp"]];
  const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_S;
  const signed = Buffer.from(`${id}.${timestamp}.${body}`);
  const signatures = headers["webhook-signature"].split(" ").filter((one) => one.startsWith("v1a,"));
  if (!isFresh || !signatures.some((one) => verify(null, signed, key, Buffer.from(one.slice("v1a,".length), "base64")))) throw new Error("not verified");
  return JSON.parse(body);
}
