// A layered drawing of a directed graph without cycles, top to bottom (after Sugiyama, Tagawa and Toda, 1981):
// rank every node below all it depends on; split long edges by invisible nodes, one a rank; order each rank by the
// mean place of the neighbours above and below, keeping the order with the fewest crossings; then set coordinates.

export interface GraphNode {
  id: string;
  after: string[]; // ids; unknown ones are left out
}

export interface Placed {
  id: string;
  x: number; // centre
  y: number;
}

export interface Edge {
  from: string;
  to: string;
  points: { x: number; y: number }[]; // from the lower side of `from` to the upper side of `to`
}

export interface Layout {
  width: number;
  height: number;
  nodes: Placed[];
  edges: Edge[];
}

export interface Sizes {
  width: number;
  height: number;
  gapX: number;
  gapY: number;
  margin: number;
}

const SWEEPS = 8;
const BEND_WIDTH = 24; // room that an edge takes when it passes a rank

interface Slot {
  id: string; // a node's, or of an invisible one "from\nto\nrank"
  real: boolean;
  up: Slot[];
  down: Slot[];
  place: number; // within its rank
  x: number;
}

export function rankOf(nodes: GraphNode[]): Map<string, number> {
  const byId = new Map(nodes.map((n) => [n.id, n]));
  const rank = new Map<string, number>();
  const open = new Set<string>();
  const visit = (id: string): number => {
    const known = rank.get(id);
    if (known !== undefined) return known;
    if (open.has(id)) return 0; // a cycle: the server never sends one; drawn somehow rather than never
    open.add(id);
    let result = 0;
    for (const before of byId.get(id)?.after ?? []) {
      if (byId.has(before)) result = Math.max(result, visit(before) + 1);
    }
    open.delete(id);
    rank.set(id, result);
    return result;
  };
  for (const node of nodes) visit(node.id);
  return rank;
}

function crossings(ranks: Slot[][]): number {
  let count = 0;
  for (const row of ranks) {
    const ends: [number, number][] = [];
    for (const slot of row) for (const below of slot.down) ends.push([slot.place, below.place]);
    for (let i = 0; i < ends.length; i += 1) {
      for (let j = i + 1; j < ends.length; j += 1) {
        const a = ends[i]!;
        const b = ends[j]!;
        if ((a[0] - b[0]) * (a[1] - b[1]) < 0) count += 1;
      }
    }
  }
  return count;
}

function order(ranks: Slot[][]): void {
  const number = (row: Slot[]): void => row.forEach((slot, i) => (slot.place = i));
  ranks.forEach(number);
  let best = crossings(ranks);
  let kept = ranks.map((row) => [...row]);
  for (let sweep = 0; sweep < SWEEPS && best > 0; sweep += 1) {
    const downwards = sweep % 2 === 0;
    const rows = downwards ? ranks : [...ranks].reverse();
    for (const row of rows) {
      const mean = new Map(
        row.map((slot) => {
          const near = downwards ? slot.up : slot.down;
          return [slot, near.length ? near.reduce((sum, n) => sum + n.place, 0) / near.length : slot.place];
        }),
      );
      row.sort((a, b) => mean.get(a)! - mean.get(b)! || a.place - b.place);
      number(row);
    }
    const now = crossings(ranks);
    if (now < best) {
      best = now;
      kept = ranks.map((row) => [...row]);
    }
  }
  kept.forEach((row, i) => {
    ranks[i] = row;
    number(row);
  });
}

