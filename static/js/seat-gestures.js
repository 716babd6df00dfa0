// Fingers, mouse and wheel over the hall: drag, pinch, zoom, tap.

const DRAG_PX = 7;
const WHEEL_STEP = 0.0022;
const PINCH_WHEEL_STEP = 0.012;
const ONE_SCROLL_MS = 250;

/** Moves `camera` by what is done to `picture`; calls `tap(x, y, isTouch)` and `hover(x, y)` (or nothing, when it left). */
export function listen(picture, camera, { tap, hover }) {
  const hall = picture.parentElement;
  const fingers = new Map();
  let dragged = false;

  const place = (event) => {
    const box = picture.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const end = (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) delete hall.dataset.dragged;
  };

  picture.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    picture.setPointerCapture(event.pointerId);
    // The first finger on the glass: whatever was missed of an earlier one, it is gone.
    if (event.isPrimary) fingers.clear();
    if (!fingers.size) dragged = false;
    fingers.set(event.pointerId, { ...place(event), start: place(event) });
    hover();
  });

  picture.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    const now = place(event);
    if (!finger) return event.pointerType === "mouse" && hover(now.x, now.y);
    if (fingers.size === 1) {
      dragged ||= Math.hypot(now.x - finger.start.x, now.y - finger.start.y) > DRAG_PX;
      if (dragged) camera.pan(now.x - finger.x, now.y - finger.y);
    } else {
      dragged = true;
      pinch(camera, fingers, event.pointerId, now);
    }
    // Until it is a drag the finger counts as where it came down: nothing of the way is lost.
    if (!dragged) return;
    hall.dataset.dragged = "";
    Object.assign(finger, now);
  });

  picture.addEventListener("pointerup", (event) => {
    const finger = fingers.get(event.pointerId);
    end(event);
    if (finger && !dragged && !fingers.size) tap(finger.x, finger.y, event.pointerType === "touch");
  });
  picture.addEventListener("pointercancel", end);
  picture.addEventListener("pointerleave", () => hover());
  listenToWheel(picture, camera, place);
}

function pinch(camera, fingers, moving, now) {
  const [other] = [...fingers].filter(([id]) => id !== moving).map(([, finger]) => finger);
  const before = fingers.get(moving);
  const far = (finger) => Math.max(1, Math.hypot(finger.x - other.x, finger.y - other.y));
  camera.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  camera.zoom(far(now) / far(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
}

/** Who scrolls the page over the map goes on scrolling; who stops and turns the wheel there zooms. */
function listenToWheel(picture, camera, place) {
  let scrolledAt = -Infinity;
  addEventListener("wheel", (event) => {
    if (event.target !== picture) scrolledAt = event.timeStamp;
  }, { passive: true });
  picture.addEventListener("wheel", (event) => {
    const smaller = event.deltaY > 0;
    const passing = event.timeStamp - scrolledAt < ONE_SCROLL_MS;
    if (!event.ctrlKey && (passing || (smaller ? camera.isWhole : camera.isLargest))) {
      scrolledAt = event.timeStamp;
      return;
    }
    event.preventDefault();
    const step = event.ctrlKey ? PINCH_WHEEL_STEP : WHEEL_STEP * (event.deltaMode === 1 ? 20 : 1);
    const { x, y } = place(event);
    camera.zoom(Math.exp(-event.deltaY * step), x, y);
  }, { passive: false });
}
