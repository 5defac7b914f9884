// SPDX-License-Identifier: MIT
// What a tensor and the graph behind it look like: an explanation in words, DOT and JSON.
#include "autograd/graph.h"
#include "autograd/views.h"
#include "capi/seam.h"
#include "ops/catalogue.h"

namespace tg::capi {

namespace {

using Describe = String (*)(const Tensor& x, OperatorOf operator_of);

tg_status describe(const char* function, tg_tensor x, const char* what, Describe words,
                   char* buffer, size_t capacity, size_t* length) {
  return guarded_always(function, [&] {
    check_text_out(buffer, capacity);
    const TensorPin tensor(x, what);
    if (tensor->is_view() && is_behind(*tensor->head())) renew_history(tensor);
    const String text = words(*tensor, operator_of);
    put_text({text.data(), text.size()}, buffer, capacity, length);
  });
}

}  // namespace

}  // namespace tg::capi

using tg::capi::describe;

tg_status tg_explain(tg_tensor x, char* buffer, size_t capacity, size_t* length) {
  return describe(__func__, x, "x", tg::explain, buffer, capacity, length);
}
tg_status tg_graph_dot(tg_tensor output, char* buffer, size_t capacity, size_t* length) {
  return describe(__func__, output, "output", tg::graph_as_dot, buffer, capacity, length);
}
tg_status tg_graph_json(tg_tensor output, char* buffer, size_t capacity, size_t* length) {
  return describe(__func__, output, "output", tg::graph_as_json, buffer, capacity, length);
}
