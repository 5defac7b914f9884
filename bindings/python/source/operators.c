/* SPDX-License-Identifier: MIT */
/* Operators whose forward and backward are functions of Python, and what they keep with a call. */
#include <string.h>

#include "convert.h"

/* user_data of an operator is a tuple of these. */
enum { kForward, kBackward, kJvp };

/* Calls (context, tensors[, arguments]) and takes the tensors that come: one, a sequence of
   `out_count`, or None for none of them. */
static int32_t call_of_operator(void* user_data, int which, tg_context context,
                                const tg_tensor* tensors, size_t count, const tg_value* values,
                                size_t value_count, tg_tensor* outs, size_t out_count) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* modes = modes_before_callback();
  PyObject* function = PyTuple_GetItem((PyObject*)user_data, which);
  PyObject* box = wrap_handle(kContext, context);
  PyObject* lent = take_lent(tensors, count);
  PyObject* arguments = which == kForward ? list_of_lent_values(values, value_count) : NULL;
  PyObject* made = NULL;
  int32_t status = 0;

  if (box != NULL && lent != NULL && (arguments != NULL || which != kForward)) {
    made = PyObject_CallFunctionObjArgs(function, box, lent, arguments, NULL);
  }
  modes_after_callback(modes);
  if (made == NULL || (made != Py_None && give_tensors(made, outs, out_count) != 0)) {
    status = status_of_exception();
  }
  if (box != NULL) forget_handle(box); /* it is the library's, and dead from now on */
  Py_XDECREF(box);
  Py_XDECREF(lent);
  Py_XDECREF(arguments);
  Py_XDECREF(made);
  PyGILState_Release(state);
  return status;
}

static int32_t call_forward(void* user_data, tg_context context, const tg_tensor* inputs,
                            size_t count, const tg_value* arguments, size_t argument_count,
                            tg_tensor* outs, size_t out_count) {
  return call_of_operator(user_data, kForward, context, inputs, count, arguments, argument_count,
                          outs, out_count);
}

static int32_t call_backward(void* user_data, tg_context context, const tg_tensor* grad_outputs,
                             size_t out_count, tg_tensor* grad_inputs, size_t count) {
  return call_of_operator(user_data, kBackward, context, grad_outputs, out_count, NULL, 0,
                          grad_inputs, count);
}

static int32_t call_jvp(void* user_data, tg_context context, const tg_tensor* tangents,
                        size_t count, tg_tensor* out_tangents, size_t out_count) {
  return call_of_operator(user_data, kJvp, context, tangents, count, NULL, 0, out_tangents,
                          out_count);
}

/* ---- the definition, given as a dict of its fields ---- */

static int check_fields(PyObject* fields) {
  static const char* const known[] = {"name",     "out_count", "flags", "forward",
                                      "backward", "jvp",       NULL};
  PyObject *key, *value;
  Py_ssize_t place = 0;

  if (!PyDict_Check(fields)) {
    PyErr_SetString(PyExc_TypeError,
                    "definition must be a dict of the fields of tg_operator_definition");
    return -1;
  }
  while (PyDict_Next(fields, &place, &key, &value)) {
    const char* text;
    int i = 0;
    if (take_text(key, "a field", &text) != 0) return -1;
    while (known[i] != NULL && (text == NULL || strcmp(known[i], text) != 0)) i++;
    if (known[i] == NULL) {
      PyErr_Format(PyExc_TypeError,
                   "tg_operator_definition has no field %R; it has name, out_count, flags, "
                   "forward, backward and jvp",
                   key);
      return -1;
    }
  }
  return 0;
}

/* Borrowed; None where the field is not there. */
static PyObject* function_field(PyObject* fields, const char* name) {
  PyObject* value = PyDict_GetItemString(fields, name);

  if (value == NULL || value == Py_None) return Py_None;
  if (PyCallable_Check(value)) return value;
  PyErr_Format(PyExc_TypeError, "%s must be a function or None, not %R", name,
               (PyObject*)Py_TYPE(value));
  return NULL;
}

/* operator_create(definition) */
static PyObject* operator_create(PyObject* module, PyObject* fields) {
  tg_operator_definition definition;
  PyObject *forward, *backward, *jvp, *value;
  tg_operator out = 0;
  tg_status status;

  (void)module;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  if (check_fields(fields) != 0) return NULL;
  value = PyDict_GetItemString(fields, "name");
  if (value != NULL && take_text(value, "name", &definition.name) != 0) return NULL;
  value = PyDict_GetItemString(fields, "out_count");
  if (value != NULL && take_size(value, "out_count", &definition.out_count) != 0) return NULL;
  value = PyDict_GetItemString(fields, "flags");
  if (value != NULL && take_uint32(value, "flags", &definition.flags) != 0) return NULL;
  forward = function_field(fields, "forward");
  backward = forward == NULL ? NULL : function_field(fields, "backward");
  jvp = backward == NULL ? NULL : function_field(fields, "jvp");
  if (jvp == NULL || ready() != 0) return NULL;
  if (forward != Py_None) definition.forward = call_forward;
  if (backward != Py_None) definition.backward = call_backward;
  if (jvp != Py_None) definition.jvp = call_jvp;
  definition.user_data = Py_BuildValue("(OOO)", forward, backward, jvp);
  if (definition.user_data == NULL) return NULL;
  definition.destructor = drop_reference;
  status = tg_operator_create(&definition, &out);
  if (status == TG_OK) return wrap_handle(kOperator, out);
  Py_DECREF((PyObject*)definition.user_data);
  return raise_status(status);
}

/* context_set_data(context, data) */
static PyObject* context_set_data(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
  tg_handle context = 0;
  PyObject* data;
  tg_status status;

  (void)module;
  if (check_count("context_set_data", count, 2, 2) != 0 ||
      take_handle(arguments[0], "context", &context) != 0) {
    return NULL;
  }
  data = arguments[1] == Py_None ? NULL : Py_NewRef(arguments[1]);
  status = tg_context_set_data(context, data, data == NULL ? NULL : drop_reference);
  if (status == TG_OK) Py_RETURN_NONE;
  Py_XDECREF(data);
  return raise_status(status);
}

static PyObject* context_data(PyObject* module, PyObject* object) {
  tg_handle context = 0;
  void* data = NULL;
  tg_status status;

  (void)module;
  if (take_handle(object, "context", &context) != 0) return NULL;
  status = tg_context_data(context, &data);
  if (status != TG_OK) return raise_status(status);
  return Py_NewRef(data == NULL ? Py_None : (PyObject*)data);
}

PyMethodDef operator_methods[] = {
    {"operator_create", operator_create, METH_O,
     "operator_create(definition, /)\n--\n\nMakes an operator of functions of Python, given with "
     "its name, out_count and flags as a\ndict of the fields of tg_operator_definition. "
     "forward(context, inputs, arguments) gives the\nresults, backward(context, grad_outputs) a "
     "tensor or None for each input,\njvp(context, tangents) one for each result. A context is "
     "dead when its function has\nreturned."},
    {"context_set_data", (PyCFunction)(void (*)(void))context_set_data, METH_FASTCALL,
     "context_set_data(context, data, /)\n--\n\nHangs an object on a call, in place of the one "
     "that was there; it is let go of with the\nnode, or at the end of a call that records "
     "nothing."},
    {"context_data", context_data, METH_O,
     "context_data(context, /)\n--\n\nThe object that context_set_data gave to this call last, or "
     "None."},
    {NULL, NULL, 0, NULL}};
