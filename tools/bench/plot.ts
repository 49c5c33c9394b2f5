import { type Spread, threeDigits } from '../statistics.ts';
import { CONTENDERS } from './contenders.ts';
import { over, type Results } from './results.ts';

interface Bar {
  readonly label: string;
  readonly spread: Spread;
  readonly isOurs: boolean;
}

const WIDTH = 760;
const LABEL_WIDTH = 170;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 20;
const ROW_HEIGHT = 32;
const TITLE_HEIGHT = 56;
const AXIS_HEIGHT = 34;

/** Draws the run as an SVG image: sign-ins per second by powers of ten. */
export function plotOf({ slices }: Results): string {
  const bars = CONTENDERS.map(({ name, kind }) => ({
    label: kind === 'frame' ? `${name} (requests)` : name,
    spread: over(slices.get(name), ({ perSecond }) => perSecond),
    isOurs: kind === 'product',
  }));
  const height = TITLE_HEIGHT + bars.length * ROW_HEIGHT + AXIS_HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Sign-ins per second of each server">
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .quiet { font-size: 11px; fill: #59636e; }
  .back { fill: #ffffff; }
  .grid { stroke: #d1d9e0; }
  .ours { fill: #0969da; }
  .theirs { fill: #8c959f; }
  .whisker { stroke: #1f2328; fill: none; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .back { fill: #0d1117; }
    .grid { stroke: #3d444d; }
    .ours { fill: #4493f8; }
    .theirs { fill: #656c76; }
    .whisker { stroke: #f0f6fc; }
  }
</style>
<rect class="back" width="${WIDTH}" height="${height}" rx="6"/>
${panel(bars)}
</svg>
`;
}

function panel(bars: readonly Bar[]): string {
  const known = bars.filter(({ spread }) => spread.min > 0);
  const lowest = Math.floor(Math.log10(Math.min(...known.map(({ spread }) => spread.min), 10)));
  const highest = Math.ceil(Math.log10(Math.max(...known.map(({ spread }) => spread.max), 10)));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const x = (value: number) =>
    round(LABEL_WIDTH + (room * (Math.log10(value) - lowest)) / Math.max(1, highest - lowest));
  const bottom = TITLE_HEIGHT + bars.length * ROW_HEIGHT;

  const grid = Array.from({ length: highest - lowest + 1 }, (_, index) => 10 ** (lowest + index)).map(
    (value) =>
      `<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="${TITLE_HEIGHT - 4}" y2="${bottom}"/>` +
      `<text class="quiet" text-anchor="middle" x="${x(value)}" y="${bottom + 16}">${threeDigits(value)}</text>`,
  );
  const rows = bars.map(({ label, spread, isOurs }, index) => {
    const y = TITLE_HEIGHT + index * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2;
    const middle = y + BAR_HEIGHT / 2;
    const name = `<text text-anchor="end" x="${LABEL_WIDTH - 10}" y="${middle + 4}">${label}</text>`;
    if (!(spread.min > 0)) return name;
    const [from, to] = [x(spread.min), x(spread.max)];
    return (
      `${name}<rect class="${isOurs ? 'ours' : 'theirs'}" x="${LABEL_WIDTH}" y="${y}" ` +
      `width="${round(x(spread.median) - LABEL_WIDTH)}" height="${BAR_HEIGHT}" rx="2"/>` +
      `<path class="whisker" d="M${from} ${middle - 5}v10M${from} ${middle}H${to}M${to} ${middle - 5}v10"/>` +
      `<text x="${Math.max(to, x(spread.median)) + 8}" y="${middle + 4}">${threeDigits(spread.median)}</text>`
    );
  });
  return [
    `<text class="title" x="16" y="26">Sign-ins per second</text>`,
    `<text class="quiet" x="16" y="43">more is better; median of all rounds, lines from the minimum to the maximum</text>`,
    ...grid,
    ...rows,
  ].join('\n');
}

const round = (value: number) => Math.round(value * 10) / 10;
