// "Is this you?": the reader's answer is a hint for the organiser, who decides.

import { albumPath, call } from "./api.js";
import { faceOf } from "./photos.js";

export function giveFeedback(album, photo, isMe) {
  const json = { photo_id: photo.id, face_id: faceOf(photo.source), is_me: isMe };
  return call("POST", `${albumPath(album)}/find-me/feedback`, { json });
}
