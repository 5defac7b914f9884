/* SPDX-License-Identifier: MIT */
/* Hooks: functions of Python that see gradients on their way, where what one gives takes the place
   of what it was handed and None keeps it; and those that keep what the graph saves. */
#include "convert.h"

/* fn(tensor, grad); the tensor is None if it is gone, and so is a `.grad` that was taken away. */
int32_t call_tensor_hook(void* user_data, tg_tensor tensor, tg_tensor grad, tg_tensor* out) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* modes = modes_before_callback();
  tg_tensor both[2] = {tensor, grad};
  PyObject* arguments = take_lent(both, 2);
  PyObject* made = NULL;
  int32_t status = 0;

  if (arguments != NULL) made = PyObject_Call((PyObject*)user_data, arguments, NULL);
  modes_after_callback(modes);
  if (made == NULL || give_tensors(made, out, 1) != 0) status = status_of_exception();
  Py_XDECREF(arguments);
  Py_XDECREF(made);
  PyGILState_Release(state);
  return status;
}

/* user_data: (fn, when). fn(node, grad_inputs, grad_outputs); before the node the former is None.
 */
static int32_t call_node_hook(void* user_data, tg_node node, const tg_tensor* grad_inputs,
                              size_t input_count, const tg_tensor* grad_outputs,
                              size_t output_count, tg_tensor* replaced) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* modes = modes_before_callback();
  PyObject* function = PyTuple_GetItem((PyObject*)user_data, 0);
  bool after = PyLong_AsLong(PyTuple_GetItem((PyObject*)user_data, 1)) == TG_AFTER;
  PyObject* inputs = after ? take_lent(grad_inputs, input_count) : Py_NewRef(Py_None);
  PyObject* outputs = take_lent(grad_outputs, output_count);
  PyObject *lent = NULL, *made = NULL;
  tg_node alias = 0;
  int32_t status = 0;

  if (inputs != NULL && outputs != NULL) {
    tg_status failed = tg_alias(node, &alias);
    lent = failed == TG_OK ? wrap_handle(kNode, alias) : raise_status(failed);
  }
  if (lent != NULL) made = PyObject_CallFunctionObjArgs(function, lent, inputs, outputs, NULL);
  modes_after_callback(modes);
  if (made == NULL ||
      (made != Py_None && give_tensors(made, replaced, after ? input_count : output_count) != 0)) {
    status = status_of_exception();
  }
  Py_XDECREF(inputs);
  Py_XDECREF(outputs);
  Py_XDECREF(lent);
  Py_XDECREF(made);
  PyGILState_Release(state);
  return status;
}

/* node_hook(node, when, fn) */
static PyObject* node_hook(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
  tg_handle node = 0;
  tg_hook out = 0;
  int32_t when = 0;
  PyObject* held = NULL;
  tg_status status;

  (void)module;
  if (check_count("node_hook", count, 3, 3) != 0 || take_handle(arguments[0], "node", &node) != 0 ||
      take_int32(arguments[1], "when", &when) != 0 || ready() != 0) {
    return NULL;
  }
  if (arguments[2] != Py_None) {
    held = Py_BuildValue("(Oi)", arguments[2], (int)when);
    if (held == NULL) return NULL;
  }
  status =
      tg_node_hook(node, when, held == NULL ? NULL : call_node_hook, held, drop_reference, &out);
  if (status == TG_OK) return wrap_handle(kHook, out);
  Py_XDECREF(held);
  return raise_status(status);
}

/* user_data: (pack, unpack). What pack(tensor) gives is held for the graph. */
static int32_t call_pack(void* user_data, tg_tensor x, void** packed) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* modes = modes_before_callback();
  PyObject* arguments = take_lent(&x, 1);
  PyObject* made = NULL;
  int32_t status = 0;

  if (arguments != NULL) {
    made = PyObject_Call(PyTuple_GetItem((PyObject*)user_data, 0), arguments, NULL);
  }
  modes_after_callback(modes);
  if (made == NULL) status = status_of_exception();
  *packed = made;
  Py_XDECREF(arguments);
  PyGILState_Release(state);
  return status;
}

static int32_t call_unpack(void* user_data, void* packed, tg_tensor* out) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* modes = modes_before_callback();
  PyObject* made =
      PyObject_CallFunctionObjArgs(PyTuple_GetItem((PyObject*)user_data, 1), packed, NULL);
  int32_t status = 0;

  modes_after_callback(modes);
  if (made != NULL && !is_tensor(made)) {
    PyErr_Format(PyExc_TypeError, "unpack must give a Tensor, not %R", (PyObject*)Py_TYPE(made));
    Py_CLEAR(made);
  }
  if (made == NULL || give_tensors(made, out, 1) != 0) status = status_of_exception();
  Py_XDECREF(made);
  PyGILState_Release(state);
  return status;
}

static void free_packed(void* user_data, void* packed) {
  (void)user_data;
  drop_reference(packed);
}

/* saved_tensor_hooks_enter(pack, unpack) */
static PyObject* saved_tensor_hooks_enter(PyObject* module, PyObject* const* arguments,
                                          Py_ssize_t count) {
  tg_hook out = 0;
  PyObject* held;
  tg_status status;

  (void)module;
  if (check_count("saved_tensor_hooks_enter", count, 2, 2) != 0 || ready() != 0) return NULL;
  held = PyTuple_Pack(2, arguments[0], arguments[1]);
  if (held == NULL) return NULL;
  status = tg_saved_tensor_hooks_enter(arguments[0] == Py_None ? NULL : call_pack,
                                       arguments[1] == Py_None ? NULL : call_unpack, free_packed,
                                       held, drop_reference, &out);
  if (status == TG_OK) return wrap_handle(kHook, out);
  Py_DECREF(held);
  return raise_status(status);
}

PyMethodDef hook_methods[] = {
    {"node_hook", (PyCFunction)(void (*)(void))node_hook, METH_FASTCALL,
     "node_hook(node, when, fn, /)\n--\n\nLets fn(node, grad_inputs, grad_outputs) run before "
     "(BEFORE: grad_inputs is None)\nor after (AFTER) a node of the graph. What it gives, one "
     "tensor or None for each of\ngrad_outputs or of grad_inputs, takes their place; None keeps "
     "all. The hook is taken\naway with the object that is given."},
    {"saved_tensor_hooks_enter", (PyCFunction)(void (*)(void))saved_tensor_hooks_enter,
     METH_FASTCALL,
     "saved_tensor_hooks_enter(pack, unpack, /)\n--\n\nLets pack(tensor) take care of each tensor "
     "that this thread's operators save, until\nsaved_tensor_hooks_exit of the object that is "
     "given: the graph holds what it gives, any\nobject, and unpack of that gives the tensor back "
     "where backward reads it."},
    {NULL, NULL, 0, NULL}};
