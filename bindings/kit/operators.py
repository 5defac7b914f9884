# SPDX-License-Identifier: MIT
"""Steps of the kit: every operator with numbers that a reader can check, and the errors of each
family. What Python's own arithmetic gives is what the library has to give."""
import math
from functools import reduce

from recorder import Bytes, Forged, Room, Stale

FLOAT32, FLOAT64, INT32, INT64, BOOL = 1, 2, 7, 8, 10
DTYPE = {"float32": 1, "float64": 2, "int8": 5, "int16": 6, "int32": 7, "int64": 8, "uint8": 9,
         "bool": 10}
# Values whose last bits differ between processors or builds.
CLOSE = 1e-6


def tensor(k, name, values, shape=None, dtype="float32", requires_grad=0):
    shape = [len(values)] if shape is None else shape
    k.call("tensor_create", Bytes(dtype, values), DTYPE[dtype], shape, requires_grad, into=name)


def one(k, function, *given, values=None, shape=None, tolerance=0):
    """A call with one tensor out, looked at and released."""
    k.call(function, *given, into="y")
    k.check("y", values, tolerance, shape)
    k.call("release", "y")


def operands(k):
    tensor(k, "a", [1, 2, 3, 4, 5, 6], [2, 3])
    tensor(k, "b", [0.5, -1, 2], [3])
    tensor(k, "c", [1, -2, 0, 4], [2, 2])
    tensor(k, "d", [0.25, 0.5, 1, 2], dtype="float64")
    tensor(k, "i", [3, -1, 2], dtype="int64")
    tensor(k, "p", [1, 0, 1], dtype="bool")
    k.check("a", [1, 2, 3, 4, 5, 6], shape=[2, 3])
    k.check("i", [3, -1, 2])
    k.check("p", [1, 0, 1])


def elementwise(k):
    a, b = [1, 2, 3, 4, 5, 6], [0.5, -1, 2]
    for name, rule in [("add", lambda x, y: x + y), ("sub", lambda x, y: x - y),
                       ("mul", lambda x, y: x * y), ("div", lambda x, y: x / y),
                       ("maximum", max), ("minimum", min)]:
        one(k, name, "a", "b", values=[rule(x, b[n % 3]) for n, x in enumerate(a)], shape=[2, 3])
    for name, rule in [("add_scalar", lambda x: x + 2), ("sub_scalar", lambda x: x - 2),
                       ("mul_scalar", lambda x: x * 2), ("div_scalar", lambda x: x / 2),
                       ("pow_scalar", lambda x: x * x)]:
        one(k, name, "a", 2, values=[rule(x) for x in a], tolerance=CLOSE if "pow" in name else 0)
    one(k, "neg", "b", values=[-0.5, 1, -2])
    one(k, "abs", "b", values=[0.5, 1, 2])
    one(k, "relu", "b", values=[0.5, 0, 2])
    one(k, "clamp", "b", -0.5, 1, values=[0.5, -0.5, 1])
    one(k, "clamp", "b", -math.inf, 1, values=[0.5, -1, 1])
    for name, rule in [("exp", math.exp), ("log", math.log), ("sqrt", math.sqrt),
                       ("sin", math.sin), ("cos", math.cos), ("tanh", math.tanh),
                       ("sigmoid", lambda x: 1 / (1 + math.exp(-x)))]:
        one(k, name, "d", values=[rule(x) for x in (0.25, 0.5, 1, 2)], tolerance=CLOSE)
    one(k, "log", "c", values=[0, math.nan, -math.inf, math.log(4)], tolerance=CLOSE)
    one(k, "div_scalar", "c", 0, values=[math.inf, -math.inf, math.nan, math.inf])
    one(k, "where", "p", "b", "i", values=[0.5, -1, 2])
    one(k, "add", "i", "p", values=[4, -1, 3])
    one(k, "div", "i", "i", values=[1, 1, 1])
    k.call("add", "a", "c", status=3)
    k.call("add_scalar", "i", 0.5, status=4)
    k.call("where", "a", "a", "a", status=4)
    k.call("add", "a", None, status=2)
    k.call("mul", Forged(9007199254740991), "a", status=2)


