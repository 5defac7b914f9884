/* SPDX-License-Identifier: MIT */
/* Each operator called from C89, once in its simplest form, with its answer. What it does at the
   corners is tested elsewhere; here a C compiler sees that every one of them can be called. */
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

static int failures;

#define OK(call) check_status((call), #call, __LINE__)
static void check_status(tg_status status, const char* text, int line) {
  if (status != TG_OK) {
    printf("line %d: %s: %s\n", line, text, tg_last_error_message());
    exit(1);
  }
}

static tg_tensor result; /* where the calls below put what they make */

/* The elements of `x` are those of `wanted`, in order. */
#define IS(x, wanted) \
  check_values((x), (wanted), sizeof(wanted) / sizeof((wanted)[0]), #wanted, __LINE__)
static void check_values(tg_tensor x, const double* wanted, size_t count, const char* text,
                         int line) {
  double got[16];
  tg_tensor converted;
  int64_t elements;
  size_t i;

  OK(tg_tensor_numel(x, &elements));
  if (elements != (int64_t)count) {
    printf("line %d: %d elements instead of %d\n", line, (int)elements, (int)count);
    failures = 1;
    return;
  }
  OK(tg_to_dtype(x, TG_FLOAT64, &converted));
  OK(tg_tensor_copy_out(converted, got, count * sizeof(double)));
  for (i = 0; i < count; i++) {
    if (!(got[i] - wanted[i] < 1e-6 && wanted[i] - got[i] < 1e-6)) {
      printf("line %d: element %d is %.9g, %s has %.9g\n", line, (int)i, got[i], text, wanted[i]);
      failures = 1;
    }
  }
}

static tg_tensor row(double a, double b) {
  const int64_t shape[1] = {2};
  double values[2];
  tg_tensor x;

  values[0] = a;
  values[1] = b;
  OK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 0, &x));
  return x;
}

static tg_tensor square(double a, double b, double c, double d) {
  const int64_t shape[2] = {2, 2};
  double values[4];
  tg_tensor x;

  values[0] = a;
  values[1] = b;
  values[2] = c;
  values[3] = d;
  OK(tg_tensor_create(values, TG_FLOAT64, shape, 2, 0, &x));
  return x;
}

static tg_tensor indices(int64_t a, int64_t b) {
  const int64_t shape[1] = {2};
  int64_t values[2];
  tg_tensor x;

  values[0] = a;
  values[1] = b;
  OK(tg_tensor_create(values, TG_INT64, shape, 1, 0, &x));
  return x;
}

/* One call that fills `result`, and the two numbers that it must give. */
#define GIVES(call, first, second) \
  do {                             \
    double wanted[2];              \
    wanted[0] = (first);           \
    wanted[1] = (second);          \
    OK(call);                      \
    IS(result, wanted);            \
  } while (0)
/* The same for a result of one element. */
#define GIVES_ONE(call, number) \
  do {                          \
    double wanted[1];           \
    wanted[0] = (number);       \
    OK(call);                   \
    IS(result, wanted);         \
  } while (0)
#define MAKES_ONE(target, call, number) \
  do {                                  \
    double wanted[1];                   \
    wanted[0] = (number);               \
    OK(call);                           \
    IS((target), wanted);               \
  } while (0)
/* A call that changes `target`. */
#define MAKES(target, call, first, second) \
  do {                                     \
    double wanted[2];                      \
    wanted[0] = (first);                   \
    wanted[1] = (second);                  \
    OK(call);                              \
    IS((target), wanted);                  \
  } while (0)

