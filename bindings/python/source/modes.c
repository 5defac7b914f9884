/* SPDX-License-Identifier: MIT */
/* Modes: no_grad, enable_grad, inference_mode and set_grad_enabled as context managers and
   decorators, and the modes of each task.

   A task's modes are a word of tg_state_get, held by a context variable as an int; None, or
   nothing, is a task that has changed nothing: it has what the thread had before. The ints are
   kept, one for each word, so that "is this task the one of the call before" is a comparison of
   pointers. */
#include "binding.h"

enum Kind { kNoGrad, kEnableGrad, kSetGradEnabled, kInferenceMode, kKinds };

typedef struct {
  PyObject_HEAD int kind;
  int value; /* set_grad_enabled and inference_mode */
  bool used; /* set_grad_enabled: entered, or used as a decorator */
} Manager;

static PyTypeObject* manager_types[kKinds];
static Manager* shared[kKinds][2]; /* one object serves all: what was before is the library's */
static PyObject* decorate;         /* tapegrad._modes.decorate */

static bool contexts_exist; /* somebody imported contextvars: asyncio and its like do */
static PyObject* variable_get;
static PyObject* variable_set;
static PyObject* words; /* word -> the one int that stands for it */

static tg_status enter(int kind, int value) {
  switch (kind) {
    case kNoGrad: return tg_no_grad_enter();
    case kEnableGrad: return tg_enable_grad_enter();
    case kSetGradEnabled: return tg_set_grad_enabled_enter(value);
    default: return tg_inference_mode_enter(value);
  }
}

static tg_status leave(int kind) {
  switch (kind) {
    case kNoGrad: return tg_no_grad_exit();
    case kEnableGrad: return tg_enable_grad_exit();
    case kSetGradEnabled: return tg_set_grad_enabled_exit();
    default: return tg_inference_mode_exit();
  }
}

/* Of the running task; NULL: the thread's own modes are in place. An int is borrowed from `words`,
   a tuple is held. */
static _Thread_local PyObject* current;
static _Thread_local uint64_t own;  /* while a task's modes are in place: the thread's own */
static _Thread_local bool carrying; /* between begin_mode_change and end_mode_change */

static PyObject* int_of(uint64_t word) { /* borrowed */
  PyObject* fresh = PyLong_FromUnsignedLongLong(word);
  PyObject* known = fresh == NULL ? NULL : PyDict_GetItemWithError(words, fresh);

  if (known == NULL && fresh != NULL && !PyErr_Occurred() &&
      PyDict_SetItem(words, fresh, fresh) == 0) {
    known = fresh;
  }
  Py_XDECREF(fresh);
  return known;
}

static void set_current(PyObject* task) {
  PyObject* before = current;

  if (task != NULL && PyTuple_Check(task)) Py_INCREF(task);
  current = task;
  if (before != NULL && PyTuple_Check(before)) Py_DECREF(before);
}

static int failed(tg_status status) {
  if (status == TG_OK) return 0;
  raise_status(status);
  return -1;
}

/* A word holds 16 entries. A task that is deeper has a tuple (what is around, kind, value) for each
   further entry, which are entered anew. */
static int put_task_in_place(PyObject* task) {
  if (PyTuple_Check(task)) {
    long kind = PyLong_AsLong(PyTuple_GetItem(task, 1));
    long value = PyLong_AsLong(PyTuple_GetItem(task, 2));
    if (put_task_in_place(PyTuple_GetItem(task, 0)) != 0) return -1;
    return failed(enter((int)kind, (int)value));
  }
  return failed(tg_state_set(PyLong_AsUnsignedLongLong(task), NULL));
}

static int put_in_place(PyObject* task) { /* NULL: the thread's own */
  if (current == NULL && failed(tg_state_get(&own)) != 0) return -1;
  if (task == NULL ? failed(tg_state_set(own, NULL)) : put_task_in_place(task)) return -1;
  set_current(task);
  return 0;
}

int take_up_modes_of_task(void) {
  PyObject* task = PyObject_CallNoArgs(variable_get);

  if (task == NULL) return -1;
  Py_DECREF(task); /* the context holds it, and `words` each int */
  if (task == current) return 0;
  if (task == Py_None) return current == NULL ? 0 : put_in_place(NULL);
  return put_in_place(task);
}