def comparison(k):
    i = [3, -1, 2]
    for name, rule in [("eq", lambda x, y: x == y), ("ne", lambda x, y: x != y),
                       ("lt", lambda x, y: x < y), ("le", lambda x, y: x <= y),
                       ("gt", lambda x, y: x > y), ("ge", lambda x, y: x >= y)]:
        one(k, name, "i", "b", values=[int(rule(x, y)) for x, y in zip(i, [0.5, -1, 2])])
        one(k, name + "_scalar", "i", 2, values=[int(rule(x, 2)) for x in i])
        k.call(name, "a", "c", status=3)


def in_place(k):
    tensor(k, "x", [1, 2, 3])
    for name, second, values in [("add_", "b", [1.5, 1, 5]), ("sub_", "b", [1, 2, 3]),
                                 ("mul_", "b", [0.5, -2, 6]), ("div_", "b", [1, 2, 3]),
                                 ("add_scalar_", 1, [2, 3, 4]), ("mul_scalar_", 0.5, [1, 1.5, 2]),
                                 ("fill_", -0.5, [-0.5] * 3), ("copy_", "i", [3, -1, 2])]:
        k.call(name, "x", second)
        k.check("x", values)
    k.call("tensor_version", "x", gives=8)
    k.call("relu_", "x")
    k.check("x", [3, 0, 2])
    k.call("zero_", "x")
    k.check("x", [0, 0, 0])
    k.call("exp_", "x")
    k.check("x", [1, 1, 1])
    k.call("sigmoid_", "x")
    k.check("x", [1 / (1 + math.exp(-1))] * 3, CLOSE)
    for name, rule in [("add_out", lambda x, y: x + y), ("mul_out", lambda x, y: x * y)]:
        k.call(name, "b", "b", "x")
        k.check("x", [rule(v, v) for v in (0.5, -1, 2)])
    for name, more, values in [
            ("sub_scalar_", [1], [-0.75, 0, 3]), ("div_scalar_", [2], [-0.375, 0, 1.5]),
            ("neg_", [], [0.375, 0, -1.5]), ("abs_", [], [0.375, 0, 1.5]),
            ("clamp_", [0.25, 1], [0.375, 0.25, 1]),
            ("pow_scalar_", [2], [0.140625, 0.0625, 1]), ("sqrt_", [], [0.375, 0.25, 1])]:
        k.call(name, "x", *more)
        k.check("x", values, CLOSE)
    values = [0.375, 0.25, 1]
    for name, rule in [("sin_", math.sin), ("cos_", math.cos), ("tanh_", math.tanh),
                       ("log_", math.log)]:
        k.call(name, "x")
        values = [rule(v) for v in values]
        k.check("x", values, CLOSE)
    k.call("add_out", "a", "a", "x", status=3)
    k.call("mul_out", "b", "b", "i", status=4)
    k.call("add_", "i", "b", status=4)
    k.call("copy_", "x", "a", status=3)
    k.call("fill_", "i", 0.5, status=4)
    k.call("expand", "b", [2, 3], into="wide")
    k.call("add_scalar_", "wide", 1, status=14)
    k.call("release", "wide")
    k.call("release", "x")
    tensor(k, "n", [0, 0], dtype="int64")
    k.call("fill_int64_", "n", 2**53)
    k.check("n", [2**53] * 2)
    k.call("release", "n")


