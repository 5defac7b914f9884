/* SPDX-License-Identifier: MIT */
/* Elements of Python in and out: tensor(data), tolist(), bytes. */
#include <string.h>

#include "binding.h"

int32_t default_dtype = TG_FLOAT32;

/* What a walk through nested sequences found. */
typedef struct {
  int64_t shape[kMaxRank];
  int32_t rank;
  int kind; /* the highest of number_kind's: float over integer over bool */
  double* numbers;
  int64_t* integers; /* the same elements; without meaning once kind is float */
  size_t count, capacity;
  bool is_scalar;
} Elements;

enum { kInteger = 1, kFloat = 2, kBool = 3 };

static int keep(Elements* all, PyObject* object, int kind, double number) {
  int64_t integer = 0;

  if (kind != kFloat) {
    PyObject* exact = PyNumber_Index(object);
    int overflow = 0;
    if (exact == NULL) return -1;
    integer = PyLong_AsLongLongAndOverflow(exact, &overflow);
    Py_DECREF(exact);
    if (overflow != 0) {
      raise_error(TG_ERROR_DTYPE, "tensor(): an integer is outside of int64");
      return -1;
    }
  }
  if (all->count == all->capacity) {
    size_t capacity = all->capacity == 0 ? 64 : 2 * all->capacity;
    double* numbers = (double*)PyMem_Realloc(all->numbers, capacity * sizeof *numbers);
    int64_t* integers;
    if (numbers != NULL) all->numbers = numbers;
    integers = (int64_t*)PyMem_Realloc(all->integers, capacity * sizeof *integers);
    if (integers != NULL) all->integers = integers;
    if (numbers == NULL || integers == NULL) {
      PyErr_NoMemory();
      return -1;
    }
    all->capacity = capacity;
  }
  all->numbers[all->count] = number;
  all->integers[all->count++] = integer;
  if (all->kind == 0 || all->kind == kBool || (all->kind == kInteger && kind == kFloat)) {
    if (!(all->kind != 0 && kind == kBool)) all->kind = kind;
  }
  return 0;
}

static int walk(Elements* all, PyObject* data, int32_t depth, bool first) {
  double number = 0;
  int kind;
  Py_ssize_t size, i;
  PyObject* items;

  if (is_tensor(data)) {
    int32_t rank = 1, dtype = 0;
    tg_tensor_rank(handle_of(data), &rank);
    tg_tensor_dtype(handle_of(data), &dtype);
    if (rank == 0) {
      PyObject* item = PyObject_CallMethod(data, "item", NULL);
      int failed = item == NULL || walk(all, item, depth, first) != 0;
      Py_XDECREF(item);
      return failed ? -1 : 0;
    }
  }
  kind = is_tensor(data) ? 0 : number_kind(data, &number);
  if (kind < 0) return -1;
  if (kind > 0) {
    if (first) all->rank = depth;
    if (depth != all->rank) {
      raise_error(TG_ERROR_SHAPE, "tensor(): a number where a sequence of length %lld is expected",
                  (long long)all->shape[depth]);
      return -1;
    }
    return keep(all, data, kind, number);
  }
  if (!PySequence_Check(data) || PyUnicode_Check(data) || PyBytes_Check(data)) {
    PyErr_Format(PyExc_TypeError, "tensor(): elements must be numbers, not %R",
                 (PyObject*)Py_TYPE(data));
    return -1;
  }
  if (depth == kMaxRank) {
    raise_error(TG_ERROR_LIMIT, "tensor(): more than 16 sequences inside each other");
    return -1;
  }
  items = PySequence_Fast(data, "tensor(): a sequence is expected");
  if (items == NULL) return -1;
  size = PySequence_Size(items);
  if (first) {
    all->shape[depth] = size;
    if (size == 0) all->rank = depth + 1;
  } else if (depth >= all->rank || all->shape[depth] != size) {
    Py_DECREF(items);
    raise_error(TG_ERROR_SHAPE,
                "tensor(): sequences of one depth have different lengths (%lld, then %lld)",
                depth < all->rank ? (long long)all->shape[depth] : 0LL, (long long)size);
    return -1;
  }
  for (i = 0; i < size; i++) {
    PyObject* item = PySequence_GetItem(items, i);
    int failed = item == NULL || walk(all, item, depth + 1, first && i == 0) != 0;
    Py_XDECREF(item);
    if (failed) {
      Py_DECREF(items);
      return -1;
    }
  }
  Py_DECREF(items);
  return 0;
}

