// Given a picture and texts that stand in it: which of them differ too little from their ground.
// The ground is read from a text's surroundings, one pixel outside its box, where no letter reaches.
async ({ picture, inks, scale }) => {
  const bytes = Uint8Array.from(atob(picture), (c) => c.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const brush = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
  brush.drawImage(image, 0, 0);

  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [darker, lighter] = [light(one), light(other)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
  };

  function ground([left, top, width, height]) {
    const found = [];
    const [x, y, w, h] = [left, top, width, height].map((value) => Math.round(value * scale));
    const rows = [[x, y - 1, w, 1], [x, y + h, w, 1], [x - 2, y, 1, h], [x + w + 1, y, 1, h]];
    for (const [rx, ry, rw, rh] of rows) {
      if (rx < 0 || ry < 0 || rx + rw > image.width || ry + rh > image.height || rw < 1 || rh < 1) continue;
      const { data } = brush.getImageData(rx, ry, rw, rh);
      for (let i = 0; i < data.length; i += 4) found.push([data[i], data[i + 1], data[i + 2]]);
    }
    return found;
  }

  return inks.flatMap(({ name, ink, owes, box }) => {
    const alpha = ink[3];
    const over = (under) => under.map((value, i) => ink[i] * alpha + value * (1 - alpha));
    const found = ground(box).map((under) => contrast(over(under), under)).sort((a, b) => a - b);
    // What has nearly the ink's own colour is an underline or a neighbour, unless there is little else.
    const clear = found.filter((value) => value > 1.5);
    const judged = clear.length > found.length / 4 ? clear : found;
    const worst = judged[Math.floor(judged.length / 3)];
    return worst === undefined || worst >= owes ? [] : [`${name} has a contrast of ${worst.toFixed(2)}, owes ${owes}`];
  });
}
