/* SPDX-License-Identifier: MIT */
/* The methods of a tensor that are called often: those without arguments, products, shapes. The
   others, with PyTorch's optional arguments, are written in Python over the generated functions
   (tapegrad/_tensor.py). */
#include "convert.h"

#define UNARY(name, call)                                            \
  static PyObject* method_##name(PyObject* self, PyObject* unused) { \
    tg_tensor x = handle_of(self), out;                              \
    tg_status status;                                                \
    (void)unused;                                                    \
    if (ready() != 0) return NULL;                                   \
    WITHOUT_GIL_IF(is_large(x), status = call(x, &out));             \
    return result(status, out);                                      \
  }
UNARY(neg, tg_neg)
UNARY(abs, tg_abs)
UNARY(exp, tg_exp)
UNARY(log, tg_log)
UNARY(sqrt, tg_sqrt)
UNARY(sin, tg_sin)
UNARY(cos, tg_cos)
UNARY(tanh, tg_tanh)
UNARY(sigmoid, tg_sigmoid)
UNARY(relu, tg_relu)
UNARY(t, tg_t)
UNARY(detach, tg_detach)
UNARY(clone, tg_clone)
UNARY(contiguous, tg_contiguous)

#define IN_PLACE(name, call)                                         \
  static PyObject* method_##name(PyObject* self, PyObject* unused) { \
    tg_tensor x = handle_of(self);                                   \
    tg_status status;                                                \
    (void)unused;                                                    \
    if (ready() != 0) return NULL;                                   \
    WITHOUT_GIL_IF(is_large(x), status = call(x));                   \
    return status == TG_OK ? Py_NewRef(self) : raise_status(status); \
  }
IN_PLACE(neg_, tg_neg_)
IN_PLACE(abs_, tg_abs_)
IN_PLACE(log_, tg_log_)
IN_PLACE(sqrt_, tg_sqrt_)
IN_PLACE(sin_, tg_sin_)
IN_PLACE(cos_, tg_cos_)
IN_PLACE(tanh_, tg_tanh_)
IN_PLACE(exp_, tg_exp_)
IN_PLACE(sigmoid_, tg_sigmoid_)
IN_PLACE(relu_, tg_relu_)
IN_PLACE(zero_, tg_zero_)
IN_PLACE(detach_, tg_detach_)

#define BINARY(name, call)                                                                \
  static PyObject* method_##name(PyObject* self, PyObject* other) {                       \
    tg_tensor x = handle_of(self), y = tensor_argument(other, #name, "the operand"), out; \
    tg_status status;                                                                     \
    if (y == 0 || ready() != 0) return NULL;                                              \
    WITHOUT_GIL_IF(is_large(x) || is_large(y), status = call(x, y, &out));                \
    return result(status, out);                                                           \
  }
BINARY(mm, tg_mm)
BINARY(bmm, tg_bmm)
BINARY(mv, tg_mv)
BINARY(dot, tg_dot)
BINARY(matmul, tg_matmul)
BINARY(maximum, tg_maximum)
BINARY(minimum, tg_minimum)

#define QUESTION(name, call)                                                 \
  static PyObject* method_##name(PyObject* self, PyObject* unused) {         \
    int32_t answer;                                                          \
    tg_status status = call(handle_of(self), &answer);                       \
    (void)unused;                                                            \
    return status == TG_OK ? PyBool_FromLong(answer) : raise_status(status); \
  }
QUESTION(is_inference, tg_tensor_is_inference)
QUESTION(is_contiguous, tg_tensor_is_contiguous)
QUESTION(is_view, tg_tensor_is_view)

#define NUMBER(name, type, call, make)                               \
  static PyObject* method_##name(PyObject* self, PyObject* unused) { \
    type number;                                                     \
    tg_status status = call(handle_of(self), &number);               \
    (void)unused;                                                    \
    return status == TG_OK ? make(number) : raise_status(status);    \
  }
NUMBER(dim, int32_t, tg_tensor_rank, PyLong_FromLong)
NUMBER(numel, int64_t, tg_tensor_numel, PyLong_FromLongLong)
NUMBER(storage_offset, int64_t, tg_tensor_storage_offset, PyLong_FromLongLong)
NUMBER(storage_id, uint64_t, tg_tensor_storage_id, PyLong_FromUnsignedLongLong)
NUMBER(data_ptr, void*, tg_tensor_data, PyLong_FromVoidPtr)

