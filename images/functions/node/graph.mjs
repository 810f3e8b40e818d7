// Breadth-first search and PageRank on a graph of `size` nodes with eight edges each.
import { seeded, times } from './seeded.mjs';

const EDGES = 8;
const ROUNDS = 10;
const DAMPING = 0.85;

function distances(edges) {
  const far = new Int32Array(edges.length).fill(-1);
  far[0] = 0;
  const queue = [0];
  for (let at = 0; at < queue.length; at += 1) {
    const node = queue[at];
    for (const other of edges[node]) {
      if (far[other] >= 0) continue;
      far[other] = far[node] + 1;
      queue.push(other);
    }
  }
  return far;
}

function pageRank(edges) {
  const size = edges.length;
  let rank = new Float64Array(size).fill(1 / size);
  for (let round = 0; round < ROUNDS; round += 1) {
    const following = new Float64Array(size).fill((1 - DAMPING) / size);
    for (const [node, own] of edges.entries()) {
      const share = (DAMPING * rank[node]) / EDGES;
      for (const other of own) following[other] += share;
    }
    rank = following;
  }
  return rank;
}

export function handler({ seed, size }) {
  const random = seeded(seed);
  const edges = times(size, () => times(EDGES, () => random(size)));
  const far = distances(edges);
  const rank = pageRank(edges);
  let top = 0;
  for (let node = 1; node < size; node += 1) if (rank[node] > rank[top]) top = node;
  return {
    reached: far.reduce((sum, one) => sum + (one >= 0 ? 1 : 0), 0),
    farthest: far.reduce((most, one) => Math.max(most, one), 0),
    top,
    rank_ppb: Math.round(rank[top] * 1e9),
  };
}
