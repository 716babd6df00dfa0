// A random key for one attempt. A phone that comes over plain http on a home network has no crypto.randomUUID.

export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