static PyObject* method_requires_grad_(PyObject* self, PyObject* const* arguments,
                                       Py_ssize_t count) {
  int truth = count == 0 ? 1 : PyObject_IsTrue(arguments[0]);
  tg_status status;

  if (truth < 0 || ready() != 0) return NULL;
  status = tg_tensor_set_requires_grad(handle_of(self), truth);
  return status == TG_OK ? Py_NewRef(self) : raise_status(status);
}

static PyObject* method_retain_grad(PyObject* self, PyObject* unused) {
  tg_status status;

  (void)unused;
  if (ready() != 0) return NULL;
  status = tg_tensor_retain_grad(handle_of(self));
  if (status != TG_OK) return raise_status(status);
  Py_RETURN_NONE;
}

static PyObject* method_size(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  int64_t dim, size;
  tg_status status;

  if (!is_given(arguments, count, 0)) return shape_of(handle_of(self));
  if (take_int64(arguments[0], "dim", &dim) != 0) return NULL;
  status = tg_tensor_size(handle_of(self), dim, &size);
  return status == TG_OK ? PyLong_FromLongLong(size) : raise_status(status);
}

static PyObject* method_stride(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  int64_t strides[kMaxRank], dim;
  int32_t rank;
  PyObject* made;
  tg_status status = tg_tensor_strides(handle_of(self), strides, kMaxRank, &rank);

  if (status != TG_OK) return raise_status(status);
  if (is_given(arguments, count, 0)) {
    if (take_int64(arguments[0], "dim", &dim) != 0) return NULL;
    if (dim < -rank || dim >= rank) {
      return raise_error(TG_ERROR_INDEX, "stride: dim %lld is out of range for rank %d",
                         (long long)dim, (int)rank);
    }
    return PyLong_FromLongLong(strides[dim < 0 ? dim + rank : dim]);
  }
  made = PyTuple_New(rank);
  for (int32_t i = 0; made != NULL && i < rank; i++) {
    PyTuple_SetItem(made, i, PyLong_FromLongLong(strides[i]));
  }
  return made;
}

/* Sizes as several arguments or as one sequence. */
static int sizes_of(PyObject* const* arguments, Py_ssize_t count, int64_t* sizes, int32_t* rank) {
  if (count == 1) return take_sizes(arguments[0], "the sizes", sizes, rank);
  if (count > kMaxRank) {
    raise_error(TG_ERROR_LIMIT, "more than 16 dimensions");
    return -1;
  }
  *rank = (int32_t)count;
  for (Py_ssize_t i = 0; i < count; i++) {
    if (take_int64(arguments[i], "a size", &sizes[i]) != 0) return -1;
  }
  return 0;
}

#define SHAPED(name, call)                                                                       \
  static PyObject* method_##name(PyObject* self, PyObject* const* arguments, Py_ssize_t count) { \
    int64_t sizes[kMaxRank];                                                                     \
    int32_t rank;                                                                                \
    tg_tensor x = handle_of(self), out;                                                          \
    tg_status status;                                                                            \
    if (sizes_of(arguments, count, sizes, &rank) != 0 || ready() != 0) return NULL;              \
    WITHOUT_GIL_IF(is_large(x), status = call(x, sizes, rank, &out));                            \
    return result(status, out);                                                                  \
  }
static tg_status permute(tg_tensor x, const int64_t* dims, int32_t count, tg_tensor* out) {
  return tg_permute(x, dims, (size_t)count, out);
}

/* -1 keeps a size. */
static tg_status expand(tg_tensor x, const int64_t* sizes, int32_t rank, tg_tensor* out) {
  int64_t shape[kMaxRank], wanted[kMaxRank];
  int32_t own;
  tg_status status = tg_tensor_shape(x, shape, kMaxRank, &own);

  if (status != TG_OK) return status;
  for (int32_t i = 0; i < rank; i++) {
    int32_t from = i - (rank - own);
    wanted[i] = sizes[i] == -1 && from >= 0 ? shape[from] : sizes[i];
  }
  return tg_expand(x, wanted, rank, out);
}
SHAPED(reshape, tg_reshape)
SHAPED(permute, permute)
SHAPED(expand, expand)