static int store(PyObject* task) {
  PyObject* token = PyObject_CallFunctionObjArgs(variable_set, task ? task : Py_None, NULL);

  if (token == NULL) return -1;
  Py_DECREF(token);
  if (task != NULL) preparations |= kCarryModes;
  set_current(task);
  return 0;
}

/* Entering a mode in a state, and leaving the innermost, always give the same state: known steps
   are kept. Ints live as long as `words`, so a pointer stands for a state. */
enum { kSteps = 256, kLeave = 2 * kKinds };
static struct {
  PyObject* from;
  int step;
  PyObject* to;
} steps[kSteps];

static size_t step_place(PyObject* from, int step) {
  return (((uintptr_t)from >> 4) * 31 + (size_t)step) % kSteps;
}

static PyObject* known_step(PyObject* from, int step) {
  size_t place = step_place(from, step);

  return steps[place].from == from && steps[place].step == step ? steps[place].to : NULL;
}

static void keep_step(PyObject* from, int step, PyObject* to) {
  size_t place = step_place(from, step);

  if (from == NULL || !PyLong_Check(from) || to == NULL) return;
  steps[place].from = from;
  steps[place].step = step;
  steps[place].to = to;
}

static int publish(void) {
  uint64_t word;
  PyObject* task;

  if (failed(tg_state_get(&word)) != 0) return -1;
  task = int_of(word);
  return task == NULL ? -1 : store(task);
}

/* Whether a task may exist that is not simply the thread. Without the module nobody can make a
   context, and the modes of the thread serve. */
static int look_for_contexts(void) {
  static PyObject* modules;
  static PyObject* name;

  if (contexts_exist) return 0;
  if (modules == NULL) {
    name = PyUnicode_InternFromString("contextvars");
    if (name == NULL) return -1;
    modules = PyImport_GetModuleDict();
  }
  contexts_exist = PyDict_GetItemWithError(modules, name) != NULL;
  return 0;
}

int begin_mode_change(void) {
  if (ready() != 0 || look_for_contexts() != 0) return -1;
  carrying = contexts_exist;
  /* A thread that went deeper than a word holds before there were contexts keeps its own modes. */
  if (carrying && current == NULL) carrying = tg_state_get(&own) == TG_OK;
  return 0;
}

int end_mode_change(tg_status status) {
  if (failed(status) != 0) return -1;
  return carrying ? publish() : 0;
}

/* The task's word is then that of the state which the library put in place for the callback: what
   it enters goes on from there. */
PyObject* modes_before_callback(void) {
  PyObject* before = current;

  if (before == NULL) return NULL;
  if (PyTuple_Check(before)) Py_INCREF(before);
  if (publish() != 0) PyErr_Clear(); /* deeper than a word holds: it runs where its caller is */
  return before;
}

void modes_after_callback(PyObject* before) {
  PyObject *type, *value, *traceback;

  if (current != before) {
    PyErr_Fetch(&type, &value, &traceback);
    if (store(before) != 0) PyErr_Clear();
    PyErr_Restore(type, value, traceback);
  }
  if (before != NULL && PyTuple_Check(before)) Py_DECREF(before);
}

/* ---- the managers ---- */

static PyObject* manager_enter(PyObject* self, PyObject* unused) {
  Manager* manager = (Manager*)self;

  (void)unused;
  manager->used = true;
  if (begin_mode_change() != 0 || failed(enter(manager->kind, manager->value)) != 0) return NULL;
  if (carrying) {
    int step = 2 * manager->kind + manager->value;
    PyObject* task = Py_XNewRef(known_step(current, step));
    uint64_t word;
    if (task == NULL) {
      bool deep = current != NULL && PyTuple_Check(current);
      if (!deep && tg_state_get(&word) == TG_OK) {
        task = Py_XNewRef(int_of(word));
        keep_step(current, step, task);
      } else {
        task = Py_BuildValue("(Oii)", current, manager->kind, manager->value);
      }
    }
    if (task == NULL || store(task) != 0) {
      leave(manager->kind);
      Py_XDECREF(task);
      return NULL;
    }
    Py_DECREF(task);
  }
  Py_RETURN_NONE;
}

static PyObject* manager_exit(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  (void)arguments;
  (void)count;
  if (ready() != 0 || failed(leave(((Manager*)self)->kind)) != 0) return NULL;
  if (current != NULL) { /* else it was entered before there were contexts */
    PyObject* from = current;
    PyObject* task = PyTuple_Check(from) ? PyTuple_GetItem(from, 0) : known_step(from, kLeave);
    if (task != NULL ? store(task) : publish()) return NULL;
    if (task == NULL) keep_step(from, kLeave, current);
  }
  Py_RETURN_NONE;
}