static tg_status make(const Elements* all, int32_t dtype, bool requires_grad, tg_tensor* out) {
  bool floating = all->kind == kFloat;
  tg_tensor wide = 0;
  tg_status status;

  if (dtype == TG_FLOAT32) { /* the common case: in place, from the front */
    float* narrow = (float*)(void*)all->numbers;
    for (size_t i = 0; i < all->count; i++) narrow[i] = (float)all->numbers[i];
    return tg_tensor_create(narrow, TG_FLOAT32, all->shape, all->rank, requires_grad, out);
  }
  status = tg_tensor_create(floating ? (void*)all->numbers : (void*)all->integers,
                            floating ? TG_FLOAT64 : TG_INT64, all->shape, all->rank, 0, &wide);
  if (status == TG_OK) status = tg_to_dtype(wide, dtype, out);
  tg_release(wide);
  if (status == TG_OK && requires_grad) {
    status = tg_tensor_set_requires_grad(*out, 1);
    if (status != TG_OK) tg_release(*out);
  }
  return status;
}

static PyObject* copy_of(PyObject* tensor, int32_t dtype, bool requires_grad) {
  tg_tensor detached = 0, converted = 0, out = 0;
  tg_status status = tg_detach(handle_of(tensor), &detached);

  if (status == TG_OK && dtype != 0) {
    status = tg_to_dtype(detached, dtype, &converted);
  } else if (status == TG_OK) {
    status = tg_alias(detached, &converted);
  }
  if (status == TG_OK) status = tg_clone(converted, &out);
  if (status == TG_OK && requires_grad) {
    status = tg_tensor_set_requires_grad(out, 1);
    if (status != TG_OK) tg_release(out);
  }
  if (status != TG_OK) raise_status(status);
  tg_release(detached), tg_release(converted);
  return status == TG_OK ? wrap_tensor(out) : NULL;
}

PyObject* tensor_from_data(PyObject* data, int32_t dtype, bool requires_grad) {
  Elements all;
  tg_tensor out;
  tg_status status;

  if (ready() != 0) return NULL;
  if (is_tensor(data)) return copy_of(data, dtype, requires_grad);
  if (!PyList_Check(data) && !PyTuple_Check(data) && !PyFloat_Check(data) && !PyLong_Check(data) &&
      PyObject_HasAttrString(data, "__array_interface__")) {
    PyObject* helpers = PyImport_ImportModule("tapegrad._memory");
    PyObject* shared =
        helpers == NULL ? NULL : PyObject_CallMethod(helpers, "from_array", "O", data);
    PyObject* made = shared == NULL ? NULL : copy_of(shared, dtype, requires_grad);
    Py_XDECREF(helpers);
    Py_XDECREF(shared);
    return made;
  }
  memset(&all, 0, sizeof all);
  if (walk(&all, data, 0, true) != 0) {
    PyMem_Free(all.numbers);
    PyMem_Free(all.integers);
    return NULL;
  }
  if (dtype == 0) {
    dtype = all.kind == kInteger ? TG_INT64 : all.kind == kBool ? TG_BOOL : default_dtype;
  }
  status = make(&all, dtype, requires_grad, &out);
  PyMem_Free(all.numbers);
  PyMem_Free(all.integers);
  return result(status, out);
}

/* ---- out ---- */

static PyObject* element(const char* at, int32_t dtype) {
  float f;
  double d;
  int16_t s;
  int32_t i;
  int64_t l;

  switch (dtype) {
    case TG_FLOAT32: memcpy(&f, at, sizeof f); return PyFloat_FromDouble(f);
    case TG_FLOAT64: memcpy(&d, at, sizeof d); return PyFloat_FromDouble(d);
    case TG_INT8: return PyLong_FromLong((signed char)*at);
    case TG_UINT8: return PyLong_FromLong((unsigned char)*at);
    case TG_INT16: memcpy(&s, at, sizeof s); return PyLong_FromLong(s);
    case TG_INT32: memcpy(&i, at, sizeof i); return PyLong_FromLong(i);
    case TG_BOOL: return PyBool_FromLong(*at);
    default: memcpy(&l, at, sizeof l); return PyLong_FromLongLong(l);
  }
}

static PyObject* nested(const char** at, size_t width, int32_t dtype, const int64_t* shape,
                        int32_t rank) {
  PyObject* list;

  if (rank == 0) {
    PyObject* made = element(*at, dtype);
    *at += width;
    return made;
  }
  list = PyList_New((Py_ssize_t)shape[0]);
  for (int64_t i = 0; list != NULL && i < shape[0]; i++) {
    PyObject* item = nested(at, width, dtype, shape + 1, rank - 1);
    if (item == NULL)
      Py_CLEAR(list);
    else
      PyList_SetItem(list, (Py_ssize_t)i, item);
  }
  return list;
}

