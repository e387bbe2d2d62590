// Pinch, wheel and double tap zoom a picture, a drag moves it; at its usual size a drag swipes to the next, or down to close.

const MOST = 5;
const DOUBLE_TAP = 2.5;
const SWIPE_PX = 56;

/** Let fingers and mouse move `picture` inside `stage`. `onSwipe` gets "next", "previous" or "close"; `onTap` a single tap. */
export function makeZoomable(stage, { onSwipe, onTap }) {
  const pointers = new Map();
  let picture = null;
  let state = { scale: 1, x: 0, y: 0 };
  let from = null;
  let lastTap = 0;

  const draw = () => {
    picture?.style.setProperty("transform", `translate(${state.x}px, ${state.y}px) scale(${state.scale})`);
    stage.classList.toggle("zoomed", state.scale > 1);
  };
  const set = (next) => {
    const scale = picture === null ? 1 : Math.min(Math.max(next.scale, 1), MOST);
    const room = { x: (stage.clientWidth * (scale - 1)) / 2, y: (stage.clientHeight * (scale - 1)) / 2 };
    const within = (value, most) => Math.min(Math.max(value, -most), most);
    state = scale === 1 ? { scale, x: 0, y: 0 } : { scale, x: within(next.x, room.x), y: within(next.y, room.y) };
    draw();
  };
  /** Zoom so that the point (client coordinates) stays where it is. */
  const zoomAt = (scale, x, y) => {
    const box = stage.getBoundingClientRect();
    const px = x - box.left - box.width / 2;
    const py = y - box.top - box.height / 2;
    const factor = Math.min(Math.max(scale, 1), MOST) / state.scale;
    set({ scale, x: px - (px - state.x) * factor, y: py - (py - state.y) * factor });
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, a, video")) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    from = { x: event.clientX, y: event.clientY, state, pinch: pointers.size === 2 ? spread() : null, moved: false };
    picture?.classList.add("dragged");
  });
  stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId) || from === null) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const dx = event.clientX - from.x;
    const dy = event.clientY - from.y;
    from.moved ||= Math.hypot(dx, dy) > 8;
    if (pointers.size === 2 && from.pinch !== null) {
      const now = spread();
      from.moved = true;
      zoomAt(from.state.scale * (now.distance / from.pinch.distance), now.x, now.y);
    } else if (from.state.scale > 1) {
      set({ scale: state.scale, x: from.state.x + dx, y: from.state.y + dy });
    } else if (pointers.size === 1 && from.pinch === null) {
      state = { scale: 1, x: Math.abs(dx) > Math.abs(dy) ? dx : 0, y: Math.abs(dy) >= Math.abs(dx) ? Math.max(dy, 0) : 0 };
      draw();
    }
  });
  const ended = (event) => {
    if (!pointers.delete(event.pointerId) || from === null) return;
    picture?.classList.remove("dragged");
    if (pointers.size > 0) return;
    const { moved } = from;
    from = null;
    if (state.scale > 1) return moved ? undefined : tapped(event);
    const { x, y } = state;
    set({ scale: 1, x: 0, y: 0 });
    if (event.type === "pointercancel") return undefined;
    if (Math.abs(x) > SWIPE_PX) return onSwipe(x < 0 ? "next" : "previous");
    if (y > SWIPE_PX * 1.5) return onSwipe("close");
    return moved ? undefined : tapped(event);
  };
  const tapped = (event) => {
    const now = performance.now();
    if (now - lastTap < 300) {
      zoomAt(state.scale > 1 ? 1 : DOUBLE_TAP, event.clientX, event.clientY);
      lastTap = 0;
    } else {
      lastTap = now;
      onTap();
    }
  };
  stage.addEventListener("pointerup", ended);
  stage.addEventListener("pointercancel", ended);
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoomAt(state.scale * Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event.clientX, event.clientY);
    },
    { passive: false },
  );

  return {
    /** Show another picture, at its usual size; null: what is shown, a film, stays at it. */
    reset(next) {
      picture = next;
      set({ scale: 1, x: 0, y: 0 });
    },
    by(factor) {
      set({ ...state, scale: state.scale * factor });
    },
    get isZoomed() {
      return state.scale > 1;
    },
  };
}
