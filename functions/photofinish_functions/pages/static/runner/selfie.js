// A picture of the reader's, made small in the browser: what is sent is drawn anew, so place, time and device stay here.

const MAX_PX = 1280;
const JPEG_QUALITY = 0.88;

/** The size of a picture of `width` × `height` that is scaled down to at most MAX_PX a side. */
export function scaled(width, height, most = MAX_PX) {
  const factor = Math.min(1, most / Math.max(width, height));
  return { width: Math.max(Math.round(width * factor), 1), height: Math.max(Math.round(height * factor), 1) };
}

/** Read a file as a picture and return it as `{blob, canvas}`; null if the browser cannot read it. */
export async function smallSelfie(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  const size = scaled(bitmap.width, bitmap.height);
  const canvas = Object.assign(document.createElement("canvas"), size);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, size.width, size.height);
  bitmap.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
  return blob === null ? null : { blob, canvas };
}

/** Draw the middle of `picture` into `view`, as a square. */
export function drawSquare(picture, view) {
  const side = Math.min(picture.width, picture.height);
  view.width = view.height = 320;
  const [x, y] = [(picture.width - side) / 2, Math.max((picture.height - side) / 3, 0)];
  view.getContext("2d").drawImage(picture, x, y, side, side, 0, 0, view.width, view.height);
}