static void into_given(tg_tensor condition) {
  const tg_tensor a = row(1, 4), b = row(2, 2), x = row(0, 0);

  MAKES(x, tg_sub_out(a, b, x), -1, 2);
  MAKES(x, tg_div_out(a, b, x), 0.5, 2);
  MAKES(x, tg_maximum_out(a, b, x), 2, 4);
  MAKES(x, tg_minimum_out(a, b, x), 1, 2);
  MAKES(x, tg_eq_out(a, row(1, 5), x), 1, 0);
  MAKES(x, tg_ne_out(a, row(1, 5), x), 0, 1);
  MAKES(x, tg_lt_out(a, b, x), 1, 0);
  MAKES(x, tg_le_out(a, row(1, 2), x), 1, 0);
  MAKES(x, tg_gt_out(a, b, x), 0, 1);
  MAKES(x, tg_ge_out(a, row(1, 5), x), 1, 0);
  MAKES(x, tg_add_scalar_out(a, 0.5, x), 1.5, 4.5);
  MAKES(x, tg_sub_scalar_out(a, 0.5, x), 0.5, 3.5);
  MAKES(x, tg_mul_scalar_out(a, -2, x), -2, -8);
  MAKES(x, tg_div_scalar_out(a, 4, x), 0.25, 1);
  MAKES(x, tg_pow_scalar_out(a, 3, x), 1, 64);
  MAKES(x, tg_eq_scalar_out(a, 4, x), 0, 1);
  MAKES(x, tg_ne_scalar_out(a, 4, x), 1, 0);
  MAKES(x, tg_lt_scalar_out(a, 4, x), 1, 0);
  MAKES(x, tg_le_scalar_out(a, 4, x), 1, 1);
  MAKES(x, tg_gt_scalar_out(a, 1, x), 0, 1);
  MAKES(x, tg_ge_scalar_out(a, 4, x), 0, 1);
  MAKES(x, tg_neg_out(a, x), -1, -4);
  MAKES(x, tg_abs_out(row(-3, 2), x), 3, 2);
  MAKES(x, tg_exp_out(row(0, 1), x), 1, 2.718281828459045);
  MAKES(x, tg_log_out(a, x), 0, 1.3862943611198906);
  MAKES(x, tg_sqrt_out(a, x), 1, 2);
  MAKES(x, tg_sin_out(row(0, 1), x), 0, 0.8414709848078965);
  MAKES(x, tg_cos_out(row(0, 1), x), 1, 0.5403023058681398);
  MAKES(x, tg_tanh_out(row(0, 1), x), 0, 0.7615941559557649);
  MAKES(x, tg_sigmoid_out(row(0, 1), x), 0.5, 0.7310585786300049);
  MAKES(x, tg_relu_out(row(-1, 2), x), 0, 2);
  MAKES(x, tg_clamp_out(a, 2, 3, x), 2, 3);
  MAKES(x, tg_where_out(condition, a, b, x), 2, 4);
}

