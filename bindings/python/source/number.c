/* SPDX-License-Identifier: MIT */
/* Operators of Python: arithmetic, comparison, truth. A number beside a tensor follows PyTorch: it
   changes the dtype only where it is of a higher kind (a float beside integers gives the default
   floating dtype, an integer beside bool gives int64). */
#include "binding.h"

typedef tg_status (*Binary)(tg_tensor, tg_tensor, tg_tensor*);
typedef tg_status (*WithScalar)(tg_tensor, double, tg_tensor*);
typedef tg_status (*InPlace)(tg_tensor, tg_tensor);
typedef tg_status (*ScalarInPlace)(tg_tensor, double);
typedef tg_status (*Unary)(tg_tensor, tg_tensor*);

enum NumberKind { kNone, kInteger, kFloat, kBool };

int number_kind(PyObject* object, double* value) {
  if (PyFloat_Check(object)) {
    *value = PyFloat_AsDouble(object);
    return kFloat;
  }
  if (PyLong_Check(object)) {
    *value = PyLong_AsDouble(object);
    if (*value == -1 && PyErr_Occurred()) return -1;
    return PyBool_Check(object) ? kBool : kInteger;
  }
  if (is_tensor(object) || PySequence_Check(object)) return kNone;
  if (PyIndex_Check(object)) {
    PyObject* integer = PyNumber_Index(object);
    if (integer == NULL) return -1;
    *value = PyLong_AsDouble(integer);
    Py_DECREF(integer);
    return *value == -1 && PyErr_Occurred() ? -1 : kInteger;
  }
  if (PyType_GetSlot(Py_TYPE(object), Py_nb_float) != NULL) {
    *value = PyFloat_AsDouble(object);
    return *value == -1 && PyErr_Occurred() ? -1 : kFloat;
  }
  return kNone;
}

static bool holds_exactly(double value) {
  return value >= -9007199254740992.0 && value <= 9007199254740992.0;
}

/* The tensor of rank 0 that stands for a number which a double cannot hold, or that is the left
   operand of an operator without a form for it. */
static tg_status scalar_tensor(PyObject* number, int kind, double value, int32_t dtype,
                               tg_tensor* out) {
  if (dtype > TG_BFLOAT16 && kind == kInteger && !holds_exactly(value)) {
    PyObject* integer = PyNumber_Index(number);
    int overflow = 0;
    int64_t exact = integer == NULL ? 0 : PyLong_AsLongLongAndOverflow(integer, &overflow);
    Py_XDECREF(integer);
    if (PyErr_Occurred()) PyErr_Clear();
    if (overflow == 0) return tg_full_int64(exact, dtype, NULL, 0, out);
  }
  return tg_scalar(value, dtype, out);
}

/* The dtype that x and a number of `kind` have together. */
static int32_t promoted(int32_t dtype, int kind) {
  if (kind == kFloat && dtype > TG_BFLOAT16) return default_dtype;
  if (kind == kInteger && dtype == TG_BOOL) return TG_INT64;
  return dtype;
}

/* x, or a converted x. `converted` is released by the caller. */
static tg_status promote(tg_tensor* x, int kind, int32_t* dtype, tg_tensor* converted) {
  int32_t wanted;
  tg_status status = tg_tensor_dtype(*x, dtype);

  *converted = 0;
  if (status != TG_OK) return status;
  wanted = promoted(*dtype, kind);
  if (wanted == *dtype) return TG_OK;
  *dtype = wanted;
  status = tg_to_dtype(*x, wanted, converted);
  if (status == TG_OK) *x = *converted;
  return status;
}

static PyObject* two_tensors(Binary call, PyObject* a, PyObject* b) {
  tg_tensor x = handle_of(a), y = handle_of(b), out;
  tg_status status;

  if (ready() != 0) return NULL;
  WITHOUT_GIL_IF(is_large(x) || is_large(y), status = call(x, y, &out));
  return result(status, out);
}

