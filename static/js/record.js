// How the waits that fans were told turned out, for the organiser.

const count = (number) => number.toLocaleString("en");

/** "82% were right ..." for the `waits` of a desk frame. */
export function tellRecord({ told = 0, right = 0, withdrawn = 0 } = {}) {
  const replaced = withdrawn ? ` ${count(withdrawn)} more were replaced when the pace was changed by hand.` : "";
  if (!told) return `No wait told has come to its end yet.${replaced}`;
  return `Right ${Math.round((100 * right) / told)}% of the time (${count(right)} of ${count(told)}); 80% is the aim.${replaced}`;
}
