"""Breadth-first search and PageRank on a graph of `size` nodes with eight edges each."""

from collections import deque

from seeded import Seeded

EDGES = 8
ROUNDS = 10
DAMPING = 0.85


def distances(edges):
    far = [-1] * len(edges)
    far[0] = 0
    queue = deque([0])
    while queue:
        node = queue.popleft()
        for other in edges[node]:
            if far[other] < 0:
                far[other] = far[node] + 1
                queue.append(other)
    return far


def page_rank(edges):
    size = len(edges)
    rank = [1 / size] * size
    for _ in range(ROUNDS):
        following = [(1 - DAMPING) / size] * size
        for node in range(size):
            share = (DAMPING * rank[node]) / EDGES
            for other in edges[node]:
                following[other] += share
        rank = following
    return rank


def handler(event, context=None):
    random = Seeded(event["seed"])
    size = event["size"]
    edges = [[random.next(size) for _ in range(EDGES)] for _ in range(size)]
    far = distances(edges)
    rank = page_rank(edges)
    top = max(range(size), key=lambda node: (rank[node], -node))
    return {
        "reached": sum(1 for one in far if one >= 0),
        "farthest": max(far),
        "top": top,
        "rank_ppb": round(rank[top] * 1e9),
    }
