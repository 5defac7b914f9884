/* SPDX-License-Identifier: MIT */
/* The extension module tapegrad._core, and inside of it `capi`: each function of the C interface
   under its name without tg_. */
#include "convert.h"

static struct PyModuleDef core_definition = {PyModuleDef_HEAD_INIT,
                                             "tapegrad._core",
                                             "The types of tapegrad and its operators.",
                                             -1,
                                             NULL,
                                             NULL,
                                             NULL,
                                             NULL,
                                             NULL};
static struct PyModuleDef capi_definition = {
    PyModuleDef_HEAD_INIT,
    "tapegrad.capi",
    "The functions and constants of the C interface, as tapegrad.h describes them: inputs in its "
    "order, results given\nback. A pointer with its count is one sequence; 0 for a handle is None.",
    -1,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL};

PyMODINIT_FUNC PyInit__core(void) {
  PyObject* module = PyModule_Create(&core_definition);
  PyObject* capi = module == NULL ? NULL : PyModule_Create(&capi_definition);

  if (capi == NULL || add_errors(module) != 0 || add_tensor(module) != 0 ||
      add_handles(module) != 0 || add_modes(module) != 0 ||
      PyModule_AddFunctions(module, data_methods) != 0 ||
      PyModule_AddFunctions(module, number_methods) != 0 ||
      PyModule_AddFunctions(module, exchange_methods) != 0 ||
      PyModule_AddFunctions(module, site_methods) != 0 ||
      PyModule_AddFunctions(capi, memory_methods) != 0 ||
      PyModule_AddFunctions(capi, hook_methods) != 0 ||
      PyModule_AddFunctions(capi, operator_methods) != 0 ||
      PyModule_AddFunctions(capi, generated_methods) != 0 || add_constants(capi) != 0 ||
      PyModule_AddObjectRef(module, "capi", capi) != 0) {
    Py_XDECREF(capi);
    Py_XDECREF(module);
    return NULL;
  }
  Py_DECREF(capi);
  return module;
}