static PyObject* manager_call(PyObject* self, PyObject* arguments, PyObject* keywords) {
  PyObject* function;

  if (keywords != NULL && PyDict_Size(keywords) > 0) {
    PyErr_SetString(PyExc_TypeError, "a mode used as a decorator takes one function");
    return NULL;
  }
  if (!PyArg_ParseTuple(arguments, "O:decorator", &function)) return NULL;
  ((Manager*)self)->used = true;
  return PyObject_CallFunctionObjArgs(decorate, self, function, NULL);
}

static const char* const names[kKinds] = {"no_grad", "enable_grad", "set_grad_enabled",
                                          "inference_mode"};

static PyObject* manager_repr(PyObject* self) {
  Manager* manager = (Manager*)self;

  if (manager->kind <= kEnableGrad) return PyUnicode_FromFormat("%s()", names[manager->kind]);
  return PyUnicode_FromFormat("%s(%s)", names[manager->kind], manager->value ? "True" : "False");
}

static void manager_dealloc(PyObject* self) {
  Manager* manager = (Manager*)self;
  PyTypeObject* type = Py_TYPE(self);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

  if (manager->kind == kSetGradEnabled && !manager->used) {
    PyObject *kind, *value, *traceback;
    PyErr_Fetch(&kind, &value, &traceback);
    if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                         "set_grad_enabled(%s) was neither entered nor used as a decorator: it "
                         "changed nothing. Write `with set_grad_enabled(%s):`",
                         manager->value ? "True" : "False",
                         manager->value ? "True" : "False") != 0) {
      PyErr_WriteUnraisable((PyObject*)type);
    }
    PyErr_Restore(kind, value, traceback);
  }
  release(self);
  Py_DECREF(type);
}

static PyObject* make_manager(PyTypeObject* type, int kind, int value) {
  allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Manager* manager = (Manager*)allocate(type, 0);

  if (manager == NULL) return NULL;
  manager->kind = kind;
  manager->value = value;
  manager->used = kind != kSetGradEnabled;
  return (PyObject*)manager;
}

static int kind_of(PyTypeObject* type) {
  int kind;

  for (kind = 0; kind < kKinds; kind++) {
    if (type == manager_types[kind]) return kind;
  }
  for (kind = 0; kind < kKinds; kind++) {
    if (PyType_IsSubtype(type, manager_types[kind])) return kind;
  }
  return kNoGrad;
}

static PyObject* manager_new(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  int kind = kind_of(type), value = 1;
  PyObject* argument = NULL;
  Py_ssize_t count = PyTuple_Size(arguments);

  if (count > 1) {
    PyErr_Format(PyExc_TypeError, "%s takes at most 1 argument (%zd given)", names[kind], count);
    return NULL;
  }
  if (count == 1) argument = PyTuple_GetItem(arguments, 0);
  if (keywords != NULL && PyDict_Size(keywords) > 0) {
    argument = PyDict_GetItemString(keywords, "mode");
    if (kind <= kEnableGrad || argument == NULL || count + PyDict_Size(keywords) > 1) {
      PyErr_Format(PyExc_TypeError, "%s got an argument that it does not know", names[kind]);
      return NULL;
    }
  }
  if (argument != NULL && !PyBool_Check(argument) && kind != kSetGradEnabled &&
      PyCallable_Check(argument)) { /* @no_grad and @inference_mode without parentheses */
    return PyObject_CallFunctionObjArgs(decorate, shared[kind][1], argument, NULL);
  }
  if (argument != NULL) {
    if (kind <= kEnableGrad) {
      PyErr_Format(PyExc_TypeError, "%s takes no argument", names[kind]);
      return NULL;
    }
    value = PyObject_IsTrue(argument);
    if (value < 0) return NULL;
  } else if (kind == kSetGradEnabled) {
    PyErr_SetString(PyExc_TypeError, "set_grad_enabled takes a bool");
    return NULL;
  }
  if (kind != kSetGradEnabled && type == manager_types[kind]) {
    return Py_NewRef((PyObject*)shared[kind][value]);
  }
  return make_manager(type, kind, value);
}

