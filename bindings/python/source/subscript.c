/* SPDX-License-Identifier: MIT */
/* x[key] and x[key] = value: integers, slices, ..., None, and one tensor of integers
   (index_select), each entry a view of the one before. A mask of bool as the whole key chooses
   elements. */
#include "binding.h"

Py_ssize_t length(PyObject* x) {
  int32_t rank;
  int64_t size = 0;
  tg_status status = tg_tensor_rank(handle_of(x), &rank);

  if (status == TG_OK && rank == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a tensor of rank 0");
    return -1;
  }
  if (status == TG_OK) status = tg_tensor_size(handle_of(x), 0, &size);
  if (status == TG_OK) return (Py_ssize_t)size;
  raise_status(status);
  return -1;
}

PyObject* item_at(PyObject* x, Py_ssize_t index) {
  tg_tensor out;
  tg_status status;

  if (ready() != 0) return NULL;
  status = tg_select(handle_of(x), 0, index, &out);
  return result(status, out);
}

/* A key is worked off from its left: `current` is the view so far, `dim` the dimension that the
   next entry speaks of. */
typedef struct {
  tg_tensor current; /* owned, but where it is `first` */
  tg_tensor first;
  int64_t dim;
} View;

static tg_status go_to(View* view, tg_status status, tg_tensor next) {
  if (status != TG_OK) return status;
  if (view->current != view->first) tg_release(view->current);
  view->current = next;
  return TG_OK;
}

static int take_slice(View* view, PyObject* key) {
  int64_t size;
  Py_ssize_t start, stop, step;
  tg_tensor next;
  tg_status status = tg_tensor_size(view->current, view->dim, &size);

  if (status == TG_OK) {
    if (PySlice_Unpack(key, &start, &stop, &step) != 0) return -1;
    if (step < 1) {
      PyErr_SetString(PyExc_ValueError, "the step of a slice must be positive");
      return -1;
    }
    PySlice_AdjustIndices((Py_ssize_t)size, &start, &stop, step);
    if (stop < start) stop = start;
    status = tg_slice(view->current, view->dim, start, stop, step, &next);
    status = go_to(view, status, next);
  }
  if (status != TG_OK) {
    raise_status(status);
    return -1;
  }
  view->dim++;
  return 0;
}

static int take_integer(View* view, PyObject* key) {
  int64_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  tg_tensor next;
  tg_status status;

  if (index == -1 && PyErr_Occurred()) return -1;
  status = tg_select(view->current, view->dim, index, &next);
  status = go_to(view, status, next);
  if (status == TG_OK) return 0;
  raise_status(status);
  return -1;
}

static int take_new_dimension(View* view) {
  tg_tensor next;
  tg_status status = tg_unsqueeze(view->current, view->dim, &next);

  status = go_to(view, status, next);
  if (status != TG_OK) {
    raise_status(status);
    return -1;
  }
  view->dim++;
  return 0;
}

/* A tensor or a list of integers: the rows that it names. Its own shape takes the place of the
   dimension. Negative numbers count from the end. */
static int take_rows(View* view, PyObject* key, bool* copies) {
  PyObject* made = is_tensor(key) ? Py_NewRef(key) : tensor_from_data(key, 0, false);
  tg_tensor index = 0, flat = 0, negative = 0, counted = 0, chosen = 0, next = 0;
  int64_t shape[2 * kMaxRank], sizes[kMaxRank], one = -1, size = 0;
  int32_t dtype = 0, rank = 0, index_rank = 0, total = 0;
  tg_status status;

  if (made == NULL) return -1;
  status = tg_tensor_dtype(handle_of(made), &dtype);
  if (status == TG_OK && (dtype == TG_BOOL || dtype <= TG_BFLOAT16)) {
    Py_DECREF(made);
    raise_error(TG_ERROR_DTYPE, "an index among others must be a tensor of integers, not %s",
                dtype == TG_BOOL ? "a mask" : "of floating numbers");
    return -1;
  }
  if (status == TG_OK) status = tg_tensor_shape(view->current, shape, kMaxRank, &rank);
  if (status == TG_OK) status = tg_tensor_shape(handle_of(made), sizes, kMaxRank, &index_rank);
  if (status == TG_OK) status = tg_tensor_size(view->current, view->dim, &size);
  if (status == TG_OK) status = tg_to_dtype(handle_of(made), TG_INT64, &index);
  if (status == TG_OK) status = tg_reshape(index, &one, 1, &flat);
  if (status == TG_OK) status = tg_lt_scalar(flat, 0, &negative);
  if (status == TG_OK) status = tg_add_scalar(flat, (double)size, &counted);
  if (status == TG_OK) status = tg_where(negative, counted, flat, &chosen);
  if (status == TG_OK) status = tg_index_select(view->current, view->dim, chosen, &next);
  status = go_to(view, status, next);
  if (status == TG_OK && index_rank != 1) {
    int64_t full[2 * kMaxRank];
    for (int32_t i = 0; i < view->dim; i++) full[total++] = shape[i];
    for (int32_t i = 0; i < index_rank; i++) full[total++] = sizes[i];
    for (int32_t i = (int32_t)view->dim + 1; i < rank; i++) full[total++] = shape[i];
    status = tg_reshape(view->current, full, total, &next);
    status = go_to(view, status, next);
  }
  if (status != TG_OK) raise_status(status);
  tg_release(index), tg_release(flat), tg_release(negative);
  tg_release(counted), tg_release(chosen);
  Py_DECREF(made);
  view->dim += index_rank;
  *copies = true;
  return status == TG_OK ? 0 : -1;
}

static bool takes_a_dimension(PyObject* entry) { return entry != Py_None && entry != Py_Ellipsis; }

