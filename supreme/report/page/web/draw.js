// How methods look: a colour that follows light and dark, and a shape.
const ink = (method) => {
  const colour = DATA.looks[method]?.[0] ?? 'ink';
  return colour === 'ink' ? 'currentColor' : `color-mix(in oklab, ${colour}, white var(--lift))`;
};
function marker(x, y, method, size = 4.5) {
  return svg('path', { d: DATA.looks[method]?.[1], fill: ink(method), transform: `translate(${x} ${y}) scale(${size})` });
}