static void elementwise(void) {
  const tg_tensor a = row(1, 4), b = row(2, 2);
  tg_tensor x, condition;

  GIVES(tg_add(a, b, &result), 3, 6);
  GIVES(tg_sub(a, b, &result), -1, 2);
  GIVES(tg_mul(a, b, &result), 2, 8);
  GIVES(tg_div(a, b, &result), 0.5, 2);
  GIVES(tg_add_scalar(a, 0.5, &result), 1.5, 4.5);
  GIVES(tg_sub_scalar(a, 0.5, &result), 0.5, 3.5);
  GIVES(tg_mul_scalar(a, -2, &result), -2, -8);
  GIVES(tg_div_scalar(a, 4, &result), 0.25, 1);
  GIVES(tg_pow_scalar(a, 3, &result), 1, 64);
  GIVES(tg_maximum(a, b, &result), 2, 4);
  GIVES(tg_minimum(a, b, &result), 1, 2);
  GIVES(tg_neg(a, &result), -1, -4);
  GIVES(tg_abs(row(-3, 2), &result), 3, 2);
  GIVES(tg_exp(row(0, 1), &result), 1, 2.718281828459045);
  GIVES(tg_log(a, &result), 0, 1.3862943611198906);
  GIVES(tg_sqrt(a, &result), 1, 2);
  GIVES(tg_sin(row(0, 1), &result), 0, 0.8414709848078965);
  GIVES(tg_cos(row(0, 1), &result), 1, 0.5403023058681398);
  GIVES(tg_tanh(row(0, 1), &result), 0, 0.7615941559557649);
  GIVES(tg_sigmoid(row(0, 1), &result), 0.5, 0.7310585786300049);
  GIVES(tg_relu(row(-1, 2), &result), 0, 2);
  GIVES(tg_clamp(a, 2, 3, &result), 2, 3);

  GIVES(tg_eq(a, row(1, 5), &result), 1, 0);
  GIVES(tg_ne(a, row(1, 5), &result), 0, 1);
  GIVES(tg_lt(a, b, &result), 1, 0);
  GIVES(tg_le(a, row(1, 2), &result), 1, 0);
  GIVES(tg_gt(a, b, &result), 0, 1);
  GIVES(tg_ge(a, row(1, 5), &result), 1, 0);
  GIVES(tg_eq_scalar(a, 4, &result), 0, 1);
  GIVES(tg_ne_scalar(a, 4, &result), 1, 0);
  GIVES(tg_lt_scalar(a, 4, &result), 1, 0);
  GIVES(tg_le_scalar(a, 4, &result), 1, 1);
  GIVES(tg_gt_scalar(a, 1, &result), 0, 1);
  GIVES(tg_ge_scalar(a, 4, &result), 0, 1);
  OK(tg_gt_scalar(a, 2, &condition));
  GIVES(tg_where(condition, a, b, &result), 2, 4);

  x = row(1, 4);
  MAKES(x, tg_add_(x, b), 3, 6);
  MAKES(x, tg_sub_(x, b), 1, 4);
  MAKES(x, tg_mul_(x, b), 2, 8);
  MAKES(x, tg_div_(x, b), 1, 4);
  MAKES(x, tg_add_scalar_(x, -1), 0, 3);
  MAKES(x, tg_sub_scalar_(x, -1), 1, 4);
  MAKES(x, tg_pow_scalar_(x, 2), 1, 16);
  MAKES(x, tg_sqrt_(x), 1, 4);
  MAKES(x, tg_div_scalar_(x, 2), 0.5, 2);
  MAKES(x, tg_neg_(x), -0.5, -2);
  MAKES(x, tg_abs_(x), 0.5, 2);
  MAKES(x, tg_clamp_(x, 1, 3), 1, 2);
  MAKES(x, tg_log_(x), 0, 0.6931471805599453);
  MAKES(x, tg_clamp_(x, 0, 0.5), 0, 0.5);
  MAKES(x, tg_sin_(x), 0, 0.479425538604203);
  MAKES(x, tg_tanh_(x), 0, 0.44578342536309007);
  MAKES(x, tg_cos_(x), 1, 0.9022731568184332);
  MAKES(x, tg_mul_scalar_(x, 0), 0, 0);
  MAKES(x, tg_add_(x, row(0, 3)), 0, 3);
  MAKES(x, tg_mul_scalar_(x, 2), 0, 6);
  MAKES(x, tg_fill_(x, 1), 1, 1);
  MAKES(x, tg_exp_(x), 2.718281828459045, 2.718281828459045);
  MAKES(x, tg_zero_(x), 0, 0);
  MAKES(x, tg_sigmoid_(x), 0.5, 0.5);
  MAKES(x, tg_copy_(x, row(-1, 2)), -1, 2);
  MAKES(x, tg_relu_(x), 0, 2);
  MAKES(x, tg_add_out(a, b, x), 3, 6);
  MAKES(x, tg_mul_out(a, b, x), 2, 8);
  into_given(condition);
  x = indices(0, 0);
  MAKES(x, tg_fill_int64_(x, 7), 7, 7);
}

