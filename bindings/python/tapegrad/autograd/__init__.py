# SPDX-License-Identifier: MIT
"""Gradients: torch.autograd's backward and grad."""

from .._arguments import tensors as list_of
from .._core import capi, enable_grad, failure, inference_mode, no_grad, set_grad_enabled
from . import function, functional, graph
from ._errors import detect_anomaly, set_detect_anomaly, sites
from ._gradcheck import GradcheckError, gradcheck, gradgradcheck
from ._hooks import RemovableHandle, register_node_hook, register_node_prehook
from .function import Function

__all__ = ["backward", "detect_anomaly", "function", "functional", "grad", "gradcheck", "gradgradcheck", "graph",
           "set_detect_anomaly", "sites", "Function", "GradcheckError", "GraphNode", "RemovableHandle", "enable_grad",
           "inference_mode", "no_grad", "set_grad_enabled"]


def _flags(retain_graph, create_graph, allow_unused=False):
    retain = create_graph if retain_graph is None else retain_graph
    return ((capi.RETAIN_GRAPH if retain else 0) | (capi.CREATE_GRAPH if create_graph else 0)
            | (capi.ALLOW_UNUSED if allow_unused else 0))


def _grads(gradients, count):
    if gradients is None:
        return None
    gradients = list_of(gradients)
    if len(gradients) != count:
        raise failure(capi.ERROR_INVALID_ARGUMENT, f"{len(gradients)} gradients were given for {count} tensors")
    return gradients


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradients of the sum of tensors to the .grad of the leaves that they were computed from."""
    outputs = list_of(tensors)
    if inputs is not None:  # only these leaves
        inputs = list_of(inputs)
        found = grad(outputs, inputs, grad_tensors, retain_graph, create_graph, allow_unused=True)
        for leaf, gradient in zip(inputs, found):
            if gradient is not None:
                leaf.grad = gradient if leaf.grad is None else leaf.grad + gradient
        return
    flags = _flags(retain_graph, create_graph)
    if grad_tensors is None and flags == 0 and len(outputs) == 1:
        capi.backward(outputs[0])
    else:
        capi.backward_from(outputs, _grads(grad_tensors, len(outputs)), flags)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
         allow_unused=None, is_grads_batched=False, materialize_grads=False):
    """The gradients of the sum of outputs by each of inputs. No .grad changes."""
    outputs, inputs = list_of(outputs), list_of(inputs)
    unused = materialize_grads if allow_unused is None else allow_unused
    found = capi.grad(outputs, _grads(grad_outputs, len(outputs)), inputs,
                      _flags(retain_graph, create_graph, unused))
    if materialize_grads:
        found = [capi.zeros_like(x) if gradient is None else gradient for gradient, x in zip(found, inputs)]
    return tuple(found)


class GraphNode:
    """A recorded call: what a tensor's grad_fn is."""

    __slots__ = ("_node", "__weakref__")

    def __init__(self, node):
        self._node = node

    def name(self):
        """The operator's name and `Backward`."""
        return capi.node_name(self._node)

    @property
    def next_functions(self):
        """For each input: the node that its gradient goes to, and to which of its outputs."""
        nodes = capi.node_inputs(self._node)
        return tuple((None, 0) if node is None else (GraphNode(node), capi.node_input_number(self._node, i))
                     for i, node in enumerate(nodes))

    @property
    def sequence(self):
        """The number of the call on the thread that recorded it."""
        return capi.node_sequence(self._node)

    @property
    def saved_bytes(self):
        """Bytes of tensors that the node keeps for the way back."""
        return capi.node_saved_bytes(self._node)

    def register_prehook(self, fn):
        """Lets fn(grad_outputs) run before the node does, and give others in their place."""
        return register_node_prehook(self._node, fn)

    def register_hook(self, fn):
        """Lets fn(grad_inputs, grad_outputs) run after the node did, and give other grad_inputs in their place."""
        return register_node_hook(self._node, fn)

    def __eq__(self, other):
        return isinstance(other, GraphNode) and capi.is_same(self._node, other._node)

    def __hash__(self):
        return hash((self.name(), self.sequence))

    def __repr__(self):
        return f"<{self.name()}>"