def into_given(k):
    """Forms that write into a given tensor, beside the numbers of those that make one."""
    b, d = [0.5, -1, 2], (0.25, 0.5, 1, 2)
    tensor(k, "o", [0, 0, 0])
    for name, rule in [("sub_out", lambda x, y: x - y), ("div_out", lambda x, y: x / y),
                       ("maximum_out", max), ("minimum_out", min)]:
        k.call(name, "b", "i", "o")
        k.check("o", [rule(x, y) for x, y in zip(b, [3, -1, 2])], CLOSE)
    for name, rule in [("add_scalar_out", lambda x: x + 2), ("sub_scalar_out", lambda x: x - 2),
                       ("mul_scalar_out", lambda x: x * 2), ("div_scalar_out", lambda x: x / 2),
                       ("pow_scalar_out", lambda x: x * x)]:
        k.call(name, "b", 2, "o")
        k.check("o", [rule(x) for x in b], CLOSE)
    for name, rule in [("neg_out", lambda x: -x), ("abs_out", abs),
                       ("relu_out", lambda x: max(x, 0))]:
        k.call(name, "b", "o")
        k.check("o", [rule(x) for x in b])
    k.call("clamp_out", "b", -0.5, 1, "o")
    k.check("o", [0.5, -0.5, 1])
    k.call("where_out", "p", "b", "i", "o")
    k.check("o", [0.5, -1, 2])
    tensor(k, "r", [0, 0, 0], dtype="bool")
    for name, rule in [("eq", lambda x, y: x == y), ("ne", lambda x, y: x != y),
                       ("lt", lambda x, y: x < y), ("le", lambda x, y: x <= y),
                       ("gt", lambda x, y: x > y), ("ge", lambda x, y: x >= y)]:
        k.call(name + "_out", "i", "b", "r")
        k.check("r", [int(rule(x, y)) for x, y in zip([3, -1, 2], b)])
        k.call(name + "_scalar_out", "i", 2, "r")
        k.check("r", [int(rule(x, 2)) for x in [3, -1, 2]])
    tensor(k, "e", [0] * 4, dtype="float64")
    for name, rule in [("exp", math.exp), ("log", math.log), ("sqrt", math.sqrt), ("sin", math.sin),
                       ("cos", math.cos), ("tanh", math.tanh),
                       ("sigmoid", lambda x: 1 / (1 + math.exp(-x)))]:
        k.call(name + "_out", "d", "e")
        k.check("e", [rule(x) for x in d], CLOSE)
    k.call("sub_out", "a", "a", "o", status=3)
    k.call("exp_out", "i", "o", status=4)
    k.call("clamp_out", "b", math.nan, 1, "o", status=1)
    k.call("expand", "b", [2, 3], into="wide")
    k.call("neg_out", "a", "wide", status=14)
    k.call("release_many", ["wide", "o", "r", "e"])


def into_given_shapes(k):
    """The same for reductions, products, and what joins and picks."""
    tensor(k, "one", [0], [])
    for name, value in [("sum", 21), ("mean", 3.5), ("max", 6), ("min", 1), ("argmax", 5),
                        ("argmin", 0)]:
        k.call(name + "_out", "a", "one")
        k.check("one", [value])
    tensor(k, "two", [0, 0])
    for name, more, values in [
            ("sum_dims_out", [[1], 0], [6, 15]), ("mean_dims_out", [[1], 0], [2, 5]),
            ("argmax_dim_out", [1, 0], [2, 2]), ("argmin_dim_out", [1, 0], [0, 0])]:
        k.call(name, "a", *more, "two")
        k.check("two", values)
    tensor(k, "where", [0, 0], dtype="int64")
    for name, values, index in [("max_dim_out", [3, 6], 2), ("min_dim_out", [1, 4], 0)]:
        k.call(name, "a", 1, 0, "two", "where")
        k.check("two", values)
        k.check("where", [index, index])
    k.call("max_dim_out", "a", 1, 0, "two", "two", status=14)
    k.call("release", "where")
    total = sum(math.exp(x) for x in (1, 2, 3))
    row = [math.exp(x) / total for x in (1, 2, 3)]
    tensor(k, "six", [0] * 6, [2, 3])
    k.call("softmax_out", "a", 1, "six")
    k.check("six", row * 2, CLOSE)
    k.call("log_softmax_out", "a", 1, "six")
    k.check("six", [math.log(x) for x in row] * 2, CLOSE)
    tensor(k, "v", [1, 0, -1])
    tensor(k, "m", [1, 2, 3, 4, 5, 6], [3, 2])
    tensor(k, "z", [0] * 4, [2, 2])
    k.call("mv_out", "a", "v", "two")
    k.check("two", [-2, -2], CLOSE)
    k.call("dot_out", "v", "b", "one")
    k.check("one", [-1.5], CLOSE)
    k.call("matmul_out", "a", "m", "z")
    k.check("z", [22, 28, 49, 64], CLOSE)
    k.call("addmm_out", "c", "a", "m", 2, 0.5, "z")
    k.check("z", [13, 10, 24.5, 40], CLOSE)
    k.call("addmm_", "z", "a", "m", 2, 1)
    k.check("z", [48, 48, 98, 144], CLOSE)
    k.call("linear_out", "a", "a", None, "z")
    k.check("z", [14, 32, 32, 77], CLOSE)
    for name in ("a", "m", "z"):
        k.call("unsqueeze", name, 0, into=name + "3")
    k.call("bmm_out", "a3", "m3", "z3")
    k.check("z", [22, 28, 49, 64], CLOSE)
    k.call("release_many", ["a3", "m3", "z3", "z", "m"])
    tensor(k, "cat", [0] * 12, [4, 3])
    k.call("cat_out", ["a", "six"], 0, "cat")
    k.check("cat", [1, 2, 3, 4, 5, 6] + [math.log(x) for x in row] * 2, CLOSE)
    tensor(k, "pairs", [0] * 6, [3, 2])
    k.call("stack_out", ["b", "v"], 1, "pairs")
    k.check("pairs", [0.5, 1, -1, 0, 2, -1])
    tensor(k, "n", [1, 0], dtype="int64")
    k.call("index_select_out", "a", 0, "n", "six")
    k.check("six", [4, 5, 6, 1, 2, 3])
    k.call("gather_out", "v", 0, "n", "two")
    k.check("two", [0, 1])
    k.call("sum_dims_out", "a", [2], 0, "two", status=5)
    k.call("sum_dims_out", "a", [0, 0], 0, "two", status=1)
    k.call("mm_out", "a", "a", "six", status=3)
    k.call("release_many", ["one", "two", "six", "v", "cat", "pairs", "n"])