static int take_entry(View* view, PyObject* entry, int64_t skipped, bool* copies) {
  if (entry == Py_Ellipsis) {
    view->dim += skipped;
    return 0;
  }
  if (entry == Py_None) return take_new_dimension(view);
  if (PySlice_Check(entry)) return take_slice(view, entry);
  if (is_tensor(entry)) {
    int32_t rank = 1, dtype = TG_INT64;
    tg_tensor_rank(handle_of(entry), &rank);
    tg_tensor_dtype(handle_of(entry), &dtype);
    if (rank > 0 || dtype == TG_BOOL || dtype <= TG_BFLOAT16) return take_rows(view, entry, copies);
    return take_integer(view, entry);
  }
  if (PyBool_Check(entry)) {
    raise_error(TG_ERROR_UNSUPPORTED, "True and False are no index here; use 1, 0 or None");
    return -1;
  }
  if (PyIndex_Check(entry)) return take_integer(view, entry);
  if (PySequence_Check(entry)) return take_rows(view, entry, copies);
  PyErr_Format(PyExc_TypeError,
               "a tensor is indexed by integers, slices, ..., None and tensors of integers, not %R",
               (PyObject*)Py_TYPE(entry));
  return -1;
}

/* The view, or copy, that `key` names; 0 raised. *copies tells which. */
static tg_tensor resolve(tg_tensor x, PyObject* key, bool* copies) {
  View view = {x, x, 0};
  bool is_tuple = PyTuple_Check(key);
  Py_ssize_t count = is_tuple ? PyTuple_Size(key) : 1, i;
  int64_t skipped;
  int32_t rank;
  tg_status status = tg_tensor_rank(x, &rank);

  *copies = false;
  if (status != TG_OK) {
    raise_status(status);
    return 0;
  }
  skipped = rank;
  for (i = 0; i < count; i++) {
    if (takes_a_dimension(is_tuple ? PyTuple_GetItem(key, i) : key)) skipped--;
  }
  if (skipped < 0) {
    raise_error(TG_ERROR_INDEX, "too many indices: %d for a tensor of rank %d",
                (int)(rank - skipped), (int)rank);
    return 0;
  }
  for (i = 0; i < count; i++) {
    if (take_entry(&view, is_tuple ? PyTuple_GetItem(key, i) : key, skipped, copies) != 0) {
      if (view.current != x) tg_release(view.current);
      return 0;
    }
  }
  if (view.current == x) { /* x[...], x[()]: a view of the whole */
    int64_t shape[kMaxRank];
    tg_tensor whole = 0;
    status = tg_tensor_shape(x, shape, kMaxRank, &rank);
    if (status == TG_OK) status = tg_expand(x, shape, rank, &whole);
    if (status != TG_OK) raise_status(status);
    return whole;
  }
  return view.current;
}

static bool is_mask(PyObject* key) {
  int32_t dtype;

  return is_tensor(key) && tg_tensor_dtype(handle_of(key), &dtype) == TG_OK && dtype == TG_BOOL;
}

/* x[mask]: the rows of the flattened tensor where the flattened mask is true. */
static PyObject* masked(PyObject* x, PyObject* mask) {
  PyObject* helpers = PyImport_ImportModule("tapegrad._index");
  PyObject* made = helpers == NULL ? NULL : PyObject_CallMethod(helpers, "masked", "OO", x, mask);

  Py_XDECREF(helpers);
  return made;
}

PyObject* subscript(PyObject* x, PyObject* key) {
  bool copies;
  tg_tensor out;

  if (ready() != 0) return NULL;
  if (is_mask(key)) return masked(x, key);
  out = resolve(handle_of(x), key, &copies);
  return out == 0 ? NULL : wrap_tensor(out);
}

static tg_status write_to(tg_tensor target, PyObject* value) {
  double number;
  int kind = number_kind(value, &number);
  PyObject* made;
  tg_status status;

  if (kind < 0) return -1;
  if (kind == 1 && PyLong_Check(value) &&
      (number > 9007199254740992.0 || number < -9007199254740992.0)) {
    int overflow;
    int64_t exact = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow ? tg_fill_(target, number) : tg_fill_int64_(target, exact);
  }
  if (kind > 0) return tg_fill_(target, number);
  made = is_tensor(value) ? Py_NewRef(value) : tensor_from_data(value, 0, false);
  if (made == NULL) return -1;
  status = tg_copy_(target, handle_of(made));
  Py_DECREF(made);
  return status;
}

static int assign_by(const char* helper, PyObject* x, PyObject* key, PyObject* value) {
  PyObject* helpers = PyImport_ImportModule("tapegrad._index");
  PyObject* done =
      helpers == NULL ? NULL : PyObject_CallMethod(helpers, helper, "OOO", x, key, value);

  Py_XDECREF(helpers);
  Py_XDECREF(done);
  return done == NULL ? -1 : 0;
}

int assign_subscript(PyObject* x, PyObject* key, PyObject* value) {
  bool copies;
  tg_tensor target;
  tg_status status;

  if (value == NULL) {
    PyErr_SetString(PyExc_TypeError, "elements of a tensor cannot be deleted");
    return -1;
  }
  if (ready() != 0) return -1;
  if (is_mask(key)) return assign_by("assign_masked", x, key, value);
  target = resolve(handle_of(x), key, &copies);
  if (target == 0) return -1;
  if (copies) {
    tg_release(target);
    return assign_by("assign_rows", x, key, value);
  }
  status = write_to(target, value);
  if (status != TG_OK && !PyErr_Occurred()) raise_status(status);
  tg_release(target);
  return status == TG_OK ? 0 : -1;
}
