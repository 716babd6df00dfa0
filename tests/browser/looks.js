// What the inspector sees of a page: text that leaves it, is cut off or covered; targets too small for a
// finger; text on a ground that axe cannot judge. Evaluated once a page; `window.looks` answers.
(() => {
  const top = () => document.querySelector("dialog:modal") ?? document.body;
  const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const named = (element) => {
    const hook = element.dataset.test ? `[data-test=${element.dataset.test}]` : [...element.classList].map((name) => `.${name}`).join("");
    const words = element.textContent.trim().replace(/\s+/g, " ").slice(0, 30);
    return `${element.localName}${hook}${words && ` “${words}”`}`;
  };

  function* ancestors(element) {
    for (; element && element !== document.documentElement; element = element.parentElement) yield element;
  }

  /** The boxes of all text that eyes are shown, with the elements that hold it. */
  function texts() {
    const found = [];
    const walker = document.createTreeWalker(top(), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const holder = node.parentElement;
      if (!node.data.trim() || holder.closest("script, style, noscript, .unseen, .skip, [aria-hidden=true]") || !shown(holder)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) if (box.width > 1 && box.height > 1) found.push({ holder, box, words: node.data });
    }
    return found;
  }

  /** What an element that clips shows its content through: a fieldset, only what is below its legend. */
  function frameOf(element) {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const legend = element.querySelector(":scope > legend");
    return { left, right, bottom, top: legend ? legend.getBoundingClientRect().bottom : top };
  }

  /** What stands in the way of `box`: "scroll" if it can be scrolled to, "cut" if it is lost. */
  function lost(holder, box) {
    for (const element of ancestors(holder)) {
      const style = getComputedStyle(element);
      if ((style.overflowX === "visible" && style.overflowY === "visible") || holder.localName === "legend") continue;
      const frame = frameOf(element);
      const beside = box.right > frame.right + 2 || box.left < frame.left - 2;
      const some = box.bottom > frame.bottom + 2 || box.top < frame.top - 2;
      const most = box.bottom > frame.bottom + box.height / 2 || box.top < frame.top - box.height / 2;
      const scrolls = /auto|scroll/.test(style.overflowX + style.overflowY);
      if ((beside || some) && (scrolls || (beside && style.textOverflow === "ellipsis"))) return "scroll";
      if ((beside && style.overflowX !== "visible") || (most && style.overflowY !== "visible")) return "cut";
    }
    return box.right > innerWidth + 1 || box.left < -1 ? "cut" : "";
  }

  const floats = (holder) => [...ancestors(holder)].some((element) => /fixed|sticky/.test(getComputedStyle(element).position));

  function covered(pieces) {
    const found = [];
    pieces = pieces.filter(({ holder }) => !floats(holder)).sort((a, b) => a.box.top - b.box.top);
    pieces.forEach((one, i) => {
      for (const other of pieces.slice(i + 1)) {
        if (other.box.top >= one.box.bottom) break;
        if (one.holder === other.holder || one.holder.contains(other.holder) || other.holder.contains(one.holder)) continue;
        const high = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
        const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        if (wide > 3 && high > 0.4 * Math.min(one.box.height, other.box.height)) found.push(`${named(one.holder)} and ${named(other.holder)} cover each other`);
      }
    });
    return found;
  }

  /** The last of the elements that reach furthest to the right: the innermost. */
  function widest() {
    const far = [...document.body.querySelectorAll("*")].filter(shown).map((element) => [element.getBoundingClientRect().right, element]);
    const edge = Math.max(...far.map(([right]) => right));
    return named(far.findLast(([right]) => right > edge - 1)[1]);
  }

  /** What does not fit the window: each as a sentence. */
  function misfits() {
    const found = [];
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > innerWidth) found.push(`${scrollWidth} pixels wide in a window of ${innerWidth}, by ${widest()}`);
    const pieces = [];
    for (const { holder, box } of texts()) {
      const how = lost(holder, box);
      if (how === "cut") found.push(`${named(holder)} is cut off`);
      else if (!how) pieces.push({ holder, box });
    }
    return [...new Set([...found, ...covered(pieces)])];
  }

  const TARGETS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [tabindex='0']";

  /** A link within a sentence is as high as its line: WCAG 2.2 excepts it. */
  function withinText(element) {
    const around = element.parentElement;
    return getComputedStyle(element).display === "inline" && around.textContent.trim().length > element.textContent.trim().length;
  }

  /** Whether a finger `half` a target off the middle still meets it: a label or a pseudo-element may be larger. */
  function reaches(element, box, half) {
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const meets = (dx, dy) => {
      const hit = document.elementFromPoint(x + dx, y + dy);
      return hit && (element.contains(hit) || [...(element.labels ?? [])].some((label) => label.contains(hit)));
    };
    return (box.width >= 2 * half || (meets(-half + 1, 0) && meets(half - 1, 0))) && (box.height >= 2 * half || (meets(0, -half + 1) && meets(0, half - 1)));
  }

  /** What a finger may touch for `element`: a label does what its field does. */
  const touchable = (element) => [element, ...(element.labels ?? [])].map((part) => part.getBoundingClientRect());

  /** The targets narrower or lower than `least` pixels. Seats excepted: the map grows, and a seat is where it is. */
  function small(least) {
    const found = [];
    const [x, y] = [scrollX, scrollY];
    for (const element of top().querySelectorAll(TARGETS)) {
      if (!shown(element) || element.matches(":disabled, .skip, .unseen, [role=gridcell]") || withinText(element)) continue;
      if (touchable(element).some(({ width, height }) => Math.min(width, height) >= least - 0.5)) continue;
      element.scrollIntoView({ block: "center", behavior: "instant" });
      const boxes = touchable(element);
      if (boxes.some((box) => reaches(element, box, least / 2))) continue;
      found.push(`${named(element)} is a target of ${Math.round(boxes[0].width)} by ${Math.round(boxes[0].height)}`);
    }
    scrollTo({ left: x, top: y, behavior: "instant" });
    return found;
  }

  /** Any CSS colour as [red, green, blue, alpha], the first three of 255. */
  function rgba(colour) {
    const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = brush.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }

  /** The texts of the elements that `selectors` name: box on the page, colour, and the contrast they owe.
   *  A lone comma stands so near its neighbours that their letters would be taken for its ground. */
  function inks(selectors) {
    const found = [];
    const wanted = new Set(selectors.map((selector) => document.querySelector(selector)));
    for (const { holder, box, words } of texts()) {
      if (!wanted.has(holder) || !/[\p{L}\p{N}]/u.test(words)) continue;
      const style = getComputedStyle(holder);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      const opacity = [...ancestors(holder)].reduce((left, element) => left * getComputedStyle(element).opacity, 1);
      const [red, green, blue, alpha] = rgba(style.color);
      found.push({
        name: named(holder), ink: [red, green, blue, alpha * opacity], owes: large ? 3 : 4.5,
        box: [box.left + scrollX, box.top + scrollY, box.width, box.height],
      });
    }
    return found;
  }

  /** Colours fade when the look changes: two pictures later each fade has begun, and is brought to its end. */
  async function settled() {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    for (const animation of document.getAnimations()) {
      if (animation.effect?.getComputedTiming().endTime !== Infinity) animation.finish();
    }
    await document.fonts.ready;
  }

  // Artwork takes a second to paint at these sizes, and moves nothing.
  const STRETCHED = new CSSStyleSheet();
  STRETCHED.replaceSync("img { visibility: hidden !important }");
  const SPACED = new CSSStyleSheet();
  SPACED.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }");

  /** Ready for a look at the layout alone, with the spacing that a reader may ask for (WCAG 1.4.12) or without. */
  function stretch(spaced) {
    relax();
    document.adoptedStyleSheets.push(STRETCHED, ...(spaced ? [SPACED] : []));
  }

  function relax() {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== STRETCHED && sheet !== SPACED);
  }

  window.looks = { misfits, small, inks, settled, stretch, relax };
})();