/* `number` on the right (reversed: on the left) of x. */
static PyObject* with_number(Binary call, WithScalar scalar_call, PyObject* tensor,
                             PyObject* number, bool reversed) {
  double value;
  int kind = number_kind(number, &value);
  tg_tensor x = handle_of(tensor), y = 0, converted = 0, out = 0;
  int32_t dtype;
  tg_status status;

  if (kind < 0) return NULL;
  if (kind == kNone) Py_RETURN_NOTIMPLEMENTED;
  if (ready() != 0) return NULL;
  status = promote(&x, kind, &dtype, &converted);
  if (status == TG_OK) {
    if (scalar_call != NULL && !reversed && (dtype <= TG_BFLOAT16 || holds_exactly(value))) {
      WITHOUT_GIL_IF(is_large(x), status = scalar_call(x, value, &out));
    } else {
      status = scalar_tensor(number, kind, value, dtype, &y);
      if (status == TG_OK) {
        WITHOUT_GIL_IF(is_large(x), status = reversed ? call(y, x, &out) : call(x, y, &out));
      }
    }
  }
  if (status == TG_OK) {
    tg_release(y);
    tg_release(converted);
    return wrap_tensor(out);
  }
  raise_status(status);
  tg_release(y);
  tg_release(converted);
  return NULL;
}

static PyObject* arithmetic(Binary call, WithScalar scalar_call, PyObject* a, PyObject* b,
                            bool commutes) {
  if (is_tensor(a)) {
    if (is_tensor(b)) return two_tensors(call, a, b);
    return with_number(call, scalar_call, a, b, false);
  }
  return with_number(call, scalar_call, b, a, !commutes);
}

PyObject* number_add(PyObject* a, PyObject* b) {
  return arithmetic(tg_add, tg_add_scalar, a, b, true);
}
PyObject* number_subtract(PyObject* a, PyObject* b) {
  return arithmetic(tg_sub, tg_sub_scalar, a, b, false);
}
PyObject* number_multiply(PyObject* a, PyObject* b) {
  return arithmetic(tg_mul, tg_mul_scalar, a, b, true);
}
PyObject* number_divide(PyObject* a, PyObject* b) {
  return arithmetic(tg_div, tg_div_scalar, a, b, false);
}

PyObject* number_power(PyObject* a, PyObject* b, PyObject* modulus) {
  double value;
  int kind;

  if (modulus != Py_None || !is_tensor(a)) Py_RETURN_NOTIMPLEMENTED;
  kind = number_kind(b, &value);
  if (kind < 0) return NULL;
  if (kind == kNone) Py_RETURN_NOTIMPLEMENTED;
  return with_number(NULL, tg_pow_scalar, a, b, false);
}

PyObject* number_matmul(PyObject* a, PyObject* b) {
  tg_tensor out;
  tg_status status;

  if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
  if (ready() != 0) return NULL;
  WITHOUT_GIL_IF(is_large(handle_of(a)) || is_large(handle_of(b)),
                 status = tg_matmul(handle_of(a), handle_of(b), &out));
  return result(status, out);
}

static PyObject* unary(Unary call, PyObject* x) {
  tg_tensor out;
  tg_status status;

  if (ready() != 0) return NULL;
  WITHOUT_GIL_IF(is_large(handle_of(x)), status = call(handle_of(x), &out));
  return result(status, out);
}

PyObject* number_negative(PyObject* x) { return unary(tg_neg, x); }
PyObject* number_absolute(PyObject* x) { return unary(tg_abs, x); }
PyObject* number_positive(PyObject* x) { return Py_NewRef(x); }

/* &, | and ~ are logic on bool tensors: the product, the sum and "is false" of them. */
static bool is_bool(PyObject* x) {
  int32_t dtype;

  return is_tensor(x) && tg_tensor_dtype(handle_of(x), &dtype) == TG_OK && dtype == TG_BOOL;
}

