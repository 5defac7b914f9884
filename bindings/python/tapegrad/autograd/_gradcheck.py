# SPDX-License-Identifier: MIT
"""Gradients held against differences."""

from .._arguments import direct
from .._core import Tensor, capi, enable_grad, no_grad


class GradcheckError(RuntimeError):
    """A gradient is wrong; the text is the library's report, which names the worst element."""


def _check(order, func, inputs, eps, atol, rtol, raise_exception):
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not places:
        raise ValueError("gradcheck needs an input that requires grad, and checks none of the others")

    def function(*checked):
        arguments = list(inputs)
        for place, x in zip(places, checked):
            arguments[place] = x
        made = func(*arguments)
        return [x for x in (made if isinstance(made, (tuple, list)) else (made,)) if isinstance(x, Tensor)]

    checked = [inputs[place] for place in places]
    with no_grad():
        count = len(function(*(x.detach() for x in checked)))
    passed, report = direct(capi.gradcheck, function, checked, count, order, eps, atol, rtol)
    if not passed and raise_exception:
        raise GradcheckError(report)
    return passed


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, check_sparse_nnz=False,
              nondet_tol=0.0, check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
              check_batched_forward_grad=False, check_forward_ad=False, check_backward_ad=True, fast_mode=False):
    """Whether the gradients of func by those inputs that require grad, in float64, agree with differences. If
    they do not: GradcheckError, or False without raise_exception. What is named after raise_exception is there
    for PyTorch's sake and changes nothing."""
    return _check(1, func, inputs, eps, atol, rtol, raise_exception)


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3,
                  gen_non_contig_grad_outputs=False, raise_exception=True, nondet_tol=0.0,
                  check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
                  check_fwd_over_rev=False, check_rev_over_rev=True, fast_mode=False):
    """Whether the gradients of the gradients of func agree with differences, by the inputs and by the gradients
    that come in: grad_outputs, or others that the library chooses. Without grad_outputs the gradients themselves
    are checked too."""
    if grad_outputs is None:
        return _check(2, func, inputs, eps, atol, rtol, raise_exception)
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    weights = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
    weights = tuple(x if x.requires_grad else x.detach().requires_grad_() for x in weights)

    def gradients(*both):
        from . import grad
        with enable_grad():
            leaves = [x if isinstance(x, Tensor) and x.requires_grad else
                      x.detach().requires_grad_() if isinstance(x, Tensor) and given.requires_grad else x
                      for x, given in zip(both, inputs)]
            made = func(*leaves)
            made = made if isinstance(made, (tuple, list)) else (made,)
            wanted = [x for x in leaves if isinstance(x, Tensor) and x.requires_grad]
            return grad([x for x in made if x.requires_grad], wanted, both[len(inputs):], create_graph=True,
                        materialize_grads=True)

    return _check(1, gradients, inputs + weights, eps, atol, rtol, raise_exception)
