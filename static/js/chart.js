// A small line chart in an SVG of 300 by 80.

const WIDTH = 300;
const HEIGHT = 80;

/** Draws `values` (newest last, `room` of them fill the width); `set` is a level to compare with, or null. */
export function spark(svg, values, room, set = null) {
  const top = Math.max(1, set ?? 0, ...values) * 1.08;
  const x = (i) => WIDTH - ((values.length - 1 - i) * WIDTH) / (room - 1);
  const y = (value) => HEIGHT - (HEIGHT * value) / top;
  const points = values.map((value, i) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`);
  const shapes = [path(`M${points.join("L")}`, "")];
  if (set !== null) shapes.unshift(path(`M0 ${y(set).toFixed(1)}H${WIDTH}`, "set"));
  svg.replaceChildren(...shapes);
}

function path(d, kind) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", d);
  if (kind) shape.setAttribute("class", kind);
  return shape;
}