static void reductions(void) {
  const tg_tensor x = square(1, 2, 3, 5);
  const int64_t rows[1] = {0};
  const double indices_of_max[2] = {1, 1}, indices_of_min[2] = {0, 0};
  tg_tensor found, one;

  GIVES_ONE(tg_sum(x, &result), 11);
  GIVES_ONE(tg_mean(x, &result), 2.75);
  GIVES_ONE(tg_max(x, &result), 5);
  GIVES_ONE(tg_min(x, &result), 1);
  GIVES_ONE(tg_argmax(x, &result), 3);
  GIVES_ONE(tg_argmin(x, &result), 0);
  GIVES(tg_sum_dims(x, rows, 1, 0, &result), 4, 7);
  GIVES(tg_mean_dims(x, rows, 1, 1, &result), 2, 3.5);
  GIVES(tg_argmax_dim(x, 0, 0, &result), 1, 1);
  GIVES(tg_argmin_dim(x, 0, 0, &result), 0, 0);
  GIVES(tg_max_dim(x, 1, 0, &result, &found), 2, 5);
  IS(found, indices_of_max);
  GIVES(tg_min_dim(x, 1, 0, &result, &found), 1, 3);
  IS(found, indices_of_min);
  GIVES(tg_softmax(row(0, 0), 0, &result), 0.5, 0.5);
  GIVES(tg_log_softmax(row(0, 0), 0, &result), -0.6931471805599453, -0.6931471805599453);

  OK(tg_scalar(0, TG_FLOAT64, &one));
  MAKES_ONE(one, tg_sum_out(x, one), 11);
  MAKES_ONE(one, tg_mean_out(x, one), 2.75);
  MAKES_ONE(one, tg_max_out(x, one), 5);
  MAKES_ONE(one, tg_min_out(x, one), 1);
  MAKES_ONE(one, tg_argmax_out(x, one), 3);
  MAKES_ONE(one, tg_argmin_out(x, one), 0);
  found = row(0, 0);
  MAKES(found, tg_sum_dims_out(x, rows, 1, 0, found), 4, 7);
  MAKES(found, tg_mean_dims_out(x, rows, 1, 0, found), 2, 3.5);
  result = row(0, 0);
  MAKES(result, tg_max_dim_out(x, 1, 0, result, found), 2, 5);
  IS(found, indices_of_max);
  MAKES(result, tg_min_dim_out(x, 1, 0, result, found), 1, 3);
  IS(found, indices_of_min);
  MAKES(found, tg_argmax_dim_out(x, 0, 0, found), 1, 1);
  MAKES(found, tg_argmin_dim_out(x, 0, 0, found), 0, 0);
  MAKES(found, tg_softmax_out(row(0, 0), 0, found), 0.5, 0.5);
  MAKES(found, tg_log_softmax_out(row(0, 0), 0, found), -0.6931471805599453, -0.6931471805599453);
}

static void products(void) {
  const tg_tensor a = square(1, 2, 3, 4), b = square(5, 6, 7, 8), x = row(1, -1);
  const double product[4] = {19, 22, 43, 50}, sum[4] = {39, 46, 89, 104};
  tg_tensor batch, out;

  OK(tg_mm(a, b, &result));
  IS(result, product);
  OK(tg_matmul(a, b, &result));
  IS(result, product);
  OK(tg_unsqueeze(a, 0, &batch));
  OK(tg_unsqueeze(b, 0, &out));
  OK(tg_bmm(batch, out, &result));
  IS(result, product);
  OK(tg_zeros_like(a, &out));
  OK(tg_mm_out(a, b, out));
  IS(out, product);
  OK(tg_addmm(a, a, b, 1, 2, &result));
  IS(result, sum);
  OK(tg_clone(a, &out));
  OK(tg_addmm_(out, a, b, 1, 2));
  IS(out, sum);
  GIVES(tg_mv(a, x, &result), -1, -1);
  GIVES_ONE(tg_dot(x, row(3, 1), &result), 2);
  GIVES(tg_linear(x, a, row(10, 20), &result), 9, 19);

  OK(tg_zeros_like(batch, &result));
  OK(tg_unsqueeze(b, 0, &out));
  OK(tg_bmm_out(batch, out, result));
  IS(result, product);
  OK(tg_zeros_like(a, &out));
  OK(tg_matmul_out(a, b, out));
  IS(out, product);
  OK(tg_addmm_out(a, a, b, 1, 2, out));
  IS(out, sum);
  out = row(0, 0);
  MAKES(out, tg_mv_out(a, x, out), -1, -1);
  MAKES(out, tg_linear_out(x, a, row(10, 20), out), 9, 19);
  OK(tg_scalar(0, TG_FLOAT64, &out));
  MAKES_ONE(out, tg_dot_out(x, row(3, 1), out), 2);
}

