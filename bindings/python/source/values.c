/* SPDX-License-Identifier: MIT */
/* Tagged values (tg_value), which calls by name and operators of users take and give: None,
   numbers, texts, handles, sequences of one kind, and a bytearray as a buffer that the call may
   fill. */
#include <string.h>

#include "convert.h"

/* The limited API of 3.10 has no Py_buffer; this part of it is older, and kept for good. */
PyAPI_FUNC(int) PyObject_AsWriteBuffer(PyObject*, void**, Py_ssize_t*);

/* A sequence as an array of its own, which `kept` holds until the call is over. */
static int take_sequence(PyObject* object, tg_value* out, PyObject* kept) {
  PyObject* items = PySequence_Tuple(object);
  Py_ssize_t count = items == NULL ? 0 : PyTuple_Size(items);
  PyObject* memory = items == NULL ? NULL : PyBytes_FromStringAndSize(NULL, count * 8);
  PyObject* first = count == 0 ? NULL : PyTuple_GetItem(items, 0);
  char* at;
  int failed = 0;

  if (memory == NULL || PyList_Append(kept, memory) != 0 || count > UINT32_MAX) {
    Py_XDECREF(items);
    Py_XDECREF(memory);
    return -1;
  }
  Py_DECREF(memory); /* the list holds it */
  at = PyBytes_AsString(memory);
  out->type = first == NULL || PyLong_Check(first) ? TG_VALUE_INT64_ARRAY
              : PyFloat_Check(first)               ? TG_VALUE_DOUBLE_ARRAY
                                                   : TG_VALUE_HANDLE_ARRAY;
  for (Py_ssize_t i = 0; failed == 0 && i < count; i++, at += 8) {
    PyObject* item = PyTuple_GetItem(items, i);
    int64_t integer = 0;
    double number = 0;
    tg_handle handle = 0;
    if (out->type == TG_VALUE_INT64_ARRAY) {
      failed = take_int64(item, "an element", &integer);
      memcpy(at, &integer, sizeof integer);
    } else if (out->type == TG_VALUE_DOUBLE_ARRAY) {
      failed = take_double(item, "an element", &number);
      memcpy(at, &number, sizeof number);
    } else {
      failed = take_handle(item, "an element", &handle);
      memcpy(at, &handle, sizeof handle);
    }
  }
  Py_DECREF(items);
  out->count = (uint32_t)count;
  out->as.array = PyBytes_AsString(memory);
  return failed;
}

static int take_value(PyObject* object, tg_value* out, PyObject* kept) {
  const char* text;
  void* memory;
  Py_ssize_t size;

  memset(out, 0, sizeof *out);
  if (object == Py_None) return 0;
  if (PyLong_Check(object)) { /* what is above int64 stands for a uint64 */
    int overflow;
    out->type = TG_VALUE_INT64;
    out->as.integer = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow > 0) return take_uint64(object, "a value", &out->as.handle);
    return PyErr_Occurred() ? -1 : 0;
  }
  if (PyFloat_Check(object)) {
    out->type = TG_VALUE_DOUBLE;
    out->as.number = PyFloat_AsDouble(object);
    return 0;
  }
  if (PyUnicode_Check(object)) {
    if (take_text(object, "a value", &text) != 0) return -1;
    out->type = TG_VALUE_TEXT;
    out->count = (uint32_t)strlen(text);
    out->as.text = text;
    return 0;
  }
  if (PyObject_TypeCheck(object, &PyByteArray_Type) || PyBytes_Check(object)) {
    const void* bytes;
    size_t length;
    if (PyBytes_Check(object)) {
      if (take_bytes(object, "a value", &bytes, &length) != 0) return -1;
      memory = (void*)(uintptr_t)bytes;
      size = (Py_ssize_t)length;
    } else if (PyObject_AsWriteBuffer(object, &memory, &size) != 0) {
      return -1;
    }
    out->type = TG_VALUE_BUFFER;
    out->count = (uint32_t)size;
    out->as.pointer = memory;
    return 0;
  }
  if (!is_tensor(object) && PySequence_Check(object)) return take_sequence(object, out, kept);
  out->type = TG_VALUE_HANDLE;
  return take_handle(object, "a value", &out->as.handle);
}

int take_value_array(PyObject* object, const char* parameter, Values* out) {
  PyObject* items;

  if (object == Py_None) return 0;
  if (!PySequence_Check(object)) {
    PyErr_Format(PyExc_TypeError, "%s must be a sequence of values", parameter);
    return -1;
  }
  out->kept = PyList_New(0);
  items = PySequence_Tuple(object);
  if (out->kept == NULL || items == NULL ||
      make_value_room(out, (size_t)PyTuple_Size(items)) != 0 ||
      PyList_Append(out->kept, items) != 0) {
    Py_XDECREF(items);
    return -1;
  }
  Py_DECREF(items);
  for (size_t i = 0; i < out->count; i++) {
    if (take_value(PyTuple_GetItem(items, (Py_ssize_t)i), &out->items[i], out->kept) != 0) {
      return -1;
    }
  }
  return 0;
}