static PyObject* logic(Binary call, const char* sign, PyObject* a, PyObject* b) {
  if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
  if (!is_bool(a) || !is_bool(b)) {
    return raise_error(TG_ERROR_DTYPE, "%s: both tensors must be bool; compare them first", sign);
  }
  return two_tensors(call, a, b);
}

PyObject* number_and(PyObject* a, PyObject* b) { return logic(tg_mul, "&", a, b); }
PyObject* number_or(PyObject* a, PyObject* b) { return logic(tg_add, "|", a, b); }

PyObject* number_invert(PyObject* x) {
  tg_tensor out;

  if (!is_bool(x)) return raise_error(TG_ERROR_DTYPE, "~: the tensor must be bool");
  if (ready() != 0) return NULL;
  tg_status status = tg_eq_scalar(handle_of(x), 0, &out);
  return result(status, out);
}

/* ---- in place ---- */

static PyObject* in_place(InPlace call, ScalarInPlace scalar_call, PyObject* x, PyObject* other,
                          double sign, bool inverse) {
  tg_tensor y = 0;
  tg_status status;

  if (is_tensor(other)) {
    if (ready() != 0) return NULL;
    WITHOUT_GIL_IF(is_large(handle_of(x)), status = call(handle_of(x), handle_of(other)));
  } else {
    double value;
    int kind = number_kind(other, &value);
    int32_t dtype;
    if (kind < 0) return NULL;
    if (kind == kNone) Py_RETURN_NOTIMPLEMENTED;
    if (ready() != 0) return NULL;
    status = tg_tensor_dtype(handle_of(x), &dtype);
    if (status == TG_OK && scalar_call != NULL && promoted(dtype, kind) == dtype &&
        (dtype <= TG_BFLOAT16 || holds_exactly(value)) && !inverse) {
      WITHOUT_GIL_IF(is_large(handle_of(x)), status = scalar_call(handle_of(x), sign * value));
    } else if (status == TG_OK) {
      status = scalar_tensor(other, kind, value, promoted(dtype, kind), &y);
      if (status == TG_OK) status = call(handle_of(x), y);
    }
  }
  if (status != TG_OK) raise_status(status);
  tg_release(y);
  return status == TG_OK ? Py_NewRef(x) : NULL;
}

PyObject* number_add_in_place(PyObject* a, PyObject* b) {
  return in_place(tg_add_, tg_add_scalar_, a, b, 1, false);
}
PyObject* number_subtract_in_place(PyObject* a, PyObject* b) {
  return in_place(tg_sub_, tg_add_scalar_, a, b, -1, false);
}
PyObject* number_multiply_in_place(PyObject* a, PyObject* b) {
  return in_place(tg_mul_, tg_mul_scalar_, a, b, 1, false);
}
PyObject* number_divide_in_place(PyObject* a, PyObject* b) {
  return in_place(tg_div_, NULL, a, b, 1, true);
}

/* ---- comparison and truth ---- */

PyObject* compare(PyObject* a, PyObject* b, int operation) {
  static const Binary calls[6] = {tg_lt, tg_le, tg_eq, tg_ne, tg_gt, tg_ge};
  static const WithScalar scalar_calls[6] = {tg_lt_scalar, tg_le_scalar, tg_eq_scalar,
                                             tg_ne_scalar, tg_gt_scalar, tg_ge_scalar};

  if (is_tensor(b)) return two_tensors(calls[operation], a, b);
  return with_number(calls[operation], scalar_calls[operation], a, b, false);
}

static int one_element(PyObject* x, double* value, int64_t* integer, int32_t* dtype) {
  tg_status status = tg_tensor_dtype(handle_of(x), dtype);

  if (ready() != 0) return -1;
  if (status == TG_OK) {
    status = *dtype <= TG_BFLOAT16 ? tg_tensor_item(handle_of(x), value)
                                   : tg_tensor_item_int64(handle_of(x), integer);
  }
  if (status == TG_OK) return 0;
  raise_status(status);
  return -1;
}

