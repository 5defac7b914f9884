# SPDX-License-Identifier: MIT
"""A tensor's graph for notebooks: drawn where the system can, else as a table."""

import html
import json
import shutil
import subprocess

from .._core import Error, capi

_SECONDS = 20  # that drawing may take


def explain(self):
    """What the tensor is to autograd, in words: why it requires grad or not, what it keeps alive, what may be done
    with it in each mode."""
    return capi.explain(self)


def _has_graph(tensor):
    try:
        return capi.tensor_grad_fn(tensor) is not None
    except Error:  # a view whose past was replaced
        return False


def _repr_svg_(self):
    """The graph behind the tensor, where there is one and Graphviz's dot is on the PATH."""
    dot = shutil.which("dot")
    if dot is None or not _has_graph(self):
        return None
    try:
        run = subprocess.run([dot, "-Tsvg"], input=capi.graph_dot(self), capture_output=True, text=True,
                             encoding="utf-8", timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout[run.stdout.find("<svg"):] if run.returncode == 0 and "<svg" in run.stdout else None


def _repr_html_(self):
    """The same graph as a table, where dot is not on the PATH."""
    if shutil.which("dot") is not None or not _has_graph(self):
        return None
    graph = json.loads(capi.graph_json(self))
    to = {}
    for edge in graph["edges"]:
        to.setdefault(edge["from"], []).append(str(edge["to"]) + (f" x {edge['count']}" if edge["count"] > 1 else ""))
    rows = []
    for node in graph["nodes"]:
        name = node["name"] + (f" x {node['count']}" if node["count"] > 1 else "")
        if node.get("tensor"):
            name += f" ({node['tensor']})"
        shape = "" if node["shape"] is None else f"{node['dtype']}{node['shape']}"
        saved = "" if node["saved_bytes"] is None else f"{node['saved_bytes']:,}"
        rows.append("".join(f"<td>{html.escape(text)}</td>" for text in (
            str(node["id"]), name, shape, saved, ", ".join(to.get(node["id"], [])))))
    head = "".join(f"<th>{text}</th>" for text in ("", "node", "result", "bytes saved", "gradients go to"))
    caption = f"{graph['node_count']:,} nodes, {graph['saved_bytes']:,} bytes saved"
    return (f"<pre>{html.escape(repr(self))}</pre><table><caption>{caption}</caption><tr>{head}</tr>"
            + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>")
