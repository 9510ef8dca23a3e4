// The objective of a tuning job's training jobs, in order of creation: one dot a job, the best so far as a line.

import { number } from "../data/format";

export interface Point {
  name: string;
  value: number;
  href: string;
}

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 64;
const RIGHT = 20;
const TOP = 16;
const BOTTOM = 34;

// Round numbers within [low, high]: 1, 2 or 5 times a power of ten apart.
export function ticks(low: number, high: number, wanted: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? 10 * power;
  const out: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) out.push(Number((i * step).toPrecision(12)));
  return out;
}

export function ObjectiveChart(props: { points: Point[]; metric: string; minimise: boolean }): React.JSX.Element | null {
  const { points, metric, minimise } = props;
  if (points.length === 0) return null;
  const values = points.map((p) => p.value);
  const min = Math.min(...values);
  const max = Math.max(...values);
  const pad = max > min ? (max - min) * 0.15 : Math.abs(max) * 0.05 || 1;
  const low = min - pad;
  const high = max + pad;
  const x = (i: number): number =>
    LEFT + (points.length === 1 ? 0.5 : i / (points.length - 1)) * (WIDTH - LEFT - RIGHT - 40) + 20;
  const y = (v: number): number => TOP + ((high - v) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  let best = values[0]!;
  const line = values.map((v, i) => {
    best = minimise ? Math.min(best, v) : Math.max(best, v);
    return `${i === 0 ? "M" : "L"}${x(i)},${y(best)}`;
  });
  const winner = values.indexOf(best);
  const every = Math.max(1, Math.ceil(points.length / 12));
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${metric} of each training job`}>
        {ticks(low, high, 4).map((t) => (
          <g key={t}>
            <line className="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(t)} y2={y(t)} />
            <text className="tick" x={LEFT - 8} y={y(t) + 4} textAnchor="end">
              {number(t)}
            </text>
          </g>
        ))}
        <path className="best" d={line.join("")} />
        {points.map((p, i) => (
          <a key={p.name} href={p.href} aria-label={`${p.name}: ${number(p.value)}`}>
            <title>{`${p.name}: ${number(p.value)}`}</title>
            <circle className={i === winner ? "dot winner" : "dot"} cx={x(i)} cy={y(p.value)} r={i === winner ? 6 : 4.5} />
            {i % every === 0 && (
              <text className="tick" x={x(i)} y={HEIGHT - 12} textAnchor="middle">
                {i + 1}
              </text>
            )}
          </a>
        ))}
      </svg>
      <figcaption>
        {metric} of each training job in order of creation; the line is the best so far ({minimise ? "smaller" : "larger"}{" "}
        is better)
      </figcaption>
    </figure>
  );
}