int number_bool(PyObject* x) {
  double value;
  int64_t integer;
  int32_t dtype;

  if (one_element(x, &value, &integer, &dtype) != 0) return -1;
  return dtype <= TG_BFLOAT16 ? value != 0 : integer != 0;
}

PyObject* number_item(PyObject* x, PyObject* unused) {
  double value;
  int64_t integer;
  int32_t dtype;

  (void)unused;
  if (one_element(x, &value, &integer, &dtype) != 0) return NULL;
  if (dtype <= TG_BFLOAT16) return PyFloat_FromDouble(value);
  return dtype == TG_BOOL ? PyBool_FromLong(integer != 0) : PyLong_FromLongLong(integer);
}

PyObject* number_int(PyObject* x) {
  double value;
  int64_t integer;
  int32_t dtype;

  if (one_element(x, &value, &integer, &dtype) != 0) return NULL;
  return dtype <= TG_BFLOAT16 ? PyLong_FromDouble(value) : PyLong_FromLongLong(integer);
}

PyObject* number_float(PyObject* x) {
  double value;
  int64_t integer;
  int32_t dtype;

  if (one_element(x, &value, &integer, &dtype) != 0) return NULL;
  return PyFloat_FromDouble(dtype <= TG_BFLOAT16 ? value : (double)integer);
}

PyObject* number_index(PyObject* x) {
  double value;
  int64_t integer;
  int32_t dtype;

  if (one_element(x, &value, &integer, &dtype) != 0) return NULL;
  if (dtype <= TG_BFLOAT16) {
    PyErr_SetString(PyExc_TypeError, "only integer tensors of one element can be an index");
    return NULL;
  }
  return PyLong_FromLongLong(integer);
}

/* ---- functions of the package and methods with PyTorch's arguments ---- */

/* Only an operator of Python's may say that it does not know an operand. */
static PyObject* known(PyObject* made, const char* name) {
  if (made != Py_NotImplemented) return made;
  Py_DECREF(made);
  PyErr_Format(PyExc_TypeError, "%s(): the operands must be Tensors or numbers", name);
  return NULL;
}

#define BINARY(name, call, scalar_call)                                                      \
  static PyObject* name(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {      \
    (void)self;                                                                              \
    if (count != 2 || !(is_tensor(arguments[0]) || is_tensor(arguments[1]))) {               \
      PyErr_SetString(PyExc_TypeError, #name "() takes two operands, one of them a Tensor"); \
      return NULL;                                                                           \
    }                                                                                        \
    return known(arithmetic(call, scalar_call, arguments[0], arguments[1], false), #name);   \
  }
BINARY(add, tg_add, tg_add_scalar)
BINARY(sub, tg_sub, tg_sub_scalar)
BINARY(mul, tg_mul, tg_mul_scalar)
BINARY(div_, tg_div, tg_div_scalar)
BINARY(eq, tg_eq, tg_eq_scalar)
BINARY(ne, tg_ne, tg_ne_scalar)
BINARY(lt, tg_lt, tg_lt_scalar)
BINARY(le, tg_le, tg_le_scalar)
BINARY(gt, tg_gt, tg_gt_scalar)
BINARY(ge, tg_ge, tg_ge_scalar)

#define FAST(function) (PyCFunction)(void (*)(void)) function
PyMethodDef number_methods[] = {{"_add", FAST(add), METH_FASTCALL, NULL},
                                {"_sub", FAST(sub), METH_FASTCALL, NULL},
                                {"_mul", FAST(mul), METH_FASTCALL, NULL},
                                {"_div", FAST(div_), METH_FASTCALL, NULL},
                                {"_eq", FAST(eq), METH_FASTCALL, NULL},
                                {"_ne", FAST(ne), METH_FASTCALL, NULL},
                                {"_lt", FAST(lt), METH_FASTCALL, NULL},
                                {"_le", FAST(le), METH_FASTCALL, NULL},
                                {"_gt", FAST(gt), METH_FASTCALL, NULL},
                                {"_ge", FAST(ge), METH_FASTCALL, NULL},
                                {NULL, NULL, 0, NULL}};
