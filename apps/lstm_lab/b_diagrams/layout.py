"""Where the nodes of a b-diagram stand: layers from left to right, few crossings, long edges led round."""

from __future__ import annotations

from apps.lstm_lab.b_diagrams.graph import Diagram

SWEEPS = 12


def layers(diagram: Diagram) -> list[int]:
    """The layer of every node: one more than the furthest of what feeds it; constants stand just before their use."""
    at: list[int] = []
    for node in diagram.nodes:
        at.append(1 + max((at[edge.source] for edge in node.edges), default=-1))
    for number, node in enumerate(diagram.nodes):
        if not node.edges:
            uses = [at[k] for k, other in enumerate(diagram.nodes) if any(e.source == number for e in other.edges)]
            at[number] = min(uses, default=1) - 1
    return at


def place(diagram: Diagram) -> tuple[list[tuple[int, float]], dict[tuple[int, int], list[tuple[int, float]]]]:
    """Positions in units of one layer and one row.

    Returns:
        nodes: (layer, row) of every node; rows may be fractions, the topmost is 0.
        bends: for (target, number of its edge), the points that a long edge passes between its ends.
    """
    at = layers(diagram)
    columns: list[list[object]] = [[] for _ in range(max(at) + 1)]
    links: dict[object, list[object]] = {}
    for number, layer in enumerate(at):
        columns[layer].append(number)
    passing: dict[tuple[int, int], list[tuple[object, int]]] = {}
    for target, node in enumerate(diagram.nodes):
        for slot, edge in enumerate(node.edges):
            chain: list[object] = [edge.source]
            for layer in range(at[edge.source] + 1, at[target]):
                bend = ("bend", target, slot, layer)
                columns[layer].append(bend)
                chain.append(bend)
                passing.setdefault((target, slot), []).append((bend, layer))
            for a, b in zip(chain, [*chain[1:], target], strict=True):
                links.setdefault(a, []).append(b)
                links.setdefault(b, []).append(a)
    row = _rows(columns, links)
    top = min(row.values())
    nodes = [(at[number], row[number] - top) for number in range(len(at))]
    return nodes, {key: [(layer, row[bend] - top) for bend, layer in bends] for key, bends in passing.items()}


def _rows(columns: list[list[object]], links: dict[object, list[object]]) -> dict[object, float]:
    """Each node near the middle of its neighbours, kept apart within its layer; sweeps from left and right in turn."""
    row: dict[object, float] = {}
    for column in columns:
        for k, member in enumerate(column):
            row[member] = k - (len(column) - 1) / 2
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = {m: sum(row[n] for n in links.get(m, [m])) / len(links.get(m, [m])) for m in column}
            column.sort(key=lambda member: wanted[member])
            _spread(column, wanted, row)
    return row


def _spread(column: list[object], wanted: dict[object, float], row: dict[object, float]) -> None:
    """Rows as near to what is wanted as the distances allow: a bend needs less room than a node."""
    positions: list[float] = []
    for k, member in enumerate(column):
        gap = 1.0
        if k and (isinstance(member, tuple) or isinstance(column[k - 1], tuple)):
            gap = 0.55 if isinstance(member, tuple) and isinstance(column[k - 1], tuple) else 0.75
        positions.append(wanted[member] if k == 0 else max(wanted[member], positions[-1] + gap))
    # Pushing only downward drifts; moving the whole column back keeps its middle where it wanted to be.
    drift = sum(p - wanted[m] for p, m in zip(positions, column, strict=True)) / max(1, len(column))
    for position, member in zip(positions, column, strict=True):
        row[member] = position - drift


def drawing(diagram: Diagram) -> dict:
    """A run diagram with its places, as `widget/b_diagram.js` reads it: plain numbers, texts and lists."""
    places, bends = place(diagram)
    nodes = []
    for number, node in enumerate(diagram.nodes):
        edges = [
            {
                "from": edge.source,
                "weight": edge.weight,
                "weight_name": edge.weight_name,
                "returned": edge.returned,
                "bends": [list(point) for point in bends.get((number, slot), [])],
            }
            for slot, edge in enumerate(node.edges)
        ]
        nodes.append(
            {
                "kind": node.kind,
                "sign": node.sign,
                "name": node.name,
                "color": node.color,
                "value": node.value,
                "slopes": node.slopes,
                "slope_sign": node.function.slope_sign if node.function else "",
                "arrived": node.arrived,
                "at": list(places[number]),
                "edges": edges,
            }
        )
    return {"nodes": nodes, "weights": diagram.weight_gradients()}