def reductions(k):
    a = [[1, 2, 3], [4, 5, 6]]
    one(k, "sum", "a", values=[21], shape=[])
    one(k, "mean", "a", values=[3.5])
    one(k, "max", "a", values=[6])
    one(k, "min", "a", values=[1])
    one(k, "argmax", "a", values=[5])
    one(k, "argmin", "a", values=[0])
    one(k, "sum_dims", "a", [1], 0, values=[6, 15], shape=[2])
    one(k, "sum_dims", "a", [0], 1, values=[5, 7, 9], shape=[1, 3])
    one(k, "sum_dims", "a", None, 0, values=[21], shape=[])
    one(k, "sum_dims", "a", [-1, 0], 0, values=[21])
    one(k, "mean_dims", "a", [1], 1, values=[2, 5], shape=[2, 1])
    for name, index, rule in [("max_dim", 2, max), ("min_dim", 0, min)]:
        k.call(name, "a", 1, 0, into=["values", "where"])
        k.check("values", [rule(row) for row in a])
        k.check("where", [index, index])
        k.call("release_many", ["values", "where"])
    one(k, "argmax_dim", "a", 0, 0, values=[1, 1, 1])
    one(k, "argmin_dim", "a", 1, 1, values=[0, 0], shape=[2, 1])
    for name, log in [("softmax", False), ("log_softmax", True)]:
        total = sum(math.exp(x) for x in (1, 2, 3))
        row = [math.exp(x) / total for x in (1, 2, 3)]
        row = [math.log(x) for x in row] if log else row
        one(k, name, "a", 1, values=row * 2, tolerance=CLOSE)
    k.call("sum_dims", "a", [2], 0, status=5)
    k.call("sum_dims", "a", [0, 0], 0, status=1)
    k.call("max_dim", "a", 1, 2, status=1)
    k.call("softmax", "i", 0, status=4)
    k.call("argmax_dim", "a", -3, 0, status=5)