// Each rank is pulled towards its neighbours' mean, then pushed apart left to right and right to left.
function setX(ranks: Slot[][], sizes: Sizes): void {
  const room = (slot: Slot): number => (slot.real ? sizes.width : BEND_WIDTH) + sizes.gapX;
  for (const row of ranks) {
    let x = 0;
    for (const slot of row) {
      slot.x = x + room(slot) / 2;
      x += room(slot);
    }
    for (const slot of row) slot.x -= x / 2;
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const rows = sweep % 2 === 0 ? ranks : [...ranks].reverse();
    for (const row of rows) {
      const wish = row.map((slot) => {
        const near = sweep % 2 === 0 ? slot.up : slot.down;
        return near.length ? near.reduce((sum, n) => sum + n.x, 0) / near.length : slot.x;
      });
      const left: number[] = [];
      row.forEach((slot, i) => {
        const before = row[i - 1];
        left[i] = before ? Math.max(wish[i]!, left[i - 1]! + (room(before) + room(slot)) / 2) : wish[i]!;
      });
      const right: number[] = [];
      for (let i = row.length - 1; i >= 0; i -= 1) {
        const next = row[i + 1];
        right[i] = next ? Math.min(wish[i]!, right[i + 1]! - (room(next) + room(row[i]!)) / 2) : wish[i]!;
      }
      row.forEach((slot, i) => (slot.x = (left[i]! + right[i]!) / 2));
    }
  }
}

export function layout(nodes: GraphNode[], sizes: Sizes): Layout {
  if (nodes.length === 0) return { width: 0, height: 0, nodes: [], edges: [] };
  const rank = rankOf(nodes);
  const ranks: Slot[][] = [];
  const add = (id: string, real: boolean, at: number): Slot => {
    const slot: Slot = { id, real, up: [], down: [], place: 0, x: 0 };
    while (ranks.length <= at) ranks.push([]);
    ranks[at]!.push(slot);
    return slot;
  };
  const slots = new Map(nodes.map((node) => [node.id, add(node.id, true, rank.get(node.id)!)]));
  const chains: { from: string; to: string; through: Slot[] }[] = [];
  for (const node of nodes) {
    for (const before of new Set(node.after)) {
      const from = slots.get(before);
      if (!from || rank.get(before)! >= rank.get(node.id)!) continue;
      const through = [from];
      for (let r = rank.get(before)! + 1; r < rank.get(node.id)!; r += 1) {
        through.push(add(`${before}\n${node.id}\n${r}`, false, r));
      }
      through.push(slots.get(node.id)!);
      for (let i = 1; i < through.length; i += 1) {
        through[i - 1]!.down.push(through[i]!);
        through[i]!.up.push(through[i - 1]!);
      }
      chains.push({ from: before, to: node.id, through });
    }
  }
  order(ranks);
  setX(ranks, sizes);

  const all = ranks.flat();
  const half = (slot: Slot): number => (slot.real ? sizes.width : BEND_WIDTH) / 2;
  const minX = Math.min(...all.map((s) => s.x - half(s)));
  const maxX = Math.max(...all.map((s) => s.x + half(s)));
  const shift = sizes.margin - minX;
  const y = (r: number): number => sizes.margin + sizes.height / 2 + r * (sizes.height + sizes.gapY);
  const rowOf = new Map<Slot, number>();
  ranks.forEach((row, r) => row.forEach((slot) => rowOf.set(slot, r)));
  return {
    width: maxX - minX + 2 * sizes.margin,
    height: 2 * sizes.margin + ranks.length * sizes.height + (ranks.length - 1) * sizes.gapY,
    nodes: nodes.map((node) => ({ id: node.id, x: slots.get(node.id)!.x + shift, y: y(rank.get(node.id)!) })),
    edges: chains.map(({ from, to, through }) => ({
      from,
      to,
      points: through.flatMap((slot, i) => {
        const at = { x: slot.x + shift, y: y(rowOf.get(slot)!) };
        if (i === 0) return [{ x: at.x, y: at.y + sizes.height / 2 }];
        if (i === through.length - 1) return [{ x: at.x, y: at.y - sizes.height / 2 }];
        return [
          { x: at.x, y: at.y - sizes.height / 2 },
          { x: at.x, y: at.y + sizes.height / 2 },
        ];
      }),
    })),
  };
}
