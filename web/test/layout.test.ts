import assert from "node:assert/strict";
import { test } from "node:test";

import { layout, rankOf, type GraphNode, type Layout } from "../src/graph/layout";

const sizes = { width: 100, height: 40, gapX: 20, gapY: 30, margin: 10 };
const graph = (edges: { [id: string]: string[] }): GraphNode[] => Object.entries(edges).map(([id, after]) => ({ id, after }));
const at = (l: Layout, id: string) => l.nodes.find((n) => n.id === id)!;

function assertApart(l: Layout): void {
  for (const a of l.nodes) {
    for (const b of l.nodes) {
      if (a.id < b.id && a.y === b.y) assert.ok(Math.abs(a.x - b.x) >= sizes.width, `${a.id} and ${b.id} overlap`);
    }
    assert.ok(a.x - sizes.width / 2 >= 0 && a.x + sizes.width / 2 <= l.width, `${a.id} sticks out`);
    assert.ok(a.y - sizes.height / 2 >= 0 && a.y + sizes.height / 2 <= l.height, `${a.id} sticks out`);
  }
}

test("a node stands below all it waits for", () => {
  const nodes = graph({ a: [], b: ["a"], c: ["a", "b"], d: ["c", "a"] });
  const rank = rankOf(nodes);
  for (const node of nodes) for (const before of node.after) assert.ok(rank.get(before)! < rank.get(node.id)!);
  assert.equal(rank.get("d"), 3);
});

test("the lab's pipeline: a line that forks at its end, drawn symmetrically", () => {
  const l = layout(graph({ process: [], tune: ["process"], train: ["tune"], model: ["train"], deploy: ["model"], transform: ["model"] }), sizes);
  assertApart(l);
  assert.equal(at(l, "deploy").y, at(l, "transform").y);
  assert.ok(Math.abs((at(l, "deploy").x + at(l, "transform").x) / 2 - at(l, "model").x) < 1);
  assert.equal(l.edges.length, 5);
});

test("two chains do not cross although they are listed crosswise", () => {
  const l = layout(graph({ a: [], b: [], a1: ["a"], b1: ["b"], b2: ["b1"], a2: ["a1"] }), sizes);
  assertApart(l);
  const order = (one: string, two: string) => Math.sign(at(l, one).x - at(l, two).x);
  assert.equal(order("a1", "b1"), order("a2", "b2"));
});

test("a long edge passes beside the nodes between its ends", () => {
  const l = layout(graph({ a: [], b: ["a"], c: ["b"], d: ["c", "a"] }), sizes);
  assertApart(l);
  const edge = l.edges.find((e) => e.from === "a" && e.to === "d")!;
  for (const id of ["b", "c"]) {
    const node = at(l, id);
    const passing = edge.points.filter((p) => Math.abs(p.y - node.y) <= sizes.height / 2);
    assert.ok(passing.length > 0);
    for (const p of passing) assert.ok(Math.abs(p.x - node.x) > sizes.width / 2, `the edge runs through ${id}`);
  }
});

test("random graphs: nothing overlaps, every edge goes down", () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let round = 0; round < 60; round += 1) {
    const n = 1 + Math.floor(random() * 24);
    const nodes: GraphNode[] = [];
    for (let i = 0; i < n; i += 1) {
      const after = nodes.filter(() => random() < 0.2).map((m) => m.id);
      nodes.push({ id: `n${String(i).padStart(2, "0")}`, after });
    }
    const l = layout(nodes, sizes);
    assertApart(l);
    for (const edge of l.edges) assert.ok(edge.points[0]!.y < edge.points[edge.points.length - 1]!.y);
    assert.equal(l.edges.length, nodes.reduce((sum, node) => sum + node.after.length, 0));
  }
});

test("no nodes, unknown ones before, and cycles are survived", () => {
  assert.deepEqual(layout([], sizes).nodes, []);
  assert.equal(layout(graph({ a: ["ghost"] }), sizes).edges.length, 0);
  assert.equal(layout(graph({ a: ["b"], b: ["a"] }), sizes).nodes.length, 2);
});
