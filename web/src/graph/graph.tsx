import { useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";

import { StateIcon, stateClass, stateWord } from "../parts/state";
import { layout, type GraphNode, type Sizes } from "./layout";

export interface Node extends GraphNode {
  title: string;
  state: string;
  note: string; // the second line
  isDag: boolean;
}

const SIZES: Sizes = { width: 240, height: 58, gapX: 36, gapY: 44, margin: 20 };
export const MAX_DRAWN = 300; // a wider loop is a table, not a picture
const ZOOMS = [0.5, 0.67, 0.8, 1, 1.25, 1.5];
const TITLE_CHARACTERS = 22;
const SMALLEST_FIT = 0.6; // below this the text cannot be read: better to scroll

function curve(points: { x: number; y: number }[]): string {
  let path = "";
  points.forEach((p, i) => {
    const before = points[i - 1];
    if (!before) path += `M${p.x},${p.y}`;
    else if (before.x === p.x) path += `L${p.x},${p.y}`;
    else {
      const middle = (before.y + p.y) / 2;
      path += `C${before.x},${middle} ${p.x},${middle} ${p.x},${p.y}`;
    }
  });
  return path;
}

function short(title: string): string {
  return title.length > TITLE_CHARACTERS ? `${title.slice(0, TITLE_CHARACTERS - 1)}…` : title;
}

export function Graph(props: {
  nodes: Node[];
  selected?: string | undefined;
  onSelect: (id: string) => void;
  onOpen?: (id: string) => void;
}): React.JSX.Element {
  const { nodes, selected, onSelect, onOpen } = props;
  const [zoom, setZoom] = useState<number>(); // undefined: as large as fits
  const scroll = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  // The shape changes seldom, the states often: positions are computed for the shape alone.
  const shape = JSON.stringify(nodes.map((n) => [n.id, n.after]));
  const placed = useMemo(() => layout(nodes, SIZES), [shape]);
  const byId = new Map(nodes.map((n) => [n.id, n]));
  const drawn = nodes.length <= MAX_DRAWN;
  useLayoutEffect(() => {
    const element = scroll.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setRoom(element.clientWidth));
    observer.observe(element);
    setRoom(element.clientWidth);
    return () => observer.disconnect();
  }, [drawn]);

  if (!drawn) {
    return (
      <div className="graph-list">
        {nodes.map((node) => (
          <button key={node.id} className={node.id === selected ? "selected" : ""} onClick={() => onSelect(node.id)}>
            <StateIcon state={node.state} /> {node.title}
          </button>
        ))}
      </div>
    );
  }

  const fit = room > 0 ? Math.max(SMALLEST_FIT, Math.min(1, (room - 2) / placed.width)) : 1;
  const scale = zoom ?? fit;
  const smaller = ZOOMS.filter((z) => z < scale - 0.01).pop();
  const larger = ZOOMS.find((z) => z > scale + 0.01);
  const key = (id: string, isDag: boolean) => (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onSelect(id);
    } else if (event.key === "ArrowRight" && isDag) onOpen?.(id);
  };
  return (
    <div className="graph">
      <div className="graph-tools">
        <button aria-label="Zoom out" disabled={!smaller} onClick={() => setZoom(smaller)}>
          −
        </button>
        <button aria-label="Zoom in" disabled={!larger} onClick={() => setZoom(larger)}>
          +
        </button>
        <button aria-label="Fit the width" disabled={zoom === undefined} onClick={() => setZoom(undefined)}>
          ↔
        </button>
      </div>
      <div className="graph-scroll" ref={scroll}>
        <svg
          width={placed.width * scale}
          height={placed.height * scale}
          viewBox={`0 0 ${placed.width} ${placed.height}`}
          role="group"
          aria-label="Graph of the tasks"
        >
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0,0.5L8,4L0,7.5z" className="arrow" />
            </marker>
          </defs>
          {placed.edges.map((edge) => {
            const touched = selected === edge.from || selected === edge.to;
            const flowing = byId.get(edge.to)?.state === "RUNNING";
            return (
              <path
                key={`${edge.from} ${edge.to}`}
                className={`edge${touched ? " touched" : ""}${flowing ? " flowing" : ""}`}
                d={curve(edge.points)}
                markerEnd="url(#arrow)"
              />
            );
          })}
          {placed.nodes.map(({ id, x, y }) => {
            const node = byId.get(id);
            if (!node) return null;
            return (
              <g
                key={id}
                data-task={id}
                data-state={node.state}
                className={`node ${stateClass(node.state)}${id === selected ? " selected" : ""}`}
                transform={`translate(${x - SIZES.width / 2},${y - SIZES.height / 2})`}
                role="button"
                tabIndex={0}
                aria-pressed={id === selected}
                aria-label={node.state === "" ? node.title : `${node.title}, ${stateWord(node.state)}`}
                onClick={() => onSelect(id)}
                onDoubleClick={() => node.isDag && onOpen?.(id)}
                onKeyDown={key(id, node.isDag)}
              >
                <title>{node.title}</title>
                {node.isDag && <rect className="stack" x="5" y="5" width={SIZES.width} height={SIZES.height} rx="10" />}
                <rect className="box" width={SIZES.width} height={SIZES.height} rx="10" />
                <rect className="bar" x="8" y="12" width="4" height={SIZES.height - 24} rx="2" />
                <text className="title" x="22" y="25">
                  {short(node.title)}
                </text>
                <text className="note" x="22" y="44">
                  {node.note}
                </text>
                {node.state !== "" && (
                  <g transform={`translate(${SIZES.width - 34},${SIZES.height / 2 - 9})`}>
                    <StateIcon state={node.state} />
                  </g>
                )}
              </g>
            );
          })}
        </svg>
      </div>
    </div>
  );
}