static void shapes(void) {
  const tg_tensor x = square(1, 2, 3, 4);
  const int64_t flat[1] = {4}, swapped[2] = {1, 0}, taller[2] = {2, 2}, diagonal[1] = {2};
  const int64_t step[1] = {3};
  const double straight[4] = {1, 2, 3, 4}, turned[4] = {1, 3, 2, 4}, repeated[4] = {1, 2, 1, 2};
  tg_tensor parts[2], pair[2], taken;
  size_t count;

  OK(tg_view(x, flat, 1, &result));
  IS(result, straight);
  OK(tg_reshape(x, flat, 1, &result));
  IS(result, straight);
  OK(tg_flatten(x, 0, -1, &result));
  IS(result, straight);
  OK(tg_t(x, &result));
  IS(result, turned);
  OK(tg_transpose(x, 0, 1, &result));
  IS(result, turned);
  OK(tg_contiguous(result, &result));
  IS(result, turned);
  OK(tg_permute(x, swapped, 2, &result));
  IS(result, turned);
  OK(tg_expand(row(1, 2), taller, 2, &result));
  IS(result, repeated);
  OK(tg_unsqueeze(x, 0, &result));
  OK(tg_squeeze(result, &result));
  IS(result, straight);
  OK(tg_unsqueeze(x, 1, &result));
  OK(tg_squeeze_dim(result, 1, &result));
  IS(result, straight);
  GIVES(tg_select(x, 0, 1, &result), 3, 4);
  GIVES(tg_narrow(x, 0, 1, 1, &result), 3, 4);
  GIVES(tg_slice(x, 1, 0, 2, 2, &result), 1, 3);
  GIVES(tg_as_strided(x, diagonal, step, 1, 0, &result), 1, 4);
  OK(tg_split(x, 1, 0, parts, 2, &count));
  if (count != 2) failures = 1;
  MAKES(parts[1], TG_OK, 3, 4);
  pair[0] = row(1, 2);
  pair[1] = row(3, 4);
  OK(tg_cat(pair, 2, 0, &result));
  IS(result, straight);
  OK(tg_stack(pair, 2, 1, &result));
  IS(result, turned);
  OK(tg_index_select(x, 1, indices(1, 0), &result));
  OK(tg_select(result, 0, 0, &result));
  GIVES(TG_OK, 2, 1);
  GIVES(tg_gather(row(7, 9), 0, indices(1, 0), &result), 9, 7);
  taken = row(0, 0);
  MAKES(taken, tg_gather_out(row(7, 9), 0, indices(1, 0), taken), 9, 7);
  MAKES(taken, tg_index_select_out(row(7, 9), 0, indices(1, 1), taken), 9, 9);
  pair[0] = row(1, 2);
  pair[1] = row(3, 4);
  taken = square(0, 0, 0, 0);
  OK(tg_stack_out(pair, 2, 0, taken));
  IS(taken, straight);
  OK(tg_view(taken, flat, 1, &taken));
  OK(tg_cat_out(pair, 2, 0, taken));
  IS(taken, straight);
}

static void losses(void) {
  const tg_tensor scores = square(0, 0, 0, 0), target = indices(0, 1);
  const double even = 0.6931471805599453; /* log 2 */

  GIVES_ONE(tg_mse_loss(row(1, 2), row(3, 2), TG_REDUCTION_SUM, &result), 4);
  GIVES_ONE(tg_nll_loss(scores, target, 0, -100, TG_REDUCTION_MEAN, &result), 0);
  GIVES_ONE(tg_cross_entropy(scores, target, 0, -100, TG_REDUCTION_MEAN, 0, &result), even);
  GIVES(tg_cross_entropy(scores, target, 0, -100, TG_REDUCTION_NONE, 0.5, &result), even, even);
  result = row(0, 0);
  MAKES(result, tg_mse_loss_out(row(1, 2), row(3, 2), TG_REDUCTION_NONE, result), 4, 0);
  MAKES(result, tg_nll_loss_out(square(1, 2, 3, 4), target, 0, -100, TG_REDUCTION_NONE, result), -1,
        -4);
  MAKES(result, tg_cross_entropy_out(scores, target, 0, -100, TG_REDUCTION_NONE, 0.5, result), even,
        even);
}

int main(void) {
  tg_scope scope;

  OK(tg_scope_enter(&scope));
  elementwise();
  reductions();
  products();
  shapes();
  losses();
  OK(tg_scope_exit(scope));
  if (tg_live_handles() != 0) {
    printf("%d handles are left\n", (int)tg_live_handles());
    failures = 1;
  }
  return failures;
}