static PyMethodDef manager_methods[] = {
    {"__enter__", manager_enter, METH_NOARGS, "Enters the mode."},
    {"__exit__", (PyCFunction)(void (*)(void))manager_exit, METH_FASTCALL, "Leaves the mode."},
    {NULL, NULL, 0, NULL}};

static const char* const documentation[kKinds] = {
    "no_grad()\n--\n\nContext manager and decorator: nothing is recorded inside.",
    "enable_grad()\n--\n\nContext manager and decorator: recording is on inside, also within "
    "no_grad.",
    "set_grad_enabled(mode)\n--\n\nContext manager and decorator: recording is on or off inside. "
    "It does nothing until it is entered.",
    "inference_mode(mode=True)\n--\n\nContext manager and decorator: tensors made inside are "
    "inference tensors, which\nnever take part in a graph. mode=False leaves the mode for a "
    "while."};

static PyObject* is_grad_enabled(PyObject* module, PyObject* unused) {
  (void)module;
  (void)unused;
  return ready() != 0 ? NULL : PyBool_FromLong(tg_is_grad_enabled());
}

static PyObject* is_inference_mode_enabled(PyObject* module, PyObject* unused) {
  (void)module;
  (void)unused;
  return ready() != 0 ? NULL : PyBool_FromLong(tg_is_inference_mode_enabled());
}

static PyMethodDef functions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS,
     "is_grad_enabled()\n--\n\nWhether operators record themselves now."},
    {"is_inference_mode_enabled", is_inference_mode_enabled, METH_NOARGS,
     "is_inference_mode_enabled()\n--\n\nWhether tensors made now are inference tensors."},
    {NULL, NULL, 0, NULL}};

static int add_manager(PyObject* module, int kind) {
  PyType_Slot slots[] = {{Py_tp_new, (void*)manager_new},
                         {Py_tp_dealloc, (void*)manager_dealloc},
                         {Py_tp_repr, (void*)manager_repr},
                         {Py_tp_call, (void*)manager_call},
                         {Py_tp_methods, manager_methods},
                         {Py_tp_doc, (void*)documentation[kind]},
                         {0, NULL}};
  PyType_Spec spec = {NULL, sizeof(Manager), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  static const char* const full_names[kKinds] = {"tapegrad.no_grad", "tapegrad.enable_grad",
                                                 "tapegrad.set_grad_enabled",
                                                 "tapegrad.inference_mode"};

  spec.name = full_names[kind];
  manager_types[kind] = (PyTypeObject*)PyType_FromSpec(&spec);
  if (manager_types[kind] == NULL) return -1;
  if (kind != kSetGradEnabled) {
    for (int value = 0; value < 2; value++) {
      shared[kind][value] = (Manager*)make_manager(manager_types[kind], kind, value);
      if (shared[kind][value] == NULL) return -1;
    }
  }
  return PyModule_AddObjectRef(module, names[kind], (PyObject*)manager_types[kind]);
}

int add_modes(PyObject* module) {
  PyObject* library = PyImport_ImportModule("_contextvars");
  PyObject* type = library == NULL ? NULL : PyObject_GetAttrString(library, "ContextVar");
  PyObject* arguments = Py_BuildValue("(s)", "tapegrad modes");
  PyObject* keywords = Py_BuildValue("{s:O}", "default", Py_None);
  PyObject* variable = type == NULL || arguments == NULL || keywords == NULL
                           ? NULL
                           : PyObject_Call(type, arguments, keywords);
  PyObject* helpers = PyImport_ImportModule("tapegrad._modes");

  Py_XDECREF(library);
  Py_XDECREF(type);
  Py_XDECREF(arguments);
  Py_XDECREF(keywords);
  words = PyDict_New();
  if (variable == NULL || helpers == NULL || words == NULL) return -1;
  variable_get = PyObject_GetAttrString(variable, "get");
  variable_set = PyObject_GetAttrString(variable, "set");
  decorate = PyObject_GetAttrString(helpers, "decorate");
  Py_DECREF(helpers);
  if (variable_get == NULL || variable_set == NULL || decorate == NULL ||
      PyModule_AddFunctions(module, functions) != 0) {
    return -1;
  }
  for (int kind = 0; kind < kKinds; kind++) {
    if (add_manager(module, kind) != 0) return -1;
  }
  Py_DECREF(variable);
  return 0;
}