/* The elements of a half-precision tensor as float32, of others as they are. */
static tg_status readable(tg_tensor x, tg_tensor* out, int32_t* dtype) {
  tg_tensor detached;
  tg_status status = tg_tensor_dtype(x, dtype);

  if (status == TG_OK) status = tg_detach(x, &detached);
  if (status != TG_OK) return status;
  if (*dtype == TG_FLOAT16 || *dtype == TG_BFLOAT16) *dtype = TG_FLOAT32;
  status = tg_to_dtype(detached, *dtype, out);
  tg_release(detached);
  return status;
}

PyObject* tensor_to_list(PyObject* self, PyObject* unused) {
  int64_t shape[kMaxRank], count = 0;
  int32_t rank = 0, dtype = 0;
  uint64_t bytes = 0;
  tg_tensor x = 0;
  char* buffer = NULL;
  const char* at;
  PyObject* made = NULL;
  tg_status status;

  (void)unused;
  if (ready() != 0) return NULL;
  status = readable(handle_of(self), &x, &dtype);
  if (status == TG_OK) status = tg_tensor_shape(x, shape, kMaxRank, &rank);
  if (status == TG_OK) status = tg_tensor_numel(x, &count);
  if (status == TG_OK) status = tg_tensor_nbytes(x, &bytes);
  if (status == TG_OK) {
    buffer = (char*)PyMem_Malloc(bytes == 0 ? 1 : (size_t)bytes);
    if (buffer == NULL) {
      tg_release(x);
      return PyErr_NoMemory();
    }
    status = tg_tensor_copy_out(x, buffer, (size_t)bytes);
  }
  if (status == TG_OK) {
    at = buffer;
    made = nested(&at, count == 0 ? 0 : (size_t)(bytes / (uint64_t)count), dtype, shape, rank);
  } else {
    raise_status(status);
  }
  PyMem_Free(buffer);
  tg_release(x);
  return made;
}

PyObject* tensor_to_bytes(PyObject* self, PyObject* unused) {
  uint64_t bytes;
  PyObject* made;
  tg_status status;

  (void)unused;
  if (ready() != 0) return NULL;
  status = tg_tensor_nbytes(handle_of(self), &bytes);
  if (status != TG_OK) return raise_status(status);
  made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
  if (made == NULL) return NULL;
  status = tg_tensor_copy_out(handle_of(self), PyBytes_AsString(made), (size_t)bytes);
  if (status == TG_OK) return made;
  Py_DECREF(made);
  return raise_status(status);
}

/* tensor(data, *, dtype=None, requires_grad=False) */
static PyObject* tensor(PyObject* module, PyObject* arguments, PyObject* keywords) {
  static char* names[] = {"", "dtype", "requires_grad", "device", NULL};
  PyObject *data, *dtype = Py_None, *device = NULL;
  int requires_grad = 0;
  int32_t code = 0;

  (void)module;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$OpO:tensor", names, &data, &dtype,
                                   &requires_grad, &device)) {
    return NULL;
  }
  if (dtype != Py_None && take_dtype(dtype, &code) != 0) return NULL;
  return tensor_from_data(data, code, requires_grad != 0);
}

static PyObject* set_default_dtype(PyObject* module, PyObject* dtype) {
  int32_t code;

  (void)module;
  if (take_dtype(dtype, &code) != 0) return NULL;
  if (code > TG_BFLOAT16) {
    PyErr_SetString(PyExc_TypeError, "the default dtype must be a floating one");
    return NULL;
  }
  default_dtype = code;
  Py_RETURN_NONE;
}

static PyObject* get_default_dtype(PyObject* module, PyObject* unused) {
  (void)module;
  (void)unused;
  return Py_NewRef((PyObject*)dtypes[default_dtype]);
}

PyMethodDef data_methods[] = {
    {"tensor", (PyCFunction)(void (*)(void))tensor, METH_VARARGS | METH_KEYWORDS,
     "tensor(data, *, dtype=None, requires_grad=False, device=None)\n--\n\n"
     "A tensor that holds a copy of the numbers in nested sequences, of an array, or of another "
     "tensor. Without a\ndtype floats give the default dtype, integers int64, truth values bool."},
    {"set_default_dtype", set_default_dtype, METH_O,
     "set_default_dtype(dtype, /)\n--\n\nThe dtype of tensors made of floats from now on."},
    {"get_default_dtype", get_default_dtype, METH_NOARGS,
     "get_default_dtype()\n--\n\nThe dtype of tensors made of floats."},
    {NULL, NULL, 0, NULL}};