static PyObject* method_view(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  int64_t sizes[kMaxRank];
  int32_t rank;
  tg_tensor out;

  if (sizes_of(arguments, count, sizes, &rank) != 0 || ready() != 0) return NULL;
  tg_status status = tg_view(handle_of(self), sizes, rank, &out);
  return result(status, out);
}

/* Of one shape with another tensor. */
#define LIKE(name, call)                                                    \
  static PyObject* method_##name(PyObject* self, PyObject* other) {         \
    int64_t shape[kMaxRank];                                                \
    int32_t rank;                                                           \
    tg_tensor y = tensor_argument(other, #name, "other"), out = 0;          \
    tg_status status;                                                       \
    if (y == 0 || ready() != 0) return NULL;                                \
    status = tg_tensor_shape(y, shape, kMaxRank, &rank);                    \
    if (status == TG_OK) status = call(handle_of(self), shape, rank, &out); \
    return result(status, out);                                             \
  }
LIKE(view_as, tg_view)
LIKE(reshape_as, tg_reshape)
LIKE(expand_as, tg_expand)

/* sum(dim=None, keepdim=False, dtype=None), mean the same. */
static PyObject* reduce(PyObject* self, PyObject* arguments, PyObject* keywords,
                        tg_status (*all)(tg_tensor, tg_tensor*),
                        tg_status (*some)(tg_tensor, const int64_t*, size_t, int32_t, tg_tensor*)) {
  static char* names[] = {"dim", "keepdim", "dtype", NULL};
  PyObject *dim = Py_None, *dtype = Py_None;
  int keepdim = 0;
  int64_t dims[kMaxRank];
  int32_t count = 0, code = 0;
  tg_tensor x = handle_of(self), converted = 0, out = 0;
  tg_status status = TG_OK;

  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|OpO:sum", names, &dim, &keepdim,
                                   &dtype)) {
    return NULL;
  }
  if ((dim != Py_None && take_sizes(dim, "dim", dims, &count) != 0) ||
      (dtype != Py_None && take_dtype(dtype, &code) != 0) || ready() != 0) {
    return NULL;
  }
  if (code != 0) {
    status = tg_to_dtype(x, code, &converted);
    x = converted;
  }
  if (status == TG_OK) {
    if (dim == Py_None && keepdim == 0) {
      WITHOUT_GIL_IF(is_large(x), status = all(x, &out));
    } else {
      WITHOUT_GIL_IF(is_large(x), status = some(x, dims, (size_t)count, keepdim, &out));
    }
  }
  if (status != TG_OK) raise_status(status);
  tg_release(converted);
  return status == TG_OK ? wrap_tensor(out) : NULL;
}

static PyObject* method_sum(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return reduce(self, arguments, keywords, tg_sum, tg_sum_dims);
}
static PyObject* method_mean(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return reduce(self, arguments, keywords, tg_mean, tg_mean_dims);
}