def products(k):
    tensor(k, "v", [1, 0, -1])
    tensor(k, "m", [1, 2, 3, 4, 5, 6], [3, 2])
    product = [22, 28, 49, 64]
    one(k, "mm", "a", "m", values=product, shape=[2, 2], tolerance=CLOSE)
    one(k, "matmul", "a", "v", values=[-2, -2], tolerance=CLOSE)
    one(k, "mv", "a", "v", values=[-2, -2], tolerance=CLOSE)
    one(k, "dot", "v", "b", values=[-1.5], shape=[], tolerance=CLOSE)
    one(k, "addmm", "c", "a", "m", 2, 0.5, values=[13, 10, 24.5, 40], tolerance=CLOSE)
    one(k, "linear", "a", "a", None, values=[14, 32, 32, 77], tolerance=CLOSE)
    k.call("unsqueeze", "a", 0, into="a3")
    k.call("unsqueeze", "m", 0, into="m3")
    one(k, "bmm", "a3", "m3", values=product, shape=[1, 2, 2], tolerance=CLOSE)
    k.call("empty", FLOAT32, [2, 2], into="z")
    k.call("mm_out", "a", "m", "z")
    k.check("z", product, CLOSE)
    k.call("mm", "a", "a", status=3)
    k.call("mm", "a", "i", status=4)
    k.call("dot", "v", "i", status=4)
    k.call("bmm", "a", "m", status=3)
    k.call("mv", "v", "a", status=3)
    k.call("release_many", ["v", "m", "a3", "m3", "z"])


def shapes(k):
    a = [1, 2, 3, 4, 5, 6]
    turned = [1, 4, 2, 5, 3, 6]
    one(k, "view", "a", [3, -1], values=a, shape=[3, 2])
    one(k, "reshape", "a", [6], values=a, shape=[6])
    one(k, "flatten", "a", 0, -1, values=a, shape=[6])
    one(k, "t", "a", values=turned, shape=[3, 2])
    one(k, "transpose", "a", 0, 1, values=turned, shape=[3, 2])
    one(k, "permute", "a", [1, 0], values=turned, shape=[3, 2])
    one(k, "expand", "b", [2, 3], values=[0.5, -1, 2] * 2, shape=[2, 3])
    one(k, "unsqueeze", "b", -1, values=[0.5, -1, 2], shape=[3, 1])
    one(k, "select", "a", 0, 1, values=[4, 5, 6])
    one(k, "narrow", "a", 1, 1, 2, values=[2, 3, 5, 6], shape=[2, 2])
    one(k, "slice", "a", 1, 0, 3, 2, values=[1, 3, 4, 6], shape=[2, 2])
    one(k, "as_strided", "a", [2, 2], [1, 2], 1, values=[2, 4, 3, 5])
    k.call("unsqueeze", "b", 0, into="s")
    one(k, "squeeze", "s", values=[0.5, -1, 2], shape=[3])
    one(k, "squeeze_dim", "s", 0, values=[0.5, -1, 2], shape=[3])
    k.call("release", "s")
    k.call("split", "a", 2, 1, None, gives=2)
    k.call("split", "a", 2, 1, Room("handle", 2), into=["s1", "s2"])
    k.check("s1", [1, 2, 4, 5], shape=[2, 2])
    k.check("s2", [3, 6], shape=[2, 1])
    k.call("release_many", ["s1", "s2"])
    one(k, "cat", ["a", "a"], 0, values=a * 2, shape=[4, 3])
    one(k, "stack", ["b", "b"], 1, values=[0.5, 0.5, -1, -1, 2, 2], shape=[3, 2])
    tensor(k, "n", [1, 0, 1], dtype="int64")
    one(k, "index_select", "a", 0, "n", values=[4, 5, 6, 1, 2, 3, 4, 5, 6], shape=[3, 3])
    k.call("unsqueeze", "n", 0, into="g")
    one(k, "gather", "a", 1, "g", values=[2, 1, 2], shape=[1, 3])
    k.call("release_many", ["n", "g"])
    k.call("view", "a", [4, 2], status=3)
    k.call("t", "s1" if "s1" in k.live else "a", into="y")
    k.call("view", "y", [6], status=3)
    k.call("contiguous", "y", into="whole")
    k.check("whole", turned)
    k.call("tensor_is_contiguous", "y", gives=0)
    k.call("tensor_is_contiguous", "whole", gives=1)
    k.call("tensor_is_view", "y", gives=1)
    k.call("release_many", ["y", "whole"])
    k.call("select", "a", 0, 2, status=5)
    k.call("narrow", "a", 0, 1, 5, status=5)
    k.call("slice", "a", 0, 0, 2, 0, status=1)
    k.call("transpose", "a", 0, 2, status=5)
    k.call("permute", "a", [0, 0], status=1)
    k.call("expand", "a", [2, 4], status=3)
    k.call("unsqueeze", "a", 4, status=5)
    k.call("cat", ["a", "b"], 0, status=3)
    k.call("stack", ["a", "b"], 0, status=3)
    k.call("cat", None, 0, status=1)
    k.call("index_select", "a", 0, "b", status=4)
    k.call("gather", "a", 0, "i", status=3)
    k.call("split", "a", -1, 0, None, status=1)
    k.call("split", "a", 1, 1, Room("handle", 1), status=10)
    k.call("squeeze_dim", "a", 3, status=5)


