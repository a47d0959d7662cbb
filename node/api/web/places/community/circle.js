// Places around a middle, for pictures of who belongs together.

/** `count` places on a circle, evenly, the first at the top: `[x, y]` rounded to tenths. */
export function around(count, middle, radius) {
  return Array.from({ length: count }, (_, n) => {
    const turn = (2 * Math.PI * n) / count - Math.PI / 2;
    return [round(middle + radius * Math.cos(turn)), round(middle + radius * Math.sin(turn))];
  });
}

function round(value) {
  return Math.round(value * 10) / 10;
}