int make_value_room(Values* out, size_t count) {
  PyMem_Free(out->items);
  out->items = (tg_value*)PyMem_Calloc(count == 0 ? 1 : count, sizeof *out->items);
  if (out->items == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  out->count = count;
  return 0;
}

void free_values(Values* values) {
  PyMem_Free(values->items);
  Py_XDECREF(values->kept);
}

static PyObject* give_value(const tg_value* value) {
  int32_t rank;

  switch (value->type) {
    case TG_VALUE_INT64: return PyLong_FromLongLong(value->as.integer);
    case TG_VALUE_DOUBLE: return PyFloat_FromDouble(value->as.number);
    case TG_VALUE_TEXT: return PyUnicode_FromString(value->as.text);
    case TG_VALUE_POINTER: return PyLong_FromVoidPtr(value->as.pointer);
    case TG_VALUE_HANDLE: /* of a tensor, if it answers as one */
      return wrap_handle(tg_tensor_rank(value->as.handle, &rank) == TG_OK ? kTensor : kAny,
                         value->as.handle);
    default: Py_RETURN_NONE;
  }
}

PyObject* list_of_values(const tg_value* values, size_t count) {
  PyObject* list = PyList_New((Py_ssize_t)count);

  for (size_t i = 0; list != NULL && i < count; i++) {
    PyObject* item = give_value(&values[i]);
    if (item == NULL) {
      Py_CLEAR(list);
    } else {
      PyList_SetItem(list, (Py_ssize_t)i, item);
    }
  }
  return list;
}

static PyObject* alias_of(tg_handle handle) {
  tg_handle alias;
  int32_t rank;
  tg_status status = tg_alias(handle, &alias);

  if (status != TG_OK) return raise_status(status);
  return wrap_handle(tg_tensor_rank(alias, &rank) == TG_OK ? kTensor : kAny, alias);
}

static PyObject* lent_value(const tg_value* value) {
  PyObject* list;

  switch (value->type) {
    case TG_VALUE_HANDLE: return alias_of(value->as.handle);
    case TG_VALUE_BUFFER:
      return PyBytes_FromStringAndSize((const char*)value->as.pointer, (Py_ssize_t)value->count);
    case TG_VALUE_INT64_ARRAY: return list_of_int64((const int64_t*)value->as.array, value->count);
    case TG_VALUE_DOUBLE_ARRAY:
    case TG_VALUE_HANDLE_ARRAY: break;
    default: return give_value(value);
  }
  list = PyList_New((Py_ssize_t)value->count);
  for (uint32_t i = 0; list != NULL && i < value->count; i++) {
    PyObject* item = value->type == TG_VALUE_DOUBLE_ARRAY
                         ? PyFloat_FromDouble(((const double*)value->as.array)[i])
                         : alias_of(((const tg_handle*)value->as.array)[i]);
    if (item == NULL)
      Py_CLEAR(list);
    else
      PyList_SetItem(list, (Py_ssize_t)i, item);
  }
  return list;
}

PyObject* list_of_lent_values(const tg_value* values, size_t count) {
  PyObject* list = PyList_New((Py_ssize_t)count);

  for (size_t i = 0; list != NULL && i < count; i++) {
    PyObject* item = lent_value(&values[i]);
    if (item == NULL)
      Py_CLEAR(list);
    else
      PyList_SetItem(list, (Py_ssize_t)i, item);
  }
  return list;
}

/* ---- the definition of a foreign operator, given as a dict of its fields ---- */

static int text_field(PyObject* fields, const char* name, const char** out) {
  PyObject* value = PyDict_GetItemString(fields, name);

  return value == NULL ? 0 : take_text(value, name, out);
}

static int address_field(PyObject* fields, const char* name, const void** out) {
  PyObject* value = PyDict_GetItemString(fields, name);
  uint64_t address = 0;

  if (value == NULL || value == Py_None) return 0;
  if (take_uint64(value, name, &address) != 0) return -1;
  *out = (const void*)(uintptr_t)address;
  return 0;
}

int take_ffi_definition(PyObject* fields, const char* parameter, tg_ffi_definition* out) {
  static const char* const known =
      " name library symbol address signature backward_library backward_symbol backward_signature "
      "backward_address flags ";
  PyObject *key, *value;
  Py_ssize_t place = 0;

  memset(out, 0, sizeof *out);
  out->struct_size = sizeof *out;
  if (!PyDict_Check(fields)) {
    PyErr_Format(PyExc_TypeError, "%s must be a dict of the fields of tg_ffi_definition",
                 parameter);
    return -1;
  }
  while (PyDict_Next(fields, &place, &key, &value)) {
    char padded[40];
    const char* text;
    if (take_text(key, "a field", &text) != 0) return -1;
    if (text == NULL || strlen(text) > 30) text = "?";
    PyOS_snprintf(padded, sizeof padded, " %s ", text);
    if (strstr(known, padded) == NULL) {
      PyErr_Format(PyExc_TypeError, "tg_ffi_definition has no field %R", key);
      return -1;
    }
  }
  value = PyDict_GetItemString(fields, "flags");
  if (value != NULL && take_uint32(value, "flags", &out->flags) != 0) return -1;
  return text_field(fields, "name", &out->name) || text_field(fields, "library", &out->library) ||
                 text_field(fields, "symbol", &out->symbol) ||
                 text_field(fields, "signature", &out->signature) ||
                 text_field(fields, "backward_library", &out->backward_library) ||
                 text_field(fields, "backward_symbol", &out->backward_symbol) ||
                 text_field(fields, "backward_signature", &out->backward_signature) ||
                 address_field(fields, "address", &out->address) ||
                 address_field(fields, "backward_address", &out->backward_address)
             ? -1
             : 0;
}
