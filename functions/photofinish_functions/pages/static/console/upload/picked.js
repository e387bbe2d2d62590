// The photos and videos in what was dropped or picked: folders are walked through, and what is neither is told, not sent.

const TYPES = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  tif: "image/tiff",
  tiff: "image/tiff",
  heic: "image/heic",
  heif: "image/heif",
  avif: "image/avif",
  mp4: "video/mp4",
  m4v: "video/x-m4v",
  mov: "video/quicktime",
  mkv: "video/x-matroska",
  webm: "video/webm",
};
const RAW = ["arw", "cr2", "cr3", "dng", "nef", "orf", "pef", "raf", "rw2", "srw"];
const LITTER = /(^|\/)(\.|Thumbs\.db$|desktop\.ini$|__MACOSX\/)/i;

/** Sort picked files: `{photos: [{name, file, type}], others: [name]}`; names have the folders they came in. */
export function sorted(picked) {
  const photos = [];
  const others = [];
  for (const { name, file } of picked) {
    if (LITTER.test(name)) continue;
    const type = typeOf(name, file);
    if (type === null || file.size === 0) others.push(name);
    else photos.push({ name, file, type });
  }
  photos.sort((one, other) => (one.name < other.name ? -1 : 1));
  return { photos, others };
}

function typeOf(name, file) {
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  if (ending in TYPES) return TYPES[ending];
  return RAW.includes(ending) ? file.type || "application/octet-stream" : null;
}

/** The files of an `<input type="file">`, with `webkitdirectory` or without. */
export const ofInput = (input) => [...input.files].map((file) => ({ name: file.webkitRelativePath || file.name, file }));

/** The files of a drop, those in folders too. */
export async function ofDrop(transfer) {
  // Entries must be asked for at once: the list is empty after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ name: file.name, file }));
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ name: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A folder answers a hundred entries at a time, and none at its end.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const one of some) await walk(one, found);
  }
}
