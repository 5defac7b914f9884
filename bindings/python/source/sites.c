/* SPDX-License-Identifier: MIT */
/* Sites: while a thread asks for them, each of its calls first tells the library where in the
   caller's code it stands, so that errors can name the line. That is the innermost frame whose file
   is none of the package's. */
#include "binding.h"

unsigned preparations;

static _Thread_local bool asked; /* by this thread */
static int threads;              /* how many have asked */
static PyObject* folder;         /* where the package's files are, with a separator at its end */

/* The file of a frame's code; NULL: it is the package's own, or cannot be told. */
static PyObject* file_of(PyFrameObject* frame) {
  PyObject* code = (PyObject*)PyFrame_GetCode(frame);
  PyObject* file = PyObject_GetAttrString(code, "co_filename");

  Py_DECREF(code);
  if (file != NULL && PyUnicode_Tailmatch(file, folder, 0, PY_SSIZE_T_MAX, -1) != 0) {
    Py_CLEAR(file);
  }
  return file;
}

void say_site(void) {
  PyObject* frame;
  PyObject* file = NULL;
  const char* text = NULL;
  int line = 0;

  if (!asked) return;
  frame = Py_XNewRef((PyObject*)PyEval_GetFrame());
  while (frame != NULL && frame != Py_None && file == NULL) {
    PyObject* caller;
    file = file_of((PyFrameObject*)frame);
    line = PyFrame_GetLineNumber((PyFrameObject*)frame);
    caller = PyObject_GetAttrString(frame, "f_back");
    Py_DECREF(frame);
    frame = caller;
  }
  Py_XDECREF(frame);
  if (file != NULL) text = PyUnicode_AsUTF8AndSize(file, NULL);
  PyErr_Clear();
  if (tg_site_set(text, line > 0 ? line : 0) != TG_OK) tg_site_set(NULL, 0);
  Py_XDECREF(file);
}

/* set_sites(on, folder): gives whether they were on. */
static PyObject* set_sites(PyObject* module, PyObject* arguments) {
  PyObject* its_folder;
  bool before = asked;
  int on;

  (void)module;
  if (!PyArg_ParseTuple(arguments, "pU:set_sites", &on, &its_folder)) return NULL;
  if (folder == NULL) folder = Py_NewRef(its_folder);
  asked = on != 0;
  threads += asked - before;
  if (asked) {
    preparations |= kSaySites;
  } else {
    if (threads == 0) preparations &= ~(unsigned)kSaySites;
    tg_site_set(NULL, 0);
  }
  return PyBool_FromLong(before);
}

PyMethodDef site_methods[] = {
    {"set_sites", set_sites, METH_VARARGS,
     "set_sites(on, folder, /)\n--\n\nWhether calls of this thread say where they stand, outside "
     "of the files in folder."},
    {NULL, NULL, 0, NULL}};