#define FAST(name) (PyCFunction)(void (*)(void)) method_##name, METH_FASTCALL
#define PLAIN(name, text) \
  { #name, method_##name, METH_NOARGS, #name "($self, /)\n--\n\n" text }
#define WITH_OTHER(name, text) \
  { #name, method_##name, METH_O, #name "($self, other, /)\n--\n\n" text }
PyMethodDef tensor_methods[] = {
    PLAIN(neg, "-x."),
    PLAIN(abs, "The magnitude of each element."),
    PLAIN(exp, "e^x."),
    PLAIN(log, "The natural logarithm."),
    PLAIN(sqrt, "The square root."),
    PLAIN(sin, "The sine, in radians."),
    PLAIN(cos, "The cosine, in radians."),
    PLAIN(tanh, "The hyperbolic tangent."),
    PLAIN(sigmoid, "1 / (1 + e^-x)."),
    PLAIN(relu, "max(x, 0)."),
    PLAIN(t, "The transposed matrix, a view."),
    PLAIN(detach, "The same elements without history."),
    PLAIN(clone, "A copy, recorded."),
    PLAIN(contiguous, "The tensor itself if its elements stand row-major, else its clone."),
    PLAIN(neg_, "-x in place."),
    PLAIN(abs_, "The magnitude in place."),
    PLAIN(log_, "The natural logarithm in place."),
    PLAIN(sqrt_, "The square root in place."),
    PLAIN(sin_, "The sine in place."),
    PLAIN(cos_, "The cosine in place."),
    PLAIN(tanh_, "The hyperbolic tangent in place."),
    PLAIN(exp_, "e^x in place."),
    PLAIN(sigmoid_, "1 / (1 + e^-x) in place."),
    PLAIN(relu_, "max(x, 0) in place."),
    PLAIN(zero_, "Sets all elements to 0."),
    PLAIN(detach_, "Takes the history away."),
    WITH_OTHER(mm, "The product of two matrices."),
    WITH_OTHER(bmm, "The products of two batches of matrices."),
    WITH_OTHER(mv, "A matrix times a vector."),
    WITH_OTHER(dot, "The inner product of two vectors."),
    WITH_OTHER(matmul, "The matrix product, broadcast."),
    WITH_OTHER(maximum, "The greater of two elements."),
    WITH_OTHER(minimum, "The smaller of two elements."),
    WITH_OTHER(view_as, "A view of the shape of other."),
    WITH_OTHER(reshape_as, "The elements in the shape of other."),
    WITH_OTHER(expand_as, "A view broadcast to the shape of other."),
    PLAIN(is_inference, "Whether the tensor was made in inference mode."),
    PLAIN(is_contiguous, "Whether the elements stand row-major without gaps."),
    {"_is_view", method_is_view, METH_NOARGS, "Whether the tensor is a view of another."},
    PLAIN(dim, "The number of dimensions."),
    PLAIN(numel, "The number of elements."),
    {"nelement", method_numel, METH_NOARGS, "The number of elements."},
    PLAIN(storage_offset, "Where the first element stands in the storage."),
    PLAIN(storage_id, "A number that is equal for tensors that share storage."),
    PLAIN(data_ptr, "The address of the first element."),
    PLAIN(retain_grad, "Lets backward store the gradient of a tensor that is no leaf."),
    {"requires_grad_", FAST(requires_grad_),
     "requires_grad_($self, requires_grad=True, /)\n--\n\nMakes the tensor a leaf that collects a "
     "gradient."},
    {"size", FAST(size), "size($self, dim=None, /)\n--\n\nThe sizes, or one of them."},
    {"stride", FAST(stride),
     "stride($self, dim=None, /)\n--\n\nThe strides in elements, or one of them."},
    {"view", FAST(view),
     "view($self, /, *shape)\n--\n\nA view of another shape; one size may be -1."},
    {"reshape", FAST(reshape), "reshape($self, /, *shape)\n--\n\nThe elements in another shape."},
    {"permute", FAST(permute),
     "permute($self, /, *dims)\n--\n\nA view with the dimensions in this order."},
    {"expand", FAST(expand), "expand($self, /, *sizes)\n--\n\nA view broadcast to these sizes."},
    {"sum", (PyCFunction)(void (*)(void))method_sum, METH_VARARGS | METH_KEYWORDS,
     "sum($self, /, dim=None, keepdim=False, dtype=None)\n--\n\nThe sum of all elements, or along "
     "dimensions."},
    {"mean", (PyCFunction)(void (*)(void))method_mean, METH_VARARGS | METH_KEYWORDS,
     "mean($self, /, dim=None, keepdim=False, dtype=None)\n--\n\nThe mean of all elements, or "
     "along "
     "dimensions."},
    {"item", number_item, METH_NOARGS, "item($self, /)\n--\n\nThe one element as a number."},
    {"tolist", tensor_to_list, METH_NOARGS,
     "tolist($self, /)\n--\n\nThe elements in nested lists; a number for a tensor of rank 0."},
    {"tobytes", tensor_to_bytes, METH_NOARGS,
     "tobytes($self, /)\n--\n\nThe elements as bytes, row-major."},
    {NULL, NULL, 0, NULL}};