def losses(k):
    tensor(k, "target", [1, 1, 1, 2, 2, 2], [2, 3])
    tensor(k, "classes", [2, 0], dtype="int64")
    differences = [(x - y)**2 for x, y in zip([1, 2, 3, 4, 5, 6], [1, 1, 1, 2, 2, 2])]
    one(k, "mse_loss", "a", "target", 0, values=differences)
    one(k, "mse_loss", "a", "target", 1, values=[sum(differences) / 6], tolerance=CLOSE)
    one(k, "mse_loss", "a", "target", 2, values=[sum(differences)])
    one(k, "nll_loss", "a", "classes", None, -100, 2, values=[-7])
    one(k, "nll_loss", "a", "classes", "b", -100, 2, values=[-8])
    total = math.log(sum(math.exp(x) for x in (1, 2, 3)))
    rows = [total - 3, total - 1]
    one(k, "cross_entropy", "a", "classes", None, -100, 0, 0, values=rows, tolerance=CLOSE)
    one(k, "cross_entropy", "a", "classes", None, -100, 1, 0, values=[sum(rows) / 2],
        tolerance=CLOSE)
    one(k, "cross_entropy", "a", "classes", None, 2, 1, 0, values=[rows[1]], tolerance=CLOSE)
    tensor(k, "one", [0], [])
    tensor(k, "two", [0, 0])
    k.call("mse_loss_out", "a", "target", 2, "one")
    k.check("one", [sum(differences)])
    k.call("nll_loss_out", "a", "classes", "b", -100, 2, "one")
    k.check("one", [-8])
    k.call("cross_entropy_out", "a", "classes", None, -100, 0, 0, "two")
    k.check("two", rows, CLOSE)
    k.call("mse_loss_out", "a", "target", 0, "two", status=3)
    k.call("release_many", ["one", "two"])
    k.call("mse_loss", "a", "target", 3, status=1)
    k.call("mse_loss", "a", "c", 1, status=3)
    k.call("cross_entropy", "a", "b", None, -100, 1, 0, status=4)
    k.call("cross_entropy", "a", "classes", None, -100, 1, 2, status=1)
    k.call("nll_loss", "a", "i", None, -100, 1, status=3)
    k.call("release_many", ["target", "classes"])


def wrong_kind(i):
    """A live handle of another kind; of a tensor and of anything the right one."""
    return "net" if i.handle not in (None, "any", "tensor", "module") else "a"


def every_handle(k):
    """For each function that takes a handle: 0, a stale, a forged one, or one of another kind."""
    tensor(k, "old", [1])
    k.call("release", "old")
    plain = {"integer": 0, "double": 0.0, "text": "x", "handles": ["a"]}
    turn = 0
    for f in k.model.functions:
        needed = [i for i in f.inputs if i.way == "handle" and not i.nullable]
        if not f.status or not needed or any(i.way == "pointer" for i in f.inputs):
            continue
        given = [wrong_kind(i) if i in needed else plain.get(i.way) for i in f.inputs]
        if needed[0].handle in (None, "any", "tensor"):
            bad = [None, Stale("old"), Forged(2**52 + 77)]
            if needed[0].handle == "tensor":
                bad.append("net")
            given[f.inputs.index(needed[0])] = bad[turn % len(bad)]
            turn += 1
        k.call(f.short, *given, status=2)


def record(k):
    for part in (operands, elementwise, comparison, in_place, into_given, into_given_shapes,
                 reductions, products, shapes, losses):
        part(k)
    k.live_handles()
